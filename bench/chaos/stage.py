"""A whole installation on this machine: HAProxy, two web processes, two workers, and the stores under them.

Every process is a child that dies with this one and is started again when it dies alone, as an init system would.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from bench.chaos.http import HttpClient
from bench.chaos.ports import free_ports
from bench.chaos.proxy import start_haproxy
from bench.chaos.relay import Network
from bench.chaos.stores import RESTART, PostgresServer, ValkeyTrio
from bench.chaos.waiting import until
from linnet.bench.processes import family_of
from linnet.cli.stores import with_urls
from linnet.embedded import Child, ChildSpec, StopStep, Supervisor
from linnet.settings import Settings, read_settings
from linnet.stores.postgres.migrate import migrate

# So many that nobody reaches them, and yet each request is counted in Valkey as it would be.
_LIMITS = {f"LINNET_LIMIT_{name}": "1000000/m" for name in ("REQUEST", "TWEET", "FOLLOW", "LIKE", "SEARCH")}


class LinnetProcess:
    """A ``linnet`` under a supervisor. ``port`` answers ``/health/ready``."""

    def __init__(self, name: str, supervisor: Supervisor, port: int) -> None:
        self.name = name
        self.port = port
        self.supervisor = supervisor

    @property
    def child(self) -> Child:
        assert self.supervisor.child is not None
        return self.supervisor.child

    def kill(self) -> None:
        """With all that it started: ``kill -9`` of a service."""
        os.killpg(self.child.pid, signal.SIGKILL)

    async def restart(self) -> None:
        """SIGTERM, and back to work: returns when its successor is ready."""
        old = self.child
        old.send(signal.SIGTERM)
        await old.wait()
        await self.wait_ready(after=old)

    async def wait_ready(self, *, after: Child | None = None) -> None:
        """``after``: another one than this."""

        async def is_ready() -> bool:
            return self.child is not after and not self.child.has_ended and await _is_ready(self.port)

        await until(is_ready, what=f"{self.name} is ready")

    def memory_bytes(self) -> int:
        """What it and its children hold for themselves."""
        return sum(_anonymous_bytes(pid) for pid in family_of(self.child.pid))


class Stage(msgspec.Struct, frozen=True):
    """The installation. ``port`` is HAProxy's; ``settings`` are for a process beside those of the installation."""

    directory: Path
    port: int
    postgres: PostgresServer
    valkey: ValkeyTrio
    network: Network
    webs: list[LinnetProcess]
    workers: list[LinnetProcess]
    settings: Settings

    @property
    def linnets(self) -> list[LinnetProcess]:
        return [*self.webs, *self.workers]

    async def wait_ready(self) -> None:
        """All processes are ready, and HAProxy answers."""
        await self.postgres.wait_ready()
        await asyncio.gather(*(each.wait_ready() for each in self.linnets))
        await until(lambda: _is_ready(self.port), what="HAProxy answers for a web process")


@asynccontextmanager
async def open_stage(directory: Path) -> AsyncIterator[Stage]:
    """Everything is ready inside the block, and gone after it. Call it in the main thread."""
    async with AsyncExitStack() as stack:
        postgres, valkey = await asyncio.gather(
            PostgresServer.open(stack, directory / "postgres"), ValkeyTrio.open(stack, directory / "valkey")
        )
        await asyncio.to_thread(migrate, postgres.url)
        port, *ports = free_ports(1 + 4 + len(valkey.nodes) + len(valkey.sentinel_ports))
        network = Network()
        stack.push_async_callback(network.close)
        relays = ports[4:]
        behind = [*(node.port for node in valkey.nodes), *valkey.sentinel_ports]
        await network.open(dict(zip(relays, behind, strict=True)))

        environment = {
            "LINNET_DATABASE_URL": postgres.url,
            "LINNET_VALKEY_URL": valkey.url(),
            "LINNET_MEDIA_URL": (directory / "media").as_uri(),
            "LINNET_WEB_PROCESSES": "1",
            "LINNET_TRUSTED_PROXIES": "127.0.0.1",
            "LINNET_LOG_FORMAT": "json",
            **_LIMITS,
        }
        through_relays = {**environment, "LINNET_VALKEY_URL": valkey.url(relays[len(valkey.nodes) :])}
        logs = directory / "logs"
        logs.mkdir()
        webs = [
            _linnet(f"web {number}", ("web", "--port", str(each)), environment, each, logs)
            for number, each in enumerate(ports[:2], 1)
        ]
        workers = [
            _linnet(f"worker {number}", ("worker", "--jobs", "--metrics-port", str(each)), through_relays, each, logs)
            for number, each in enumerate(ports[2:4], 1)
        ]
        await start_haproxy(stack, port=port, web_ports=ports[:2], logs=logs)
        supervisors = [each.supervisor for each in (*webs, *workers)]
        stack.push_async_callback(_stop_all, supervisors)
        for supervisor in supervisors:
            await supervisor.start()
        settings = with_urls(read_settings({}), database_url=postgres.url, valkey_url=valkey.url())
        stage = Stage(directory, port, postgres, valkey, network, webs, workers, settings)
        await stage.wait_ready()
        yield stage


async def _stop_all(supervisors: list[Supervisor]) -> None:
    await asyncio.gather(*(supervisor.stop() for supervisor in supervisors))


def _linnet(
    name: str, arguments: tuple[str, ...], environment: Mapping[str, str], port: int, logs: Path
) -> LinnetProcess:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("LINNET_")}
    spec = ChildSpec(
        name=name,
        argv=(sys.executable, "-m", "linnet", *arguments),
        environment={**inherited, **environment},
        log_path=logs / f"{name.replace(' ', '-')}.log",
        stop_steps=(StopStep(signal.SIGTERM, 30.0),),
    )
    return LinnetProcess(name, Supervisor.of_program(spec, RESTART), port)


async def _is_ready(port: int) -> bool:
    client = HttpClient(port)
    try:
        return (await client.ask("GET", "/health/ready", "")).status == 200
    except (OSError, EOFError, TimeoutError):
        return False
    finally:
        client.close()


def _anonymous_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))
