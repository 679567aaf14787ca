"""One web process: the application that Granian is told to run, once in each of its processes.

It has two doors, one for programs and one for people, over the same actions and screens.
"""

import asyncio
import ctypes
import multiprocessing
import os
import signal
from importlib.metadata import version

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from linnet.api.app import create_app
from linnet.api.edge import Edge
from linnet.api.services import ApiOptions, ApiServices
from linnet.bootstrap.garbage import look_for_garbage_seldom
from linnet.bootstrap.logs import configure_logs
from linnet.bootstrap.metrics import metrics_renderer
from linnet.bootstrap.readiness import readiness_check
from linnet.bootstrap.services import Services, build_services, opened
from linnet.bootstrap.shedding import Shedding, SheddingOptions
from linnet.bootstrap.stopping import Ending, call_on_stop, ending_at_once
from linnet.bootstrap.traces import start_traces
from linnet.domain.addresses import Proxies
from linnet.settings import read_settings
from linnet.web.app import create_pages
from linnet.web.services import WebOptions, WebServices

log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1
_INTERFACE_PATHS = ("/api/", "/media/", "/health/", "/nodeinfo/", "/.well-known/")
_INTERFACE_FILES = ("/api", "/metrics", "/oauth/token", "/oauth/revoke", "/oauth/userinfo")


def create_web_app() -> ASGIApp:
    """The application of a process that was given its settings by environment; its stores open when it starts."""
    _die_with_parent()
    settings = read_settings(os.environ)
    configure_logs(settings.log)
    stop_traces = start_traces(settings.traces, role="web")
    services = build_services(settings)
    ending = Ending()
    interface = create_app(api_services(services, ending))
    whole_life = opened(services, role="web")

    async def begin() -> None:
        with ending_at_once():
            await whole_life.__aenter__()
        look_for_garbage_seldom()
        call_on_stop(services.streams.stop)
        ending.listen()
        log.info("a web process is ready", pid=os.getpid())

    async def end() -> None:
        await whole_life.__aexit__(None, None, None)
        await asyncio.to_thread(stop_traces)

    interface.on_startup.append(begin)
    interface.on_shutdown.append(end)
    bounds = SheddingOptions(settings.web.reads_at_once, settings.web.writes_at_once)
    return Shedding(bounds).around(ending.around(with_pages(interface, web_services(services))))


def with_pages(interface: ASGIApp, services: WebServices) -> ASGIApp:
    """The interface where its paths lie, and pages everywhere else. The interface is told of start and end."""
    pages = Edge(
        create_pages(services),
        services.write.clock,
        proxies=services.proxies,
        logs_requests=services.options.logs_requests,
    )

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and not _is_interface(scope["path"]):
            await pages(scope, receive, send)
        else:
            await interface(scope, receive, send)

    return application


def _is_interface(path: str) -> bool:
    # Clients of the Mastodon API put a slash at the end, or not.
    return path.startswith(_INTERFACE_PATHS) or path.rstrip("/") in _INTERFACE_FILES


def api_services(services: Services, ending: Ending) -> ApiServices:
    """What the interface is given."""
    return ApiServices(
        read=services.read,
        write=services.write,
        viewers=services.viewers,
        streams=services.streams,
        passwords=services.passwords,
        readiness=readiness_check(services, lambda: ending.is_near),
        render_metrics=metrics_renderer(services.db, services.valkey),
        options=ApiOptions(
            public_url=services.settings.web.public_url,
            version=version("linnet"),
            logs_requests=services.settings.log.requests,
        ),
        limits=services.limits if services.settings.limits.enabled else None,
        proxies=Proxies(services.settings.trusted_proxies),
    )


def web_services(services: Services) -> WebServices:
    """What the pages are given."""
    return WebServices(
        read=services.read,
        write=services.write,
        viewers=services.viewers,
        streams=services.streams,
        passwords=services.passwords,
        options=WebOptions(public_url=services.settings.web.public_url, logs_requests=services.settings.log.requests),
        limits=services.limits if services.settings.limits.enabled else None,
        proxies=Proxies(services.settings.trusted_proxies),
    )


def _die_with_parent() -> None:
    """A web process whose main process was killed would keep the port, and nobody would ever stop it."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # A parent that died before the line above sends no signal any more.
    if os.getppid() != parent.pid:
        os._exit(1)
