"""A process that runs jobs, for a test to kill: ``python _jobs_process.py DATABASE_URL VALKEY_URL``.

Says on a line when its job has begun, and never ends it.
"""

import asyncio
import ctypes
import signal
import sys

from linnet.stores.postgres.jobs import RunnerOptions
from linnet.workers.jobs import run_jobs
from linnet.write.deps import WriteDeps
from linnet.write.jobs.job import job
from tests.support.world import open_world


@job()
async def dig(deps: WriteDeps, *, depth: int) -> None:
    sys.stdout.write(f"began {depth}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().create_future()


async def main(database_url: str, valkey_url: str) -> None:
    async with open_world(database_url, valkey_url) as world:
        await run_jobs(world.write, [dig], RunnerOptions(), stop=asyncio.Event())


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    asyncio.run(main(*sys.argv[1:]))
