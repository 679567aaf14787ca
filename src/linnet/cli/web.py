"""``linnet web``: answers people, in as many processes as the machine has cores."""

import asyncio
import os
import resource
import signal
from importlib import import_module

import click
import structlog
from granian.constants import Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from linnet.bootstrap.logs import configure_logs, granian_log_config
from linnet.bootstrap.stopping import EARLY
from linnet.bootstrap.waiting import wait_for_database
from linnet.cli.addresses import refuse_taken_address, url_of
from linnet.cli.failures import Failure
from linnet.cli.stores import with_stores
from linnet.cli.webserver import WebServer, given_socket
from linnet.settings import Settings

log = structlog.get_logger()

_APP = "linnet.bootstrap.web:create_web_app"
_BACKLOG = 4096
_MAX_CONNECTIONS = 100_000
# What a process opens beside connections: stores, logs, libraries.
_OTHER_FILES = 256
_RESTART_PAUSE_SECONDS = 0.5
# A head that takes longer, or is larger, ends its connection; so does silence between two requests.
_HEAD_MS = 30_000
_HEAD_BYTES = 64 * 1024


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at; 0.0.0.0 is every one.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="The port to listen at.")
@with_stores
def web(settings: Settings, *, host: str, port: int) -> None:
    """Answer people: the API.

    Holds nothing that must not be lost, so any number of these can stand behind a load balancer. SIGTERM lets requests
    under way finish. LINNET_WEB_PROCESSES says how many processes answer.

    Started by systemd with a socket, it listens at that one, and loses no connection when it is restarted.
    """
    configure_logs(settings.log)
    given_fd = given_socket(os.environ, os.getpid())
    address = host if given_fd is not None else refuse_taken_address(host, port, option="--port")
    # Here and not only in the processes, which would be started again and again for the same reason.
    asyncio.run(wait_for_database(settings.postgres, patient=True))
    _give_settings_on(settings)
    # Imported once here, the application is there at once in every process that is forked from this one.
    import_module("linnet.bootstrap.web")
    os.register_at_fork(after_in_child=_forget_handlers)
    log.info("listening", at=url_of(host, port), processes=settings.web.processes)
    server = WebServer(
        _APP,
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        loop=Loops.uvloop,
        workers=settings.web.processes,
        websockets=True,
        backlog=_BACKLOG,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_MS, max_buffer_size=_HEAD_BYTES),
        # Counts connections, also idle ones: at the default of 1,024 as many sleeping clients shut everybody else out.
        backpressure=_allow_open_files(),
        # What it says at "info" is about its processes, and of use only to those who look for a fault in them.
        log_level=LogLevels.debug if settings.log.level == "debug" else LogLevels.warning,
        log_dictconfig=dict(granian_log_config()),
        respawn_failed_workers=True,
        respawn_interval=_RESTART_PAUSE_SECONDS,
        workers_kill_timeout=settings.web.stop_seconds,
        given_fd=given_fd,
        stop_delay_seconds=settings.web.stop_delay_seconds,
    )
    try:
        server.serve()
    except SystemExit as ended:
        if ended.code:
            raise Failure("a web process died again right after its start; the lines above say why.") from ended


def _allow_open_files() -> int:
    """Raises the number of files (so, of connections) that each process may have open as far as it goes; returns it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MAX_CONNECTIONS if most == resource.RLIM_INFINITY else min(most, _MAX_CONNECTIONS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return max(128, most - _OTHER_FILES)


def _forget_handlers() -> None:
    """A new process inherits the main process's way with signals, and would not end until it has one of its own."""
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_DFL)
    # Sent to all of them, also to one that does not listen to it yet.
    signal.signal(EARLY, signal.SIG_IGN)


def _give_settings_on(settings: Settings) -> None:
    """The web processes read their settings from the environment, whichever way the URLs were found."""
    os.environ["LINNET_DATABASE_URL"] = settings.postgres.url
    os.environ["LINNET_VALKEY_URL"] = settings.valkey.url
    os.environ["LINNET_MEDIA_URL"] = settings.media.url
