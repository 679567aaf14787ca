"""Servers to be measured: ``linnet serve`` on a directory of its own, and what a measurement needs from its stores."""

import asyncio
import ctypes
import os
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

from linnet.bootstrap import Services, open_services
from linnet.cli.stores import with_urls
from linnet.domain.user import Session
from linnet.embedded import find_running
from linnet.ids import SessionId, UserId, mint_token, token_hash
from linnet.settings import read_settings
from linnet.stores.postgres import outbox, sessions

_READY_SECONDS = 120.0
_STOP_SECONDS = 40.0
_LIBC = ctypes.CDLL(None)


class Serving(msgspec.Struct, frozen=True):
    """A server that answers at ``port`` of the loopback. ``pid`` is the process that was started."""

    pid: int
    port: int
    data_dir: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], *, port: int, path: str, log: Path
) -> Iterator[int]:
    """Runs a server until the block ends, or this process does; waits until it answers 200. Gives its pid."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: _LIBC.prctl(1, signal.SIGTERM, 0, 0, 0),
        )
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(f"http://127.0.0.1:{port}{path}"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{' '.join(command)} did not start:\n{log.read_text('utf-8', 'replace')}")
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
def serving(environment: Mapping[str, str]) -> Iterator[Serving]:
    """An empty linnet in a temporary directory, without rate limits; all of it is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="linnet-bench-") as directory:
        data_dir, port = Path(directory, "data"), free_port()
        command = [sys.executable, "-m", "linnet", "serve", "--no-demo", "--data-dir", str(data_dir)]
        settings = {"LINNET_RATE_LIMITS_ENABLED": "false", **environment}
        with started(
            [*command, "--port", str(port)],
            settings,
            port=port,
            path="/health/ready",
            log=Path(directory, "serve.log"),
        ) as pid:
            yield Serving(pid, port, data_dir)


@asynccontextmanager
async def beside(server: Serving) -> AsyncIterator[Services]:
    """A process like those of the server, in this one: its stores, and its actions without HTTP."""
    urls = find_running(server.data_dir)
    if urls is None:
        raise SystemExit("the server stopped")
    settings = with_urls(read_settings({}), database_url=urls.database_url, valkey_url=urls.valkey_url)
    async with open_services(settings, role="command") as services:
        yield services


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
            raise SystemExit("the event worker does not keep up")
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


def family_of(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    family, front = [pid], [pid]
    while front:
        front = [child for parent in front for child in children.get(parent, [])]
        family += front
    return family


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of processes so far."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def process_named(pid: int, *words: str) -> int:
    """The process below ``pid`` whose command line has these words one after the other."""
    wanted = b"\0".join(word.encode() for word in words)
    for member in family_of(pid):
        try:
            if wanted in Path(f"/proc/{member}/cmdline").read_bytes():
                return member
        except OSError:
            continue
    raise SystemExit(f"no process {' '.join(words)} runs")
