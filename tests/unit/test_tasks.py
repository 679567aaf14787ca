"""Tasks that do not hear that they are to end."""

import asyncio

import pytest

from linnet import tasks
from linnet.tasks import end_tasks


async def test_a_task_that_loses_its_cancellation_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_AGAIN_SECONDS", 0.01)
    lost = 0
    began = asyncio.Event()

    async def work() -> None:
        nonlocal lost
        while True:
            try:
                began.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                # As ``asyncio.wait_for`` does before Python 3.12, when what it waits for comes in the same turn.
                lost += 1

    task = asyncio.create_task(work())
    await began.wait()
    async with asyncio.timeout(60):
        await end_tasks([task])
    assert task.cancelled()
    assert lost == 1


async def test_what_a_task_raised_is_raised_and_what_is_done_is_done() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    async def ends() -> int:
        return 5

    done = [asyncio.create_task(fails()), asyncio.create_task(ends())]
    await asyncio.wait(done)
    with pytest.raises(ZeroDivisionError):
        await end_tasks(done)
    await end_tasks([])
