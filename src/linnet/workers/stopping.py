"""Work that goes on until somebody says stop, or until it ends by itself."""

import asyncio
from typing import Protocol


class Runner(Protocol):
    """``run`` returns once it was told to ``stop`` and what is in hand is done."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...


async def run_until(stop: asyncio.Event, runner: Runner, *, name: str) -> None:
    """Whatever ended the runner is raised here: the process must end too, and be started anew."""
    running = asyncio.create_task(runner.run(), name=name)
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
        runner.stop()
        await running
    finally:
        stopped.cancel()
        running.cancel()
