"""An event that keeps failing is parked with its reason, holds up nobody but its actor, and can be replayed."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from linnet.domain.event import actor_of, lane_of
from linnet.errors import Unavailable
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import outbox
from linnet.stores.postgres.outbox import ParkedEvent
from linnet.stores.postgres.pool import Session
from linnet.stores.postgres.queries import Query
from linnet.write.deps import WriteDeps
from linnet.write.fanout import batch
from linnet.write.fanout.batch import Applied
from linnet.write.fanout.sorting import Numbered
from linnet.write.outbox import lanes
from linnet.write.outbox.lanes import LaneOptions
from linnet.write.outbox.worker import WorkerOptions
from tests.flows._lanes import sign_up_in_lanes
from tests.support import recounts
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

ATTEMPTS = 3
# Retries are due at once, or when the test says so.
AT_ONCE = LaneOptions(max_attempts=ATTEMPTS, retry_seconds=0.0)
LATER = LaneOptions(max_attempts=ATTEMPTS, retry_seconds=3600.0)

_SPOIL = Query(
    "test.spoil",
    (),
    "none",
    "update outbox set kind = 'tweet_eaten' where id = (select min(id) from outbox where actor_id = %(actor_id)s)",
)
_MEND = Query("test.mend", (), "none", "update parked_events set kind = 'tweet_posted' where actor_id = %(actor_id)s")
_DUE = Query("test.due", (), "none", "update outbox set retry_at = now() where retry_at is not null")
_HURRY = Query("test.hurry", (), "value", "select set_config('statement_timeout', '20', true)")
_SLEEP = Query("test.sleep", (), "value", "select pg_sleep(3600)")
_WAITING = Query("test.waiting", (), "many", "select actor_id, attempts from outbox order by id")


@pytest.fixture
async def town(database_url: str, servers: Servers) -> AsyncIterator[World]:
    """Ada and Ben share a lane; Cleo follows both, and reads."""
    async with open_world(
        database_url, servers.valkey_url, options=WorldOptions(worker=WorkerOptions(lane=AT_ONCE))
    ) as world:
        await world.person("ada")
        await sign_up_in_lanes(world, "ben", [lane_of(world.ids["ada"])])
        await world.person("cleo")
        await world.follow("cleo", "ada", "ben")
        await world.settle()
        await world.assert_exact()
        yield world


def lane(town: World) -> int:
    return lane_of(town.ids["ada"])


async def parked(town: World) -> list[ParkedEvent]:
    return await outbox.fetch_parked(town.db, page_size=10)


async def waiting(town: World) -> list[tuple[str, int]]:
    return await town.db.fetch(lambda actor_id, attempts: (town.name_of(actor_id), attempts), _WAITING)


async def spoiled_post(town: World, name: str) -> TweetId:
    """A tweet whose event nobody understands."""
    tweet_id = await town.post(name, "spoiled")
    await town.db.run(_SPOIL, actor_id=town.ids[name])
    return tweet_id


async def test_an_event_that_fails_is_tried_a_few_times_and_then_parked_with_its_reason(town: World) -> None:
    await spoiled_post(town, "ada")
    for attempt in range(1, ATTEMPTS):
        assert await waiting(town) == [("ada", attempt - 1)]
        assert await lanes._apply_one(town.write, lane(town), AT_ONCE) == "applied"
    assert await waiting(town) == [("ada", ATTEMPTS - 1)]
    assert await parked(town) == []
    assert await lanes._apply_one(town.write, lane(town), AT_ONCE) == "applied"
    assert await waiting(town) == []
    [event] = await parked(town)
    assert event.actor_id == town.ids["ada"]
    assert event.kind == "tweet_eaten"
    assert event.attempts == ATTEMPTS
    assert event.reason == "ValueError: unknown kind of event: tweet_eaten"
    assert event.lane == lane(town)


async def test_retries_wait_longer_each_time(town: World) -> None:
    await spoiled_post(town, "ada")
    left = Query("test.left", (), "value", "select round(extract(epoch from retry_at - now()))::int from outbox")
    for expected in (3600, 4 * 3600):
        assert await lanes._apply_one(town.write, lane(town), LATER) == "applied"
        assert await town.db.value(left) == pytest.approx(expected, abs=60)
        assert await outbox.fetch_busy_lanes(town.db) == [], "nothing is due"
        assert await lanes.apply_lane_batch(town.write, lane(town), LATER) == "empty"
        await town.db.run(_DUE)
        assert await outbox.fetch_busy_lanes(town.db) == [lane(town)]


async def test_others_of_the_lane_go_on_while_the_actors_later_events_wait(town: World) -> None:
    spoiled = await spoiled_post(town, "ada")
    later = await town.post("ada", "after the spoiled one")
    others = [await town.post("ben", f"number {number}") for number in range(3)]
    assert await lanes.apply_lane_batch(town.write, lane(town), LATER) == "empty", "nothing of it is left to do now"
    assert await waiting(town) == [("ada", 1), ("ada", 0)], "an actor's order is kept"
    assert (await town.profile("ben")).tweets_count == 3
    assert (await town.profile("ada")).tweets_count == 0
    assert await town.home_ids("cleo") == others[::-1]
    for _ in range(ATTEMPTS - 1):
        await town.db.run(_DUE)
        await lanes.apply_lane_batch(town.write, lane(town), LATER)
    assert len(await parked(town)) == 1
    assert await waiting(town) == [], "once it is parked, the actor goes on"
    assert (await town.profile("ada")).tweets_count == 1
    assert set(await town.home_ids("cleo")) == {later, *others}
    assert spoiled not in await town.home_ids("cleo")


async def test_a_replayed_event_is_applied_and_all_is_as_if_it_had_never_failed(town: World) -> None:
    spoiled = await spoiled_post(town, "ada")
    await town.post("ada", "later")
    await town.worker.drain()
    [event] = await parked(town)
    await town.db.run(_MEND, actor_id=event.actor_id)
    async with town.db.transaction() as session:
        assert not await outbox.replay(session, actor_id=event.actor_id, event_id=event.id + 1)
        assert await outbox.replay(session, actor_id=event.actor_id, event_id=event.id)
        assert not await outbox.replay(session, actor_id=event.actor_id, event_id=event.id)
    assert await parked(town) == []
    assert await waiting(town) == [("ada", 0)], "its attempts begin anew"
    await town.settle()
    assert spoiled in await town.home_ids("cleo")
    await recounts.assert_counts(town.db, top_user_followers=5000)
    await town.assert_exact()


async def test_a_replayed_event_that_still_fails_is_parked_again(town: World) -> None:
    await spoiled_post(town, "ada")
    await town.worker.drain()
    [event] = await parked(town)
    async with town.db.transaction() as session:
        await outbox.replay(session, actor_id=event.actor_id, event_id=event.id)
    await town.worker.drain()
    [again] = await parked(town)
    assert (again.id, again.attempts) == (event.id, ATTEMPTS)


@pytest.mark.parametrize("verb", ["tweet", "reply", "retweet"])
async def test_a_post_replayed_after_its_deletion_leaves_nothing(town: World, verb: str) -> None:
    parent = await town.post("ben", "there before")
    await town.settle()
    match verb:
        case "tweet":
            tweet_id = await town.post("ada")
        case "reply":
            tweet_id = await town.post("ada", reply_to=parent)
        case _:
            tweet_id = await town.retweet("ada", parent)
    await town.db.run(_SPOIL, actor_id=town.ids["ada"])
    await town.delete("ada", tweet_id)
    await town.worker.drain()
    [event] = await parked(town)
    await town.db.run(_MEND, actor_id=event.actor_id)
    async with town.db.transaction() as session:
        await outbox.replay(session, actor_id=event.actor_id, event_id=event.id)
    await town.settle()
    await recounts.assert_counts(town.db, top_user_followers=5000)
    await town.assert_exact()


async def test_an_event_that_valkey_refuses_is_parked_and_can_be_replayed(town: World) -> None:
    # Somebody put something else where Cleo's window was: only whoever repairs that can help.
    home = town.write.keys.home(town.ids["cleo"])
    await town.write.valkey.call(b"SET", home, b"no list")
    await town.post("ada")
    await town.worker.drain()
    [event] = await parked(town)
    assert "WRONGTYPE" in event.reason
    await town.write.valkey.call(b"UNLINK", home)
    async with town.db.transaction() as session:
        await outbox.replay(session, actor_id=event.actor_id, event_id=event.id)
    await town.settle()
    await town.assert_exact()


@pytest.mark.parametrize(
    "reply", ["TRYAGAIN Multiple keys request during rehashing of slot", "OOM command not allowed"]
)
async def test_what_valkey_says_of_itself_is_no_events_fault(
    town: World, monkeypatch: pytest.MonkeyPatch, reply: str
) -> None:
    await town.post("ada")
    with monkeypatch.context() as patched:
        refusing = town.write.valkey.script(f"return redis.error_reply('{reply}')")
        patched.setattr(town.write.windows, "_push", refusing)
        for _ in range(2 * ATTEMPTS):
            with pytest.raises(Unavailable):
                await lanes.apply_lane_batch(town.write, lane(town), AT_ONCE)
    assert await waiting(town) == [("ada", 0)], "nothing was counted"
    await town.settle()


async def test_an_event_that_comes_first_meanwhile_is_not_blamed(town: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await spoiled_post(town, "ada")
    set_aside = lanes._set_aside

    async def overtaken(*args: Any) -> Any:
        # A process whose clock is behind writes an event with a smaller id just now.
        await town.db.run(
            Query(
                "test.overtake",
                (),
                "none",
                "insert into outbox (actor_id, id, lane, kind, payload)"
                " values (%(actor_id)s, 1, %(lane)s, 'tweet_deleted', '{}')",
            ),
            actor_id=town.ids["ben"],
            lane=lane(town),
        )
        return await set_aside(*args)

    monkeypatch.setattr(lanes, "_set_aside", overtaken)
    assert await lanes._apply_one(town.write, lane(town), LATER) == "applied"
    assert await waiting(town) == [("ben", 0), ("ada", 1)]


async def test_parked_events_are_listed_a_page_at_a_time(town: World) -> None:
    for _ in range(3):
        await spoiled_post(town, "ada")
        await town.worker.drain()
    everything = await parked(town)
    assert len(everything) == 3
    assert [event.id for event in everything] == sorted(event.id for event in everything)
    rest = await outbox.fetch_parked(town.db, after=(everything[0].actor_id, everything[0].id), page_size=1)
    assert rest == [everything[1]]
    assert UserId(everything[0].actor_id) == town.ids["ada"]


async def test_an_event_that_always_takes_too_long_is_parked_too_and_waits_longer(
    town: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = batch.apply_batch

    async def slowly(deps: WriteDeps, session: Session, events: Sequence[Numbered]) -> Applied:
        if any(actor_of(numbered.event) == town.ids["ada"] for numbered in events):
            await session.value(_HURRY)
            await session.value(_SLEEP)
        return await handle(deps, session, events)

    monkeypatch.setattr(lanes, "apply_batch", slowly)
    await town.post("ada", "slow")
    await town.post("ben", "quick")
    slow_later = msgspec.structs.replace(AT_ONCE, slow_retry_seconds=3600.0)
    # The batch fails, its events are applied one by one: what is slow waits, the rest of the lane goes on.
    await lanes.apply_lane_batch(town.write, lane(town), slow_later)
    assert await waiting(town) == [("ada", 1)]
    for _ in range(ATTEMPTS - 1):
        assert await lanes._apply_one(town.write, lane(town), slow_later) == "empty", "its time has not come"
        await town.db.run(_DUE)
        assert await lanes._apply_one(town.write, lane(town), slow_later) == "applied"
    [event] = await parked(town)
    assert "TooSlow" in event.reason
    assert "statement timeout" in event.reason
