"""Several event workers share the lanes evenly, and what one leaves behind is taken by the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.domain.event import LANES, lane_of
from linnet.stores.postgres import eventworkers, outbox
from linnet.write.outbox.shares import share_of
from linnet.write.outbox.worker import EventWorker, WorkerOptions
from tests.flows._applied_events import PATIENCE_SECONDS, AppliedEvents
from tests.support.sentinels import until
from tests.support.world import World

NEVER = 3600.0
BEATS = WorkerOptions(poll_seconds=NEVER, beat_seconds=0.02)


@given(st.sets(st.integers(min_value=1), min_size=1, max_size=80))
def test_every_lane_is_in_one_share_and_no_share_is_two_larger_than_another(ids: set[int]) -> None:
    shares = [share_of(each, list(ids)) for each in ids]
    assert sorted(lane for share in shares for lane in share) == list(range(LANES))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> AppliedEvents:
    return AppliedEvents(monkeypatch)


@asynccontextmanager
async def working(world: World, options: WorkerOptions = BEATS) -> AsyncIterator[EventWorker]:
    worker = EventWorker(world.write, options)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


async def share(*workers: EventWorker) -> None:
    """Returns when they have heard of each other, and of nobody else."""

    async def is_so() -> bool:
        return sorted(lane for worker in workers for lane in worker.own_lanes) == list(range(LANES))

    await until(is_so, "each lane is in one share")


async def test_lanes_are_spread_evenly_and_spread_anew_when_workers_come_and_go(world: World) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(working(world))
        await share(first)
        second = await stack.enter_async_context(working(world))
        await share(first, second)
        assert [len(each.own_lanes) for each in (first, second)] == [32, 32]
        async with working(world) as third:
            await share(first, second, third)
            assert [len(each.own_lanes) for each in (first, second, third)] == [22, 21, 21]
        await share(first, second)


async def test_a_signal_brings_one_worker_and_not_all_of_them(world: World, applied: AppliedEvents) -> None:
    await world.person("ada")
    lane = lane_of(world.ids["ada"])
    async with working(world) as first, working(world) as second:
        await share(first, second)
        owner, other = (first, second) if lane in first.own_lanes else (second, first)
        await world.post("ada")
        other.wake(lane)
        # Whoever has no work for this signal has none at all.
        assert not other.is_woken
        owner.wake(lane)
        await applied.reach(1)


async def test_what_a_killed_worker_leaves_is_taken_before_it_is_known_to_be_gone(
    world: World, applied: AppliedEvents
) -> None:
    await world.person("ada", "ben")
    # Somebody who says so, and does nothing, for as long as this test takes.
    await eventworkers.beat(world.db, 1, gone_seconds=NEVER)
    options = WorkerOptions(poll_seconds=0.01, late_seconds=0.01)
    async with working(world, options) as worker:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(worker.own_lanes) != LANES // 2:
                await eventworkers.beat(world.db, 1, gone_seconds=NEVER)
        for name in ("ada", "ben"):
            await world.post(name)
        await applied.reach(2)


async def test_a_worker_that_says_nothing_any_more_has_no_lanes(world: World) -> None:
    await eventworkers.beat(world.db, 1, gone_seconds=1.0)
    async with working(world) as worker:
        await share(worker)
    assert await eventworkers.beat(world.db, 2, gone_seconds=NEVER) == [1, 2], "who stops in good order says so"


async def test_what_is_due_in_lanes_of_others_is_left_to_them_for_a_while(world: World) -> None:
    await world.person("ada")
    await world.settle()
    await world.post("ada")
    lane = lane_of(world.ids["ada"])
    others = set(range(LANES)) - {lane}
    assert await outbox.fetch_due_lanes(world.db, [lane], late_seconds=NEVER) == [lane]
    assert await outbox.fetch_due_lanes(world.db, others, late_seconds=NEVER) == []
    assert await outbox.fetch_due_lanes(world.db, others, late_seconds=0.0) == [lane]
    await world.settle()
