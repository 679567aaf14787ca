"""Events of one actor are applied in the order in which they happened, whoever wrote and whoever applies them."""

import asyncio
from collections import Counter

import pytest

from linnet.clock import ManualClock, SystemClock
from linnet.domain.event import LANES, TweetDeleted, TweetPosted, UserFollowed, UserUnfollowed, lane_of
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import outbox
from linnet.stores.postgres.outbox import EventRow, NewEvent
from linnet.stores.postgres.queries import Query
from linnet.write.outbox.lanes import LaneOptions, apply_lane_batch
from tests.flows._applied_events import AppliedEvents
from tests.support import recounts
from tests.support.servers import Servers
from tests.support.world import World, open_process_beside

HOUR_MS = 3_600_000
_ALL = Query("test.all", (), "many", "select actor_id, id, kind, payload::text, attempts, 0 from outbox order by id")


async def waiting(world: World) -> list[EventRow]:
    return await world.db.fetch(EventRow, _ALL)


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> AppliedEvents:
    return AppliedEvents(monkeypatch)


def same_lane_ids(world: World, count: int) -> list[UserId]:
    """People whose events share a lane."""
    by_lane: dict[int, list[UserId]] = {}
    while True:
        user_id = UserId(world.write.ids.mint())
        lane = by_lane.setdefault(lane_of(user_id), [])
        lane.append(user_id)
        if len(lane) == count:
            return lane


def test_lanes_are_used_evenly() -> None:
    # People sign up at any time, and in bursts, where ids differ in their last bits.
    over_time = Counter(lane_of(1_700_000_000_000 + number * 7919 << 16) for number in range(LANES * 100))
    in_bursts = Counter(
        lane_of(1_700_000_000_000 + number // 64 << 16 | 3 << 6 | number % 64) for number in range(LANES * 100)
    )
    for used in (over_time, in_bursts):
        assert set(used) == set(range(LANES))
        assert 50 < min(used.values()) <= max(used.values()) < 200


async def test_what_another_process_does_later_comes_later_though_its_clock_is_behind(
    world: World, servers: Servers, applied: AppliedEvents
) -> None:
    await world.person("ada", "ben")
    ahead = ManualClock(SystemClock().now_ms() + HOUR_MS)
    async with open_process_beside(world, servers.valkey_url, clock=ahead) as beside:
        await beside.follow("ben", "ada")
        tweet_id = await beside.post("ada", "from the process that is ahead")
        await world.delete("ada", tweet_id)
        second = await beside.post("ada")
        await world.delete("ada", second)
        await world.unfollow("ben", "ada")
        await world.follow("ben", "ada")
        assert len(await waiting(world)) == 7, "nothing was applied while it went on"
        await world.settle()
    kinds = {name: [row.kind for row in applied.of(world.ids[name])] for name in ("ada", "ben")}
    assert kinds["ada"] == [TweetPosted.kind, TweetDeleted.kind] * 2
    assert kinds["ben"] == [UserFollowed.kind, UserUnfollowed.kind, UserFollowed.kind]
    await recounts.assert_counts(world.db, top_user_followers=5000)
    await world.assert_exact()


async def test_two_processes_that_choose_one_id_for_one_actors_events_both_get_through(world: World) -> None:
    await world.person("ada")
    event = NewEvent.of(TweetPosted(world.ids["ada"], TweetId(5)), 1000)
    for _ in range(3):
        async with world.db.transaction() as session:
            await outbox.append(session, event)
    assert [row.id for row in await waiting(world)] == [1000, 1001, 1002]


async def test_posts_of_one_person_at_once_are_all_there(world: World) -> None:
    await world.person("ada")
    tweet_ids = await asyncio.gather(*(world.post("ada", f"number {number}") for number in range(30)))
    assert len(set(tweet_ids)) == 30
    await world.settle()
    assert (await world.profile("ada")).tweets_count == 30
    await world.assert_exact()


async def test_a_batch_is_the_lanes_oldest_events_across_its_actors(world: World, applied: AppliedEvents) -> None:
    await world.person("ada")
    one, other, third = same_lane_ids(world, 3)
    lane = lane_of(one)
    async with world.db.transaction() as session:
        for _ in range(10):
            for user_id in (one, other, third):
                event = TweetDeleted(user_id, TweetId(world.write.ids.mint()))
                await outbox.append(session, NewEvent.of(event, world.write.ids.mint()))
    expected = [row.id for row in await waiting(world)]
    options = LaneOptions(batch_size=8)
    outcomes = [await apply_lane_batch(world.write, lane, options) for _ in range(5)]
    assert outcomes == ["applied"] * 4 + ["empty"]
    assert [len(batch) for batch in applied.batches] == [8, 8, 8, 6]
    assert [row.id for row in applied.rows] == expected


async def test_a_batch_costs_the_same_number_of_queries_whatever_its_size(world: World) -> None:
    await world.person("ada", "ben", "cleo")
    await world.follow("ben", "ada")
    await world.follow("cleo", "ada")
    first = await world.post("ada")
    await world.settle()
    await world.home("ben")

    async def spent(posts: int) -> tuple[int, int]:
        for _ in range(posts):
            await world.post("ada", "a tweet")
            await world.post("ada", "an answer", reply_to=first)
        statements, writes = world.db.statements, world.write.valkey.writes
        assert await world.deliver(lane_of(world.ids["ada"])) == "applied"
        return world.db.statements - statements, world.write.valkey.writes - writes

    few, many = await spent(1), await spent(100)
    assert many[0] == few[0], "one query reads the events, one all the followers"
    assert many[1] <= few[1] + 1


async def test_two_workers_on_the_same_lanes_apply_nothing_twice_and_keep_the_order(
    world: World, servers: Servers, applied: AppliedEvents
) -> None:
    names = [f"person{number}" for number in range(6)]
    await world.person(*names)
    async with open_process_beside(world, servers.valkey_url) as beside:
        expected: dict[int, list[int]] = {}
        for number in range(40):
            for name in names:
                await (world, beside)[number % 2].post(name, f"number {number}")
        for row in await waiting(world):
            expected.setdefault(row.actor_id, []).append(row.id)
        small = LaneOptions(batch_size=7)

        async def drain(process: World) -> None:
            while lanes_due := await outbox.fetch_busy_lanes(process.db):
                for lane in lanes_due:
                    await apply_lane_batch(process.write, lane, small)

        await asyncio.gather(drain(world), drain(beside), drain(world), drain(beside))
    for actor_id, ids in expected.items():
        assert [row.id for row in applied.of(actor_id)] == ids, "each once, in order"
    for name in names:
        assert (await world.profile(name)).tweets_count == 40


async def test_a_lane_that_another_worker_holds_is_left_to_it(world: World, servers: Servers) -> None:
    await world.person("ada")
    await world.post("ada")
    lane = lane_of(world.ids["ada"])
    holder = await world.loom.start("holder", world.deliver(lane))
    assert await world.loom.run_until(holder, "commit")
    async with open_process_beside(world, servers.valkey_url) as beside:
        assert await beside.deliver(lane) == "held"
        assert await beside.deliver((lane + 1) % LANES) == "empty"
        await world.loom.finish()
        assert holder.task.result() == "applied"
        assert await beside.deliver(lane) == "empty"
