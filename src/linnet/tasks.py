"""Ending tasks for sure: a cancellation may get lost on its way into a task that waits."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

# Longer than what a task that did hear it needs to clear up.
_AGAIN_SECONDS: Final = 5.0


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels tasks until all of them have ended. Raises what one of them raised, unless that is its cancellation.

    Before Python 3.12 ``asyncio.wait_for`` returns its result when it comes in the same turn of the loop as a
    cancellation, which is forgotten then; drivers wait so for connections. A task that works for ever would go on, and
    whoever asked it to end would wait for ever: so it is asked again.
    """
    ended = left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
    for task in ended:
        if not task.cancelled():
            task.result()
