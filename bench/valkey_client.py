"""What one Valkey call costs in CPU of this process: redis-py's pool beside linnet's shared connection.

Run ``python bench/valkey_client.py [--calls 20000] [--loop uvloop|asyncio]``. It starts a Valkey of its own on a Unix
socket and prints microseconds of CPU per call, as the best of five rounds. CPU time, not time that passes: the server
works on another core or on the same one, and this figure does not change. Only the comparison within one run means
anything.
"""

import argparse
import asyncio
import pathlib
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable

import redis.asyncio
import uvloop

from linnet.embedded.programs import find_programs
from linnet.errors import Unavailable
from linnet.stores.valkey import Valkey, ValkeyOptions

KEYS = [b"{b42}:home:%d" % n for n in range(50)]
VALUE = b"x" * 200
SCRIPT = "return redis.call('GET', KEYS[1])"
ROUNDS = 5


async def measure(name: str, work: Callable[[int], Awaitable[None]], calls: int) -> None:
    await work(calls // 10)
    best = min([await cpu_seconds(work, calls) for _ in range(ROUNDS)])
    print(f"{name:<58} {best / calls * 1e6:7.1f} µs")


async def cpu_seconds(work: Callable[[int], Awaitable[None]], calls: int) -> float:
    start = time.process_time()
    await work(calls)
    return time.process_time() - start


async def compare(socket: pathlib.Path, calls: int) -> None:
    valkey = Valkey(ValkeyOptions(url=f"unix://{socket}"))
    while True:
        try:
            await valkey.open()
            break
        except Unavailable:
            await asyncio.sleep(0.01)
    for key in KEYS:
        await valkey.call("SET", key, VALUE)
    script = valkey.script(SCRIPT)
    await script.call([KEYS[0]], [])
    pool = redis.asyncio.Redis(unix_socket_path=str(socket))

    async def pool_alone(calls: int) -> None:
        for _ in range(calls):
            await pool.get(KEYS[0])

    async def pool_pipeline(calls: int) -> None:
        for _ in range(calls // 50):
            pipeline = pool.pipeline(transaction=False)
            for key in KEYS:
                pipeline.get(key)
            await pipeline.execute()

    async def alone(calls: int) -> None:
        for _ in range(calls):
            await valkey.call("GET", KEYS[0])

    async def in_turn(calls: int) -> None:
        for _ in range(calls // 50):
            for answer in [valkey.call("GET", key) for key in KEYS]:
                await answer

    async def gathered(calls: int) -> None:
        for _ in range(calls // 50):
            await asyncio.gather(*[valkey.call("GET", key) for key in KEYS])

    async def scripts(calls: int) -> None:
        for _ in range(calls // 50):
            for answer in [script.call([key], [15]) for key in KEYS]:
                await answer

    async def fifty_tasks(calls: int) -> None:
        async def one_task() -> None:
            for _ in range(calls // 50):
                await valkey.call("GET", KEYS[0])

        await asyncio.gather(*[one_task() for _ in range(50)])

    await measure("redis-py pool, one call after the other", pool_alone, calls)
    await measure("redis-py pipeline of 50", pool_pipeline, calls)
    await measure("linnet, one call after the other", alone, calls)
    await measure("linnet, 50 calls a turn, awaited one by one", in_turn, calls)
    await measure("linnet, 50 calls a turn, asyncio.gather", gathered, calls)
    await measure("linnet, 50 script calls a turn", scripts, calls)
    sha = await valkey.call("SCRIPT", "LOAD", SCRIPT)

    async def plain_evalsha(calls: int) -> None:
        for _ in range(calls // 50):
            for answer in [valkey.call("EVALSHA", sha, 1, key, 15) for key in KEYS]:
                await answer

    await measure("linnet, 50 EVALSHA calls a turn, without Script", plain_evalsha, calls)
    await measure("linnet, 50 tasks with one call a turn each", fifty_tasks, calls)
    await pool.aclose()
    await valkey.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000, help="calls in each round (default 20000)")
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        socket = pathlib.Path(directory, "valkey.sock")
        server = subprocess.Popen(
            [
                str(find_programs().valkey_server),
                "--port",
                "0",
                "--unixsocket",
                str(socket),
                "--save",
                "",
                "--dir",
                directory,
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            factory = uvloop.new_event_loop if options.loop == "uvloop" else asyncio.new_event_loop
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(compare(socket, options.calls))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
