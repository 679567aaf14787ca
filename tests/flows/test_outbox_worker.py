"""The event worker: hears a signal at once, polls all the same, and stops without leaving anything half done."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from linnet.domain.event import LANES, lane_of
from linnet.ids import UserId
from linnet.stores.postgres import outbox, topusers, users
from linnet.stores.postgres.queries import Query
from linnet.workers.stopping import run_until
from linnet.write.deps import WriteOptions
from linnet.write.outbox import lanes
from linnet.write.outbox import worker as worker_module
from linnet.write.outbox.worker import EventWorker, WorkerOptions, match_threshold
from tests.flows._applied_events import PATIENCE_SECONDS, AppliedEvents
from tests.support.world import World

NEVER = 3600.0
_LOCK = Query("test.lock", ("user_id",), "value", "select id from users where id = %(user_id)s for no key update")
_STANDING = Query(
    "test.standing",
    (),
    "value",
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
)


@asynccontextmanager
async def running(worker: EventWorker) -> AsyncIterator[asyncio.Task[None]]:
    """Runs inside the block and has stopped after it."""
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        worker.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> AppliedEvents:
    return AppliedEvents(monkeypatch)


class Polls:
    """Looks at busy lanes: ``seen`` is set after each; ``held`` ones wait until they are let go, after their query."""

    def __init__(self, fetch: Callable[[Any], Awaitable[list[int]]]) -> None:
        self._fetch = fetch
        self.seen = asyncio.Event()
        self.found_nothing = asyncio.Event()
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def __call__(self, db: Any) -> list[int]:
        found = await self._fetch(db)
        self.seen.set()
        if found:
            self.found_nothing.clear()
        else:
            self.found_nothing.set()
        await self.let_go.wait()
        return found


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Polls]:
    polls = Polls(outbox.fetch_busy_lanes)
    monkeypatch.setattr(outbox, "fetch_busy_lanes", polls)
    yield polls
    polls.let_go.set()


async def settled_people(world: World, *names: str) -> None:
    await world.person(*names)
    await match_threshold(world.write)


async def test_a_woken_lane_is_applied_without_waiting_for_the_poll(
    world: World, applied: AppliedEvents, polls: Polls
) -> None:
    await settled_people(world, "ada", "ben")
    worker = EventWorker(world.write, WorkerOptions(poll_seconds=NEVER))
    async with running(worker):
        await polls.seen.wait()
        await world.post("ada")
        worker.wake(lane_of(world.ids["ada"]))
        await applied.reach(1)
        await world.post("ben")
        await world.post("ada")
        worker.wake(lane_of(world.ids["ben"]))
        worker.wake(lane_of(world.ids["ada"]))
        await applied.reach(3)
    assert (await world.profile("ada")).tweets_count == 2


async def test_a_signal_during_a_poll_is_not_lost(world: World, applied: AppliedEvents, polls: Polls) -> None:
    await settled_people(world, "ada")
    worker = EventWorker(world.write, WorkerOptions(poll_seconds=NEVER))
    polls.let_go.clear()
    async with running(worker):
        await polls.seen.wait()
        # The poll has seen nothing; before it is back, there is something.
        await world.post("ada")
        worker.wake(lane_of(world.ids["ada"]))
        polls.let_go.set()
        await applied.reach(1)


async def test_a_signal_while_the_lane_is_at_its_end_is_not_lost(
    world: World, applied: AppliedEvents, polls: Polls, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled_people(world, "ada")
    lane = lane_of(world.ids["ada"])
    apply_lanes = lanes.apply_lanes
    worker = EventWorker(world.write, WorkerOptions(poll_seconds=NEVER))

    async def applied_and_then_more(*args: Any) -> Any:
        found = await apply_lanes(*args)
        if len(applied.rows) == 1:
            await world.post("ada", "between the last look and the end")
            worker.wake(lane)
        return found

    monkeypatch.setattr(worker_module, "apply_lanes", applied_and_then_more)
    async with running(worker):
        await polls.seen.wait()
        await world.post("ada")
        worker.wake(lane)
        await applied.reach(2)


async def test_who_comes_right_behind_another_waits_for_more(
    world: World, applied: AppliedEvents, polls: Polls
) -> None:
    names = ["ben", "cleo", "dan", "eve"]
    await settled_people(world, "ada", *names)
    worker = EventWorker(world.write, WorkerOptions(gather_seconds=NEVER, poll_seconds=NEVER))
    async with running(worker):
        await polls.seen.wait()
        await world.post("ada")
        worker.wake(lane_of(world.ids["ada"]))
        await applied.reach(1)
        for name in names:
            await world.post(name)
            worker.wake(lane_of(world.ids[name]))
        # Without the wait a hand would have taken the first of them by now, and stopping would finish its batch.
    assert [len(batch) for batch in applied.batches] == [1]
    async with running(EventWorker(world.write, WorkerOptions(poll_seconds=NEVER))):
        await applied.reach(5)
    assert [len(batch) for batch in applied.batches] == [1, 4]


async def test_what_nobody_signals_is_found_by_the_poll(world: World, applied: AppliedEvents) -> None:
    await settled_people(world, "ada")
    async with running(EventWorker(world.write, WorkerOptions(poll_seconds=0.01))):
        await world.post("ada")
        await applied.reach(1)


async def test_the_poll_comes_also_while_signals_never_end(world: World, applied: AppliedEvents) -> None:
    await settled_people(world, "ada")
    busy = (lane_of(world.ids["ada"]) + 1) % LANES
    worker = EventWorker(world.write, WorkerOptions(poll_seconds=0.01))

    async def keep_waking() -> None:
        while True:
            worker.wake(busy)
            # A turn of the event loop: so often that the worker never finds itself without a signal.
            await asyncio.sleep(0)

    async with running(worker):
        waking = asyncio.create_task(keep_waking())
        try:
            await world.post("ada")
            await applied.reach(1)
        finally:
            waking.cancel()


async def test_signals_that_name_no_lane_are_ignored(world: World, applied: AppliedEvents, polls: Polls) -> None:
    await settled_people(world, "ada")
    worker = EventWorker(world.write, WorkerOptions(poll_seconds=NEVER))
    async with running(worker):
        await polls.seen.wait()
        for lane in (-1, LANES, 1 << 70):
            worker.wake(lane)
        await world.post("ada")
        worker.wake(lane_of(world.ids["ada"]))
        await applied.reach(1)


async def test_more_lanes_than_are_worked_at_once_are_all_done(world: World, applied: AppliedEvents) -> None:
    names = [f"person{number}" for number in range(20)]
    await settled_people(world, *names)
    for name in names:
        await world.post(name)
    async with running(EventWorker(world.write, WorkerOptions(hands=2, lanes_at_once=3, poll_seconds=0.01))):
        await applied.reach(20)


async def test_stopping_finishes_the_batch_in_hand(world: World) -> None:
    await settled_people(world, "ada")
    await world.post("ada")
    worker = EventWorker(world.write, WorkerOptions(poll_seconds=0.01))
    strand = await world.loom.start("worker", worker.run())
    # The lane's work is the worker's, so it stops where the worker does.
    assert await world.loom.run_until(strand, "commit"), "the threshold is matched in a transaction of its own"
    while await outbox.count(world.db) and strand.next_label != "outbox.delete":
        assert await world.loom.step(strand)
    assert await world.loom.run_until(strand, "commit")
    worker.stop()
    assert await outbox.count(world.db) == 1
    await world.loom.finish()
    assert strand.task.result() is None
    assert await outbox.count(world.db) == 0
    assert (await world.profile("ada")).tweets_count == 1


async def test_a_stopped_worker_takes_no_further_batch(world: World) -> None:
    await settled_people(world, "ada")
    for _ in range(5):
        await world.post("ada")
    worker = EventWorker(world.write, WorkerOptions(lane=lanes.LaneOptions(batch_size=1)))
    strand = await world.loom.start("worker", worker.run())
    while strand.next_label != "outbox.delete":
        assert await world.loom.step(strand)
    worker.stop()
    await world.loom.finish()
    assert await outbox.count(world.db) == 4
    await world.settle()


async def test_a_batch_that_takes_too_long_after_a_stop_is_given_back(world: World, polls: Polls) -> None:
    await settled_people(world, "ada")
    worker, stop = EventWorker(world.write, WorkerOptions(poll_seconds=NEVER)), asyncio.Event()
    async with asyncio.timeout(PATIENCE_SECONDS):
        running = asyncio.create_task(run_until(stop, worker, name="worker", stop_seconds=0.0))
        await polls.seen.wait()
        await world.post("ada")
        async with world.db.transaction() as held:
            await held.value(_LOCK, user_id=world.ids["ada"])
            worker.wake(lane_of(world.ids["ada"]))
            while not await world.db.value(_STANDING):
                pass
            stop.set()
            await running
    assert await outbox.count(world.db) == 1, "it is there for whoever comes next"
    await world.settle()
    assert (await world.profile("ada")).tweets_count == 1


# The threshold of top users


async def is_pulled(world: World, name: str) -> bool:
    record = await topusers.find(world.db, world.ids[name])
    return record is not None and record.since_id is not None and record.until_id is None


def restarted(world: World, *, top_user_followers: int) -> World:
    """The same process with another setting."""
    write = msgspec.structs.replace(world.write, options=WriteOptions(top_user_followers=top_user_followers))
    options = msgspec.structs.replace(world.options, worker=WorkerOptions(poll_seconds=0.01))
    return World(write, world.read, options, world.ids)


async def run_until_nothing_waits(world: World, polls: Polls) -> None:
    """Starts the worker, and stops it when a poll finds nothing."""
    polls.found_nothing.clear()
    async with running(world.worker), asyncio.timeout(PATIENCE_SECONDS):
        await polls.found_nothing.wait()


async def test_a_changed_threshold_lets_people_cross_when_a_worker_starts(
    world: World, monkeypatch: pytest.MonkeyPatch, polls: Polls
) -> None:
    await world.person("ada", "ben", "cleo", "dan", "eve")
    await world.follow("ben", "ada", "eve")
    for name in ("cleo", "dan"):
        await world.follow(name, "ada")
    before = await world.post("ada", "pushed")
    await world.settle()
    await world.assert_exact()
    assert not await is_pulled(world, "ada")

    low = restarted(world, top_user_followers=2)
    await run_until_nothing_waits(low, polls)
    assert await is_pulled(world, "ada")
    assert not await is_pulled(world, "eve")
    after = await low.post("ada", "pulled")
    await low.settle()
    await low.assert_exact()
    assert await low.home_ids("ben") == [after, before]

    scans: list[int] = []
    update_top_flags = users.update_top_flags

    async def counting(*args: Any, **params: Any) -> list[tuple[UserId, bool]]:
        scans.append(params["threshold"])
        return await update_top_flags(*args, **params)

    monkeypatch.setattr(users, "update_top_flags", counting)
    await run_until_nothing_waits(restarted(world, top_user_followers=2), polls)
    assert scans == [], "the same threshold as before: nobody is looked at"
    high = restarted(world, top_user_followers=4)
    await run_until_nothing_waits(high, polls)
    assert scans == [4]
    assert not await is_pulled(world, "ada")
    last = await high.post("ada", "pushed again")
    await high.settle()
    await high.assert_exact()
    assert await high.home_ids("ben") == [last, after, before]


async def test_matching_the_threshold_goes_through_all_users_a_page_at_a_time(world: World) -> None:
    names = [f"person{number}" for number in range(7)]
    await world.person("fan", *names)
    await world.follow("fan", *names)
    await world.settle()
    write = msgspec.structs.replace(world.write, options=WriteOptions(top_user_followers=0))
    crossed = await match_threshold(write, page_size=3)
    assert sorted(crossed) == sorted(world.ids[name] for name in names)
    assert await match_threshold(write, page_size=3) == []
    flags = Query("test.flags", (), "value", "select count(*) from users where is_top")
    assert await world.db.value(flags) == 7
