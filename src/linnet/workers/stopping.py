"""Work that goes on until somebody says stop, or until it ends by itself."""

import asyncio
from typing import Protocol

import structlog

log = structlog.get_logger()


class Runner(Protocol):
    """``run`` returns once it was told to ``stop`` and what is in hand is done."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...


async def run_until(stop: asyncio.Event, runner: Runner, *, name: str, stop_seconds: float) -> None:
    """Whatever ended the runner is raised here: the process must end too, and be started anew.

    What is in hand ``stop_seconds`` after the stop is broken off: nothing of it is done, others do it.
    """
    running = asyncio.create_task(runner.run(), name=name)
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
        runner.stop()
        _, late = await asyncio.wait([running], timeout=stop_seconds)
        if late:
            log.warning("what is in hand takes too long and is given back", runner=name)
            running.cancel()
            await asyncio.wait([running])
        else:
            await running
    finally:
        stopped.cancel()
        running.cancel()
