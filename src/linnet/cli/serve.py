"""``linnet serve``: everything on one machine, started by one command and stopped with it.

It starts the bundled servers, brings the schema up to date, and then looks after two children of its own, ``linnet
web`` and ``linnet worker``. Whoever of them dies is started again; when serve itself dies, even by ``kill -9``, the
kernel ends them all.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import structlog

from linnet.bootstrap import open_services
from linnet.bootstrap.logs import configure_logs
from linnet.bootstrap.waiting import refuse_wrong_kind
from linnet.cli.addresses import refuse_taken_address, url_of
from linnet.cli.demo import DemoLogin, plant_demo
from linnet.cli.failures import Failure
from linnet.cli.probe import wait_until_ready
from linnet.cli.stores import DEFAULT_DATA_DIR, with_media_in, with_urls
from linnet.embedded import ChildSpec, EmbeddedServers, RestartPolicy, StopStep, Supervisor
from linnet.embedded.datadir import is_in_use, open_data_dir
from linnet.errors import Conflict
from linnet.settings import Settings, read_settings
from linnet.stores.postgres.leases import find_fact, upsert_fact
from linnet.stores.postgres.migrate import migrate
from linnet.stores.postgres.moves.residence import check_residence

T = TypeVar("T")

log = structlog.get_logger()

_STOP_SECONDS = 20.0
DEMO_FACT = "serve.demo"
# The bundled PostgreSQL admits 200; the rest is for commands beside.
_SHARED_CONNECTIONS = 180


class ServeOptions(msgspec.Struct, frozen=True):
    """``address`` is the numeric form of ``host``."""

    data_dir: Path
    host: str
    address: str
    port: int
    demo: bool

    @property
    def url(self) -> str:
        return url_of(self.host, self.port)


class _Servers(msgspec.Struct, frozen=True):
    """PostgreSQL and Valkey. ``embedded`` is None when they are not ours; ``scratch`` is a directory to write in."""

    database_url: str
    valkey_url: str
    scratch: Path
    embedded: EmbeddedServers | None


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=DEFAULT_DATA_DIR,
    show_default=True,
    metavar="DIR",
    help="Where all data is kept; made when it is missing.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at; 0.0.0.0 is every one.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="The port to listen at.")
@click.option("--no-demo", is_flag=True, help="Start empty: without the small town that a first start brings.")
def serve(*, data_dir: Path, host: str, port: int, no_demo: bool) -> None:
    """Run everything on this machine, with nothing else installed.

    Brings its own PostgreSQL and Valkey, and keeps all data in one directory. Ctrl-C stops everything.

    With LINNET_DATABASE_URL and LINNET_VALKEY_URL set, these servers are used and none are brought.
    """
    settings = read_settings(os.environ)
    if bool(settings.postgres.url) != bool(settings.valkey.url):
        raise Failure("only one of LINNET_DATABASE_URL and LINNET_VALKEY_URL is set: set both, or neither.")
    configure_logs(settings.log)
    if not settings.postgres.url and is_in_use(data_dir):
        # Before the port, which the other linnet most likely has too.
        with open_data_dir(data_dir):
            pass
    address = refuse_taken_address(host, port, option="--port")
    options = ServeOptions(data_dir, host, address, port, demo=not no_demo)
    asyncio.run(_until_told(settings, options))


async def _until_told(settings: Settings, options: ServeOptions) -> None:
    """Serves until a signal says stop, or until something cannot be kept running."""
    serving = asyncio.create_task(_serve(settings, options))
    told = False

    def on_signal() -> None:
        nonlocal told
        if not told:
            told = True
            _say("Stopping …")
            serving.cancel()

    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signal_number, on_signal)
    try:
        await serving
    except asyncio.CancelledError:
        if not told:
            raise
        _say("Stopped.")


async def _serve(settings: Settings, options: ServeOptions) -> None:
    """Runs until cancelled. Raises ``Failure`` when one of the parts is given up."""
    _say(f"linnet {version('linnet')}")
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(_servers(settings, options))
        settings = with_media_in(settings, options.data_dir)
        settings = with_urls(settings, database_url=servers.database_url, valkey_url=servers.valkey_url)
        await asyncio.to_thread(check_residence, servers.database_url)
        if applied := await asyncio.to_thread(migrate, servers.database_url):
            log.debug("schema migrated", applied=applied)
        children = _children(options, _environment(settings, servers))
        stack.push_async_callback(_stop, children)
        for child in children:
            await child.start()
        failure = asyncio.create_task(_first_failure(servers.embedded, children))
        stack.push_async_callback(_cancel, failure)
        login = await _unless(failure, _town(settings, servers, options))
        await _unless(failure, wait_until_ready(options.address, options.port))
        _greet(options, login)
        raise Failure(await failure)


@asynccontextmanager
async def _servers(settings: Settings, options: ServeOptions) -> AsyncIterator[_Servers]:
    """The bundled servers, or those of the settings."""
    if settings.postgres.url:
        await refuse_wrong_kind(settings.valkey)
        scratch = Path(tempfile.mkdtemp(prefix="linnet-"))
        try:
            yield _Servers(settings.postgres.url, settings.valkey.url, scratch, None)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return
    _say(f"Starting PostgreSQL and Valkey on {options.data_dir} …")
    async with EmbeddedServers(options.data_dir) as embedded:
        yield _Servers(embedded.database_url, embedded.valkey_url, options.data_dir.resolve() / "run", embedded)


def _environment(settings: Settings, servers: _Servers) -> Mapping[str, str]:
    """What the children are told, and one place for the counters of all of them."""
    counters = servers.scratch / "metrics"
    # Counters of an earlier life would be added to those of this one.
    shutil.rmtree(counters, ignore_errors=True)
    counters.mkdir(mode=0o700)
    return {
        # Said first, so that who sets it has it: the children's small talk is not for those who just start linnet.
        "LINNET_LOG_LEVEL": "warning",
        # Nobody stands in front of it who would have to notice.
        "LINNET_WEB_STOP_DELAY_SECONDS": "0",
        **os.environ,
        "LINNET_DATABASE_POOL_SIZE": str(pool_size(settings) if servers.embedded else settings.postgres.pool_size),
        "LINNET_DATABASE_URL": settings.postgres.url,
        "LINNET_VALKEY_URL": settings.valkey.url,
        "LINNET_MEDIA_URL": settings.media.url,
        "PROMETHEUS_MULTIPROC_DIR": str(counters),
    }


def pool_size(settings: Settings) -> int:
    """Connections per process, so that the web processes of a machine with many cores share the bundled server."""
    return max(2, min(settings.postgres.pool_size, _SHARED_CONNECTIONS // (settings.web.processes + 1)))


def _children(options: ServeOptions, environment: Mapping[str, str]) -> list[Supervisor]:
    commands = {
        "web": ("web", "--host", options.address, "--port", str(options.port)),
        "worker": ("worker", "--jobs"),
    }
    return [
        Supervisor.of_program(
            ChildSpec(
                name=name,
                argv=(sys.executable, "-m", "linnet", *arguments),
                environment=environment,
                # Nothing of theirs is lost by it, and the port is free at once.
                parent_death_signal=signal.SIGKILL,
                stop_steps=(StopStep(signal.SIGTERM, _STOP_SECONDS),),
            ),
            RestartPolicy(attempts=8),
        )
        for name, arguments in commands.items()
    ]


async def _town(settings: Settings, servers: _Servers, options: ServeOptions) -> DemoLogin | None:
    """Plants the demo town on the first start, unless it is not wanted; on later starts only tells of it."""
    if servers.embedded is None:
        return None
    async with open_services(settings, role="command") as services:
        wanted = await find_fact(services.db, DEMO_FACT)
        if wanted is None:
            # Decided once: a later start must not bring strangers into a place where people live by now.
            wanted = "yes" if options.demo else "no"
            await upsert_fact(services.db, DEMO_FACT, wanted)
            if options.demo:
                _say("Planting a small demo town …")
        if wanted != "yes":
            return None
        try:
            return await plant_demo(services.write, services.passwords)
        except Conflict as error:
            log.warning("no demo town", cause=error.sentence)
            return None


async def _first_failure(embedded: EmbeddedServers | None, children: list[Supervisor]) -> str:
    """Returns only when something died and was started again in vain: a sentence that says what."""
    waits = [asyncio.ensure_future(child.wait_given_up()) for child in children]
    if embedded is not None:
        waits.append(asyncio.ensure_future(embedded.wait_failed()))
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for wait in waits:
            wait.cancel()


async def _unless(failure: asyncio.Task[str], work: Coroutine[Any, Any, T]) -> T:
    """Waits for work, unless something it needs is given up meanwhile: then raises ``Failure``."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task, failure], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Failure(failure.result())
        return task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task


async def _stop(children: list[Supervisor]) -> None:
    await asyncio.gather(*(child.stop() for child in children))


async def _cancel(task: asyncio.Task[str]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _greet(options: ServeOptions, login: DemoLogin | None) -> None:
    _say("")
    _say(f"  linnet is ready at {options.url}")
    _say(f"  API documentation  {options.url}/api/docs")
    if login is not None:
        _say(f"  Log in as          {login.username}")
        _say(f"  with the password  {login.password}")
    _say("")
    _say("  Ctrl-C stops it.")


def _say(line: str) -> None:
    # Flushed: whoever reads this through a pipe waits for these lines.
    click.echo(line)
    sys.stdout.flush()
