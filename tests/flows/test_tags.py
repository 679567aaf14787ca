"""Promise: what is known of a tag is what the tweets say that are there, whatever happened, and whatever came twice."""

from collections.abc import AsyncIterator

import pytest

from linnet.clock import ManualClock
from linnet.domain.event import lane_of
from linnet.domain.trending import TrendingRules
from linnet.stores.postgres import tags
from linnet.write.fanout.sorting import Settled, sort_events
from linnet.write.fanout.tags import apply_tags
from tests.support.recount_tags import assert_tags
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

RULES = TrendingRules()
NOW_MS = 1_780_000_000_000
HOUR = 3600.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
async def town(database_url: str, servers: Servers, clock: ManualClock) -> AsyncIterator[World]:
    """Ada, Ben and Cleo, at a time that the test moves."""
    options = WorldOptions(trending=RULES)
    async with open_world(database_url, servers.valkey_url, options=options, clock=clock) as world:
        await world.person("ada", "ben", "cleo")
        yield world


async def settle(town: World) -> None:
    await town.settle()
    await assert_tags(town.db, RULES, town.write.clock)


async def display_of(town: World, tag: str) -> str | None:
    found = await tags.find(town.db, tag)
    return None if found is None else found.display


async def test_tags_are_noted_after_the_answer_once_for_each_tweet(town: World) -> None:
    await town.post("ada", "#Birds #birds #ＢＩＲＤＳ and #cats")
    assert await tags.find(town.db, "birds") is None
    await settle(town)
    birds = await tags.find(town.db, "birds")
    assert birds is not None
    assert (birds.display, birds.tweets_count, birds.people_count) == ("Birds", 1, 1)


async def test_a_deletion_takes_everything_back(town: World) -> None:
    first = await town.post("ada", "#birds #cats")
    second = await town.post("ada", "#birds")
    await settle(town)
    await town.delete("ada", first)
    await settle(town)
    assert await tags.find(town.db, "cats") is None
    birds = await tags.find(town.db, "birds")
    assert birds is not None
    assert (birds.tweets_count, birds.people_count) == (1, 1)
    await town.delete("ada", second)
    await settle(town)
    assert await tags.find(town.db, "birds") is None


async def test_a_tweet_that_is_deleted_before_it_is_delivered_leaves_nothing(town: World) -> None:
    await town.delete("ada", await town.post("ada", "#birds"))
    await settle(town)
    assert await tags.find(town.db, "birds") is None


async def test_a_tag_is_shown_as_its_first_tweet_writes_it_and_then_as_the_oldest_that_is_left(town: World) -> None:
    first = await town.post("ada", "#BIRDS")
    await settle(town)
    second = await town.post("ben", "#Birds")
    await town.post("cleo", "#birds")
    await settle(town)
    assert await display_of(town, "birds") == "BIRDS"
    await town.delete("ada", first)
    await settle(town)
    assert await display_of(town, "birds") == "Birds"
    await town.delete("ben", second)
    await settle(town)
    assert await display_of(town, "birds") == "birds"


async def test_of_the_tweets_of_one_batch_the_first_decides_how_a_tag_looks(town: World) -> None:
    first = await town.post("ada", "#BIRDS")
    for number in range(9):
        await town.post("ada", f"#{'birds' if number % 2 else 'Birds'} {number}")
    await settle(town)
    assert await display_of(town, "birds") == "BIRDS"
    await town.delete("ada", first)
    await settle(town)
    assert await display_of(town, "birds") == "Birds"


async def test_an_older_use_counts_again_when_the_latest_is_deleted(town: World, clock: ManualClock) -> None:
    await town.post("ada", "#birds")
    await town.post("ben", "#birds")
    await settle(town)
    clock.advance(3 * HOUR)
    latest = await town.post("ada", "#birds again")
    await settle(town)
    await town.delete("ada", latest)
    await settle(town)


async def test_posts_and_deletions_in_one_batch_add_up(town: World, clock: ManualClock) -> None:
    old = await town.post("ada", "#birds #cats")
    await settle(town)
    clock.advance(HOUR)
    await town.post("ada", "#birds #dogs")
    await town.delete("ada", old)
    gone = await town.post("ada", "#birds #cats")
    await town.delete("ada", gone)
    await settle(town)


async def test_an_event_that_comes_when_its_time_is_over_is_noted_and_does_not_trend(
    town: World, clock: ManualClock
) -> None:
    # Parked and replayed three days later.
    await town.post("ada", "#birds")
    await town.post("ben", "#birds")
    clock.advance(72 * HOUR)
    await settle(town)
    birds = await tags.find(town.db, "birds")
    assert birds is not None
    assert (birds.tweets_count, birds.people_count) == (2, 0)


async def test_a_batch_without_tags_asks_nothing(town: World) -> None:
    async with town.db.transaction() as session:
        with town.budget(sql=0, valkey=0):
            await apply_tags(town.write, session, sort_events([]), Settled(frozenset(), (), (), ()))


async def test_a_batch_of_one_tag_writes_its_row_once(town: World) -> None:
    for number in range(20):
        await town.post("ada", f"#birds {number}")
    lane = lane_of(town.ids["ada"])
    before = town.db.statements
    assert await town.deliver(lane) == "applied"
    busy = town.db.statements - before
    await town.post("ada", "#birds")
    before = town.db.statements
    assert await town.deliver(lane) == "applied"
    assert town.db.statements - before <= busy + 1, "what a batch costs does not grow with its tweets"
