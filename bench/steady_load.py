"""Clients that ask as fast as they are answered, in a process of their own.

``python -m bench.steady_load PLAN`` reads what to send from PLAN and writes how many answers came beside it.
"""

import asyncio
import itertools
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from bench.http_client import open_client


class Load(msgspec.Struct, frozen=True):
    """``requests`` are sent in turns over ``connections`` for ``seconds``; answers must have ``status``."""

    port: int
    requests: list[bytes]
    status: int
    connections: int
    seconds: float


class Answered(msgspec.Struct, frozen=True):
    """How many answers came in which time."""

    count: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.count / self.seconds


def load(load: Load, scratch: Path) -> Answered:
    """Runs the clients in another process."""
    path = scratch / "load.plan"
    path.write_bytes(msgspec.msgpack.encode(load))
    subprocess.run([sys.executable, "-m", "bench.steady_load", str(path)], check=True, timeout=load.seconds + 60)
    return msgspec.msgpack.decode(path.with_suffix(".outcome").read_bytes(), type=Answered)


async def _run(load: Load) -> Answered:
    requests = itertools.cycle(load.requests)
    count = 0
    async with open_client(load.port, connections=load.connections) as client:
        start = time.monotonic()
        end = start + load.seconds

        async def ask() -> None:
            nonlocal count
            while time.monotonic() < end:
                answer = await client.send(next(requests))
                if answer.status != load.status:
                    raise SystemExit(f"{answer.status}: {answer.body.decode('utf-8', 'replace')[:500]}")
                count += 1

        await asyncio.gather(*[ask() for _ in range(load.connections)])
        return Answered(count, time.monotonic() - start)


def main() -> None:
    path = Path(sys.argv[1])
    plan = msgspec.msgpack.decode(path.read_bytes(), type=Load)
    path.with_suffix(".outcome").write_bytes(msgspec.msgpack.encode(uvloop.run(_run(plan))))


if __name__ == "__main__":
    main()
