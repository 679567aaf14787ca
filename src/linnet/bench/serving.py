"""Servers to be measured: ``linnet serve`` on a place of its own, and what a measurement needs from its stores."""

import asyncio
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from linnet.bench.afterwards import removed_afterwards
from linnet.bench.processes import Family
from linnet.bootstrap import Services, open_services
from linnet.cli.failures import Failure, one_line
from linnet.cli.stores import with_urls
from linnet.domain.user import Session
from linnet.embedded import ServerUrls, find_running
from linnet.ids import SessionId, UserId, mint_token, token_hash
from linnet.settings import read_settings
from linnet.stores.postgres import outbox, sessions

_READY_SECONDS = 120.0
_STOP_SECONDS = 40.0
_LIBC = ctypes.CDLL(None)


class Serving(msgspec.Struct, frozen=True):
    """A server that answers at ``port`` of the loopback. ``pid`` is the process that was started.

    ``settings`` are those that it was given as ``LINNET_*``, ``given`` the stores when they are not its own.
    """

    pid: int
    port: int
    data_dir: Path
    settings: Mapping[str, str] = {}
    given: ServerUrls | None = None


class Site(msgspec.Struct, frozen=True):
    """A linnet that is measured: the server, and ``services`` in this process beside it, on the same stores."""

    server: Serving
    services: Services

    @property
    def watched(self) -> Family:
        """All processes of it that run on this machine."""
        return Family(self.server.pid)

    @property
    def is_embedded(self) -> bool:
        """Whether its stores run here, as its own children."""
        return self.server.given is None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment() -> dict[str, str]:
    """This process's, without settings: what somebody set for a place of theirs must not lead there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LINNET_")}


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], *, port: int, path: str, log: Path
) -> Iterator[int]:
    """Runs a server until the block ends, or this process does; waits until it answers 200. Gives its pid.

    In a session of its own, so that Ctrl-C reaches this process alone, which then stops it.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**clean_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: _LIBC.prctl(1, signal.SIGTERM, 0, 0, 0),
        )
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(f"http://127.0.0.1:{port}{path}"):
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
                raise Failure(one_line(f"what is to be measured did not start: {''.join(said) or 'it said nothing'}"))
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A temporary directory that is gone afterwards, also when this process is killed."""
    directory = Path(tempfile.mkdtemp(prefix="linnet-bench-"))
    with removed_afterwards(directory):
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def serving(settings: Mapping[str, str], *, given: ServerUrls | None = None) -> Iterator[Serving]:
    """An empty linnet in a temporary directory, without rate limits; all of it is gone after the block.

    ``given``: stores to use instead of its own. What it leaves in them is for who gave them to take away.
    """
    with scratch_directory() as directory:
        data_dir, port = directory / "data", free_port()
        command = [sys.executable, "-m", "linnet", "serve", "--no-demo", "--data-dir", str(data_dir)]
        settings = {"LINNET_RATE_LIMITS_ENABLED": "false", **settings}
        if given is not None:
            urls = {"LINNET_DATABASE_URL": given.database_url, "LINNET_VALKEY_URL": given.valkey_url}
            settings = {**settings, **urls}
        with started(
            [*command, "--port", str(port)],
            settings,
            port=port,
            path="/health/ready",
            log=directory / "serve.log",
        ) as pid:
            yield Serving(pid, port, data_dir, settings, given)


@asynccontextmanager
async def beside(server: Serving) -> AsyncIterator[Services]:
    """A process like those of the server, in this one: its stores, and its actions without HTTP."""
    urls = server.given or find_running(server.data_dir)
    if urls is None:
        raise Failure("the server that was to be measured stopped.")
    settings = with_urls(read_settings(server.settings), database_url=urls.database_url, valkey_url=urls.valkey_url)
    async with open_services(settings, role="command") as services:
        yield services


@asynccontextmanager
async def open_site(settings: Mapping[str, str], *, given: ServerUrls | None = None) -> AsyncIterator[Site]:
    """An empty linnet and its services, gone after the block. See ``serving``."""
    with serving(settings, given=given) as server:
        async with beside(server) as services:
            yield Site(server, services)


async def open_sessions(services: Services, user_ids: Sequence[UserId]) -> dict[UserId, str]:
    """Tokens of people, without the passwords that thousands of log-ins would hash."""
    tokens = {user_id: mint_token(user_id) for user_id in user_ids}
    async with services.db.transaction() as transaction:
        for user_id, token in tokens.items():
            session = Session(SessionId(services.leases.ids.mint()), user_id, "bench", services.clock.now_ms())
            await sessions.insert(transaction, session, token_hash=token_hash(token))
    return tokens


async def settled(services: Services, *, timeout_seconds: float = 120.0) -> float:
    """Waits until no event waits any more; returns for how long that was."""
    start = time.monotonic()
    while await outbox.count(services.db):
        if time.monotonic() > start + timeout_seconds:
            raise Failure("the event worker does not keep up with what is written.")
        await asyncio.sleep(0.02)
    return time.monotonic() - start


def read_metrics(port: int) -> dict[str, float]:
    """The figures of ``/metrics``: name with labels → value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def histogram_since(before: Mapping[str, float], after: Mapping[str, float], name: str) -> dict[float, float]:
    """A histogram's buckets by upper edge, counted cumulatively from ``before`` on."""
    start = f'{name}_bucket{{le="'
    return {
        float(key[len(start) :].removesuffix('"}')): value - before.get(key, 0.0)
        for key, value in after.items()
        if key.startswith(start)
    }
