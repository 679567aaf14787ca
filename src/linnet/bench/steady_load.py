"""Clients that ask as fast as they are answered, in a process of their own.

``python -m linnet.bench.steady_load PLAN`` reads what to send from PLAN and writes what was answered beside it.
"""

import asyncio
import ctypes
import itertools
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from linnet.bench.http_client import open_client
from linnet.bench.serving import clean_environment
from linnet.cli.failures import Failure, one_line

_PATIENCE_SECONDS = 60.0
_LIBC = ctypes.CDLL(None)


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A request, ready to be sent, the status that its answer must have, and what kind of request it is."""

    sent: bytes
    status: int = 200
    kind: str = ""


class Load(msgspec.Struct, frozen=True):
    """``requests`` are sent in turns over ``connections`` for ``seconds``, again and again unless only ``once``."""

    port: int
    requests: list[Asked]
    connections: int
    seconds: float
    once: bool = False


class Answered(msgspec.Struct, frozen=True):
    """How long each answer took, by the kind of its request, and how long all of it took. Seconds."""

    times: dict[str, list[float]]
    seconds: float
    failure: str = ""

    @property
    def count(self) -> int:
        return sum(map(len, self.times.values()))


def all_asked(requests: Sequence[bytes], status: int = 200) -> list[Asked]:
    """Requests of one kind."""
    return [Asked(request, status) for request in requests]


async def run_load(load: Load, scratch: Path) -> Answered:
    """Runs the clients in another process, which ends with this one. Raises ``Failure`` when an answer was wrong."""
    path = scratch / "load.plan"
    path.write_bytes(msgspec.msgpack.encode(load))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linnet.bench.steady_load", str(path)),
        env=clean_environment(),
        start_new_session=True,
        preexec_fn=lambda: _LIBC.prctl(1, signal.SIGKILL, 0, 0, 0),
    )
    try:
        async with asyncio.timeout(load.seconds + _PATIENCE_SECONDS):
            exit_code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if exit_code:
        raise Failure(f"the clients of the measurement ended with {exit_code}.")
    answered = msgspec.msgpack.decode(path.with_suffix(".outcome").read_bytes(), type=Answered)
    if answered.failure:
        raise Failure(answered.failure)
    if not answered.count:
        raise Failure("nothing was answered while it was measured.")
    return answered


async def _run(load: Load) -> Answered:
    requests = iter(load.requests) if load.once else itertools.cycle(load.requests)
    times: dict[str, list[float]] = {asked.kind: [] for asked in load.requests}
    failures: list[str] = []
    async with open_client(load.port, connections=load.connections) as client:
        start = time.perf_counter()
        end = start + load.seconds

        async def ask() -> None:
            now = time.perf_counter()
            while now < end and not failures:
                asked = next(requests, None)
                if asked is None:
                    return
                answer = await client.send(asked.sent)
                then, now = now, time.perf_counter()
                times[asked.kind].append(now - then)
                if answer.status != asked.status:
                    said = one_line(answer.body.decode("utf-8", "replace")[:500])
                    failures.append(f"a request was answered {answer.status}, not {asked.status}: {said}")

        await asyncio.gather(*[ask() for _ in range(load.connections)])
        return Answered(times, time.perf_counter() - start, failures[0] if failures else "")


def main() -> None:
    path = Path(sys.argv[1])
    plan = msgspec.msgpack.decode(path.read_bytes(), type=Load)
    try:
        answered = uvloop.run(_run(plan))
    except OSError as error:
        answered = Answered({}, 0.0, one_line(f"the clients were not answered: {error!r}"))
    path.with_suffix(".outcome").write_bytes(msgspec.msgpack.encode(answered))


if __name__ == "__main__":
    main()
