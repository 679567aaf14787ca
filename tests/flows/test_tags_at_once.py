"""Promise: tags stay exact when many use them at once, and after any history of posts and deletions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.clock import ManualClock
from linnet.domain.event import lane_of
from linnet.domain.trending import TrendingRules
from linnet.ids import Lease, TweetId
from linnet.stores.postgres import outbox, tags
from linnet.stores.postgres.pool import ConcurrentUpdate
from linnet.stores.postgres.queries import Query
from linnet.write.jobs.tags import prune_tags
from linnet.write.outbox.lanes import LaneOptions
from linnet.write.outbox.worker import EventWorker, WorkerOptions
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.support.recount_tags import assert_tags
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_process_beside, open_world

RULES = TrendingRules(window_hours=12)
NOW_MS = 1_780_000_000_000
HOUR = 3600.0
# Time passes in these tests.
LONG = Lease(0, 0, 2 * NOW_MS)
Work = Callable[[], Coroutine[Any, Any, object]]

_CLEAR = Query("test.clear", (), "none", "truncate tweets, tweet_tags, tag_people, tags")
_RENAME = Query("test.rename", (), "none", "update outbox set kind = %(kind)s")
_MEND = Query("test.mend", (), "none", "update parked_events set kind = %(kind)s")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
async def town(database_url: str, servers: Servers, clock: ManualClock) -> AsyncIterator[World]:
    """Ada, Ben and Cleo, each in a lane of their own."""
    options = WorldOptions(trending=RULES, worker=WorkerOptions(lane=LaneOptions(max_attempts=1)))
    async with open_world(database_url, servers.valkey_url, options=options, clock=clock) as world:
        world.write.ids.renew(LONG)
        await sign_up_in_lanes_of_their_own(world, "ada", "ben", "cleo")
        yield world


@pytest.fixture
async def beside(town: World, servers: Servers, clock: ManualClock) -> AsyncIterator[World]:
    """Another worker."""
    async with open_process_beside(town, servers.valkey_url, clock=clock) as world:
        world.write.ids.renew(msgspec.structs.replace(LONG, worker=1))
        yield world


def delivery(world: World, name: str) -> Work:
    """What a worker does: meeting another one, it tries again."""

    async def deliver() -> None:
        while True:
            try:
                await world.deliver(lane_of(world.ids[name]))
                return
            except ConcurrentUpdate:
                pass

    return deliver


async def at_every_step(town: World, arrange: Work, one: Work, other: Work, *, begin_at: str) -> int:
    """The other runs whole, or as far as the one lets it, before each step that the one takes from a query on.

    Returns how many there were. What a worker does before it comes to tags is not looked at here.
    """
    steps = 0
    while True:
        await town.db.run(_CLEAR)
        await arrange()
        first = await town.loom.start("one", one())
        assert await town.loom.run_until(first, begin_at)
        await town.loom.run(first, steps=steps)
        is_over = first.done
        second = await town.loom.start("other", other())
        await town.loom.run(second)
        await town.loom.finish()
        for strand in town.loom.collect():
            strand.task.result()
        await town.settle()
        await assert_tags(town.db, RULES, town.write.clock)
        if is_over:
            return steps
        steps += 1


async def test_two_workers_that_make_the_same_tags_make_each_once(town: World, beside: World) -> None:
    async def arrange() -> None:
        await town.post("ada", "#birds #cats #dogs")
        await town.post("ben", "#Dogs #Birds #ants")

    ada, ben = delivery(town, "ada"), delivery(beside, "ben")
    assert await at_every_step(town, arrange, ada, ben, begin_at="tags.insert_uses") > 6


async def test_a_tag_that_goes_with_its_last_use_while_it_is_used_again_is_there(town: World, beside: World) -> None:
    async def arrange() -> None:
        first = await town.post("ada", "#birds")
        await town.settle()
        await town.delete("ada", first)
        await town.post("ben", "#birds #cats")

    ada, ben = delivery(town, "ada"), delivery(beside, "ben")
    assert await at_every_step(town, arrange, ada, ben, begin_at="tags.delete_uses") > 5
    assert await at_every_step(town, arrange, ben, ada, begin_at="tags.insert_uses") > 6


async def test_a_use_that_is_renewed_while_old_ones_are_let_go_counts(
    town: World, beside: World, clock: ManualClock
) -> None:
    async def arrange() -> None:
        await town.post("ada", "#birds")
        await town.post("cleo", "#birds #cats")
        await town.settle()
        clock.advance(13 * HOUR)
        await town.post("ada", "#birds")

    async def prune() -> None:
        await prune_tags.run(beside.write, {})

    assert await at_every_step(town, arrange, delivery(town, "ada"), prune, begin_at="tags.insert_uses") > 5
    assert await at_every_step(town, arrange, prune, delivery(beside, "ada"), begin_at="tags.delete_people_below") > 3


async def test_eight_people_who_use_a_new_tag_at_once_make_one(town: World, beside: World) -> None:
    names = [f"p{number}" for number in range(8)]
    await sign_up_in_lanes_of_their_own(town, *names)
    for _ in range(10):
        await asyncio.gather(*(town.post(name, "#birds #cats #new") for name in names))

    async def drain(worker: EventWorker) -> None:
        while True:
            try:
                return await worker.drain()
            except ConcurrentUpdate:
                pass

    async with asyncio.timeout(60):
        await asyncio.gather(*(drain(EventWorker(world.write, WorkerOptions())) for world in (town, beside)))
    await assert_tags(town.db, RULES, town.write.clock)
    found = await tags.find(town.db, "new")
    assert found is not None
    assert (found.tweets_count, found.people_count) == (80, 8)


async def test_an_event_that_was_parked_and_comes_after_its_deletion_notes_nothing(town: World) -> None:
    tweet_id = await town.post("ada", "#birds")
    await town.db.run(_RENAME, kind="tweet_eaten")
    lane = lane_of(town.ids["ada"])
    await town.deliver(lane)
    [parked] = await outbox.fetch_parked(town.db, page_size=10)
    await town.delete("ada", tweet_id)
    await town.deliver(lane)
    await town.db.run(_MEND, kind="tweet_posted")
    async with town.db.transaction() as session:
        assert await outbox.replay(session, actor_id=parked.actor_id, event_id=parked.id)
    await town.settle()
    assert await tags.find(town.db, "birds") is None
    await assert_tags(town.db, RULES, town.write.clock)


WORDS = st.lists(st.sampled_from(["#birds", "#Birds", "#cats", "#dogs", "＃cats", "no tag"]), min_size=1, max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.integers(0, 2), WORDS.map(" ".join)),
        st.tuples(st.just("post"), st.integers(0, 2), WORDS.map(" ".join)),
        st.tuples(st.just("delete"), st.integers(0, 30), st.just("")),
        st.tuples(st.just("deliver"), st.integers(0, 2), st.just("")),
        st.tuples(st.just("hours"), st.integers(1, 9), st.just("")),
        st.tuples(st.just("prune"), st.just(0), st.just("")),
        st.tuples(st.just("die"), st.integers(0, 2), st.just("")),
    ),
    min_size=4,
    max_size=24,
)


def test_after_any_history_everything_is_what_the_tweets_say(servers: Servers, database_url: str) -> None:
    with asyncio.Runner() as runner:
        clock = ManualClock(NOW_MS)
        opening = open_world(database_url, servers.valkey_url, options=WorldOptions(trending=RULES), clock=clock)
        town = runner.run(opening.__aenter__())
        town.write.ids.renew(LONG)
        runner.run(sign_up_in_lanes_of_their_own(town, "ada", "ben", "cleo"))
        names = list(town.ids)

        async def play(steps: list[tuple[str, int, str]]) -> None:
            await town.settle()
            await town.db.run(_CLEAR)
            posted: list[tuple[str, TweetId]] = []
            for verb, number, text in steps:
                match verb:
                    case "post":
                        posted.append((names[number], await town.post(names[number], text)))
                    case "delete" if posted:
                        await town.delete(*posted[number % len(posted)])
                    case "deliver":
                        await town.deliver(lane_of(town.ids[names[number]]))
                    case "die":
                        await town.rehearse(lane_of(town.ids[names[number]]))
                    case "hours":
                        clock.advance(number * HOUR)
                    case "prune":
                        await prune_tags.run(town.write, {})
            await town.settle()
            await assert_tags(town.db, RULES, clock)

        @settings(max_examples=30)
        @given(STEPS)
        def histories(steps: list[tuple[str, int, str]]) -> None:
            runner.run(play(steps))

        try:
            histories()
        finally:
            runner.run(opening.__aexit__(None, None, None))
