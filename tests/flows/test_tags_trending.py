"""Promise: what trends is what several people talk about now, and what an operator says of it holds."""

from collections.abc import AsyncIterator

import pytest

from linnet.clock import ManualClock
from linnet.domain.trending import TrendingRules
from linnet.errors import Invalid
from linnet.ids import Lease
from linnet.stores.postgres import tags
from linnet.stores.postgres.queries import Query
from linnet.write.actions.tags import hide_tag, pin_tag, show_tag, unpin_tag
from linnet.write.fanout.tags import TagChange
from linnet.write.jobs.tags import match_trending_rules, prune_tags
from tests.support.recount_tags import assert_tags
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, build_world, open_world

RULES = TrendingRules()
NOW_MS = 1_780_000_000_000
HOUR = 3600.0
_PEOPLE = Query("test.people", (), "value", "select count(*) from tag_people")
PEOPLE = [f"p{number}" for number in range(10)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
async def town(database_url: str, servers: Servers, clock: ManualClock) -> AsyncIterator[World]:
    """Ten people, at a time that the test moves."""
    options = WorldOptions(trending=RULES)
    async with open_world(database_url, servers.valkey_url, options=options, clock=clock) as world:
        world.write.ids.renew(Lease(0, 0, 2 * NOW_MS))
        await world.person(*PEOPLE)
        yield world


async def trending(town: World, limit: int = 100) -> list[str]:
    town.read.trending.forget_all()
    return [tag.tag for tag in await town.read.trending.fetch(limit)]


async def everybody(town: World, text: str, people: int = 10) -> None:
    for name in PEOPLE[:people]:
        await town.post(name, text)
    await town.settle()


async def test_ten_people_trend_a_tag_and_one_does_not_however_often(town: World) -> None:
    for number in range(100):
        await town.post("p0", f"#spam {number}")
    await everybody(town, "#birds")
    assert await trending(town) == ["birds"]
    # Two of them would: then there are two.
    await town.post("p1", "#spam")
    await town.settle()
    assert await trending(town) == ["birds", "spam"]
    [birds, spam] = await town.read.trending.fetch(10)
    assert (birds.people_count, birds.tweets_count) == (10, 10)
    assert (spam.people_count, spam.tweets_count) == (2, 101)
    await assert_tags(town.db, RULES, town.write.clock)


async def test_what_is_talked_about_now_comes_before_what_was(town: World, clock: ManualClock) -> None:
    await everybody(town, "#yesterday")
    clock.advance(24 * HOUR)
    await everybody(town, "#today", people=3)
    # Ten people four half-lives ago weigh less than one now.
    assert await trending(town) == ["today", "yesterday"]
    assert await trending(town, limit=1) == ["today"]


async def test_tags_leave_with_the_window_also_before_anybody_lets_them_go(town: World, clock: ManualClock) -> None:
    await everybody(town, "#birds")
    clock.advance(24 * HOUR)
    await everybody(town, "#birds", people=2)
    clock.advance(25 * HOUR)
    for _ in range(2):
        [birds] = await town.read.trending.fetch(10)
        assert (birds.people_count, birds.tweets_count) == (2, 12)
        await prune_tags.run(town.write, {})
        await assert_tags(town.db, RULES, clock)
        town.read.trending.forget_all()
    clock.advance(24 * HOUR)
    assert await trending(town) == []
    await prune_tags.run(town.write, {})
    assert await trending(town) == []
    await assert_tags(town.db, RULES, clock)
    kept = await tags.find(town.db, "birds")
    assert kept is not None
    assert (kept.tweets_count, kept.people_count) == (12, 0)


async def test_letting_go_is_bounded_and_goes_on(
    town: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linnet.write.jobs.tags._PAGE_SIZE", 2)
    monkeypatch.setattr("linnet.write.jobs.tags._PAGES", 2)
    await everybody(town, "#birds")
    clock.advance(49 * HOUR)
    left = []
    for _ in range(4):
        await prune_tags.run(town.write, {})
        left.append(await town.db.value(_PEOPLE))
        await assert_tags(town.db, RULES, clock)
    assert left == [6, 2, 0, 0]


async def test_deleted_tweets_are_taken_out_of_what_trends(town: World) -> None:
    posted = [await town.post(name, "#birds") for name in PEOPLE[:2]]
    await town.settle()
    assert await trending(town) == ["birds"]
    await town.delete("p0", posted[0])
    await town.settle()
    assert await trending(town) == []


async def test_losses_of_tags_with_very_many_people_are_subtracted_or_added_up_anew(
    town: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if a hundred were none: then every loss is subtracted that can be.
    monkeypatch.setattr("linnet.write.fanout.tags._PEOPLE_ADDED_UP", 0)
    posted = {}
    for name in PEOPLE:
        posted[name] = await town.post(name, "#birds")
        clock.advance(2 * HOUR)
    await town.settle()
    for name in (PEOPLE[3], PEOPLE[9], PEOPLE[0], PEOPLE[8]):
        await town.delete(name, posted[name])
        await town.settle()
        await assert_tags(town.db, RULES, clock)


async def test_the_list_is_read_at_most_once_a_second(town: World, clock: ManualClock) -> None:
    await everybody(town, "#birds", people=2)
    assert await trending(town) == ["birds"]
    with town.budget(sql=0, valkey=0):
        for _ in range(5):
            await town.read.trending.fetch(10)
    await hide_tag(town.write, "birds")
    clock.advance(1.0)
    assert list(await town.read.trending.fetch(10)) == []


async def test_pinned_tags_come_first_in_the_order_of_pinning(town: World) -> None:
    await everybody(town, "#birds #cats")
    await pin_tag(town.write, "#Welcome")
    await pin_tag(town.write, "cats")
    await pin_tag(town.write, "welcome")
    assert await trending(town) == ["welcome", "cats", "birds"]
    [welcome, cats, _] = await town.read.trending.fetch(10)
    assert (welcome.display, welcome.tweets_count, welcome.is_pinned) == ("Welcome", 0, True)
    assert cats.people_count == 10
    await assert_tags(town.db, RULES, town.write.clock)
    assert await unpin_tag(town.write, "welcome") is None
    await unpin_tag(town.write, "cats")
    assert sorted(await trending(town)) == ["birds", "cats"]
    await assert_tags(town.db, RULES, town.write.clock)


async def test_a_hidden_tag_does_not_trend_and_is_counted_on(town: World) -> None:
    await hide_tag(town.write, "cats")
    await everybody(town, "#cats #birds")
    assert await trending(town) == ["birds"]
    await unpin_tag(town.write, "cats")
    assert await trending(town) == ["birds"]
    assert [tag.tag for tag in await tags.fetch_by_prefix(town.db, "ca", page_size=5)] == ["cats"]
    await show_tag(town.write, "#CATS")
    assert sorted(await trending(town)) == ["birds", "cats"]
    await assert_tags(town.db, RULES, town.write.clock)


async def test_the_last_word_of_an_operator_holds(town: World) -> None:
    await pin_tag(town.write, "cats")
    await hide_tag(town.write, "cats")
    assert await trending(town) == []
    await pin_tag(town.write, "cats")
    assert await trending(town) == ["cats"]
    await show_tag(town.write, "cats")
    assert await trending(town) == ["cats"]
    assert await show_tag(town.write, "unheard") is None
    with pytest.raises(Invalid):
        await pin_tag(town.write, "no tag")


async def test_prefixes_find_the_most_used_first(town: World) -> None:
    await everybody(town, "#birdsong", people=2)
    await everybody(town, "#Birds #bigger", people=3)
    await everybody(town, "#birdz #other", people=1)
    found = await tags.fetch_by_prefix(town.db, "bird", page_size=2)
    assert [tag.display for tag in found] == ["Birds", "birdsong"]
    assert await tags.fetch_by_prefix(town.db, "bird%", page_size=9) == []


async def test_of_very_many_tags_that_begin_so_the_most_used_of_all_are_found(town: World) -> None:
    await everybody(town, "#zebra #birdz #other", people=4)
    await everybody(town, "#birda", people=2)
    await everybody(town, "#birdb #birdc #bird", people=1)

    async def found(beginning: str, look: int) -> list[str]:
        return [tag.tag for tag in await tags.fetch_by_prefix(town.db, beginning, page_size=9, look=look)]

    exactly = ["bird", "birdz", "birda", "birdb", "birdc"]
    assert await found("bird", 5) == exactly
    # "birdz" is among the three most used of all, though not among the first three by name.
    assert await found("bird", 3) == ["bird", "birdz", "birda", "birdb"]
    assert await found("bird", 1) == ["bird", "birdz"]
    assert await found("", 9) == ["birdz", "other", "zebra", "birda", "bird", "birdb", "birdc"]


async def test_another_half_life_or_number_of_people_counts_everything_anew(town: World) -> None:
    await everybody(town, "#birds #cats", people=3)
    await everybody(town, "#dogs", people=2)
    await match_trending_rules(town.write)
    with town.budget(sql=1, valkey=0):
        await match_trending_rules(town.write)
    changed = TrendingRules(half_life_hours=1, min_people=3)
    restarted = build_world(
        town.write.db,
        town.write.valkey,
        town.write.keys,
        town.write.ids,
        town.write.clock,
        WorldOptions(trending=changed),
        town.ids,
    )
    await match_trending_rules(restarted.write, page_size=1)
    await assert_tags(town.db, changed, town.write.clock)
    assert sorted(await trending(restarted)) == ["birds", "cats"]


def test_a_person_is_one_weight() -> None:
    change = TagChange()
    change.note_person(None, None, RULES)
    assert (change.people, change.gains, change.losses) == (0, [], [])
