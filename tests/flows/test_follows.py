"""B1–B3: follow, unfollow, lists of both sides, and crossing the threshold of top users."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from linnet.clock import ManualClock
from linnet.domain.event import TopUserCrossed, UserFollowed, UserUnfollowed, decode_event
from linnet.domain.timeline import Entry, Range
from linnet.errors import CannotFollowYourself, UserNotFound
from linnet.ids import MAX_ID, UserId
from linnet.read.timelines.people import followers_page, following_page
from linnet.read.views.pages import PageView
from linnet.read.views.users import UserView
from linnet.stores.postgres import topusers
from linnet.stores.postgres.outbox import EventRow
from linnet.stores.postgres.queries import Query
from linnet.write.actions import follows
from linnet.write.fanout import topusers as crossing
from tests.flows._applied_events import AppliedEvents
from tests.support import recounts
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

THRESHOLD = 2
_WAITING = Query("test.waiting", (), "many", "select actor_id, id, kind, payload::text, attempts, 0 from outbox")


@pytest.fixture
async def town(database_url: str, servers: Servers) -> AsyncIterator[World]:
    """With three followers one is a top user, with one no more."""
    options = WorldOptions(top_user_followers=THRESHOLD)
    async with open_world(database_url, servers.valkey_url, options=options) as world:
        await world.person("ada", "ben", "cleo", "dan", "eve")
        yield world


async def events(world: World) -> list[object]:
    rows = await world.db.fetch(EventRow, _WAITING)
    return [decode_event(row.kind, row.payload) for row in rows]


async def names_on(world: World, page: PageView[UserView]) -> list[str]:
    return [item.username for item in page.items]


async def test_a_follow_shows_at_once_what_they_wrote_and_an_unfollow_hides_it(town: World) -> None:
    tweet_id = await town.post("ada")
    assert await town.home_ids("ben") == []
    await town.follow("ben", "ada")
    assert await town.home_ids("ben") == [tweet_id], "before any worker ran"
    await town.unfollow("ben", "ada")
    assert await town.home_ids("ben") == []
    await town.settle()
    await town.assert_exact()


async def test_following_and_unfollowing_twice_is_quiet_and_writes_nothing(town: World) -> None:
    await town.unfollow("ben", "ada")
    assert await events(town) == []
    await town.follow("ben", "ada")
    await town.follow("ben", "ada")
    assert await events(town) == [UserFollowed(town.ids["ben"], town.ids["ada"])]
    await town.settle()
    await town.unfollow("ben", "ada")
    await town.unfollow("ben", "ada")
    assert await events(town) == [UserUnfollowed(town.ids["ben"], town.ids["ada"])]
    await town.settle()
    await recounts.assert_counts(town.db, top_user_followers=THRESHOLD)


async def test_nobody_follows_themselves_or_nobody(town: World) -> None:
    for verb in (follows.follow, follows.unfollow):
        with pytest.raises(CannotFollowYourself):
            await verb(town.write, town.ids["ada"], town.ids["ada"])
        with pytest.raises(UserNotFound):
            await verb(town.write, town.ids["ada"], UserId(1))
    assert await events(town) == []
    await town.follow("ada", "ben")
    assert len(await events(town)) == 1


async def test_following_each_other_is_two_follows(town: World) -> None:
    await town.follow("ada", "ben")
    await town.follow("ben", "ada")
    await town.settle()
    for name in ("ada", "ben"):
        profile = await town.profile(name)
        assert (profile.followers_count, profile.following_count) == (1, 1)
    await town.unfollow("ada", "ben")
    await town.settle()
    profile = await town.profile("ada")
    assert (profile.followers_count, profile.following_count) == (1, 0)


async def test_both_sides_are_listed_newest_first_a_page_at_a_time(town: World) -> None:
    for name in ("ben", "cleo", "dan", "eve"):
        await town.follow(name, "ada")
        await town.follow("ada", name)
    await town.settle()
    for read in (followers_page, following_page):
        found: list[str] = []
        before = MAX_ID
        while True:
            page = await read(town.read, None, town.ids["ada"], Range(3, before))
            found += await names_on(town, page)
            if page.next is None:
                break
            assert len(page.items) == 3
            before = int(page.next)
        assert found == ["eve", "dan", "cleo", "ben"]
        with pytest.raises(UserNotFound):
            await read(town.read, None, UserId(1), Range(3))
    await town.unfollow("cleo", "ada")
    await town.follow("cleo", "ada")
    page = await followers_page(town.read, None, town.ids["ada"], Range(15))
    assert await names_on(town, page) == ["cleo", "eve", "dan", "ben"], "who follows again is new again"
    empty = await followers_page(town.read, None, town.ids["ben"], Range(15, before=5))
    assert empty.items == []


# Crossing


async def record_of(town: World, name: str) -> topusers.TopUser | None:
    return await topusers.find(town.db, town.ids[name])


async def test_each_crossing_of_the_threshold_is_one_event_up_and_down_in_order(
    town: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied = AppliedEvents(monkeypatch)
    crowd = ("ben", "cleo", "dan")
    for _ in range(2):
        for name in crowd:
            await town.follow(name, "ada")
            await town.settle()
        for name in crowd:
            await town.unfollow(name, "ada")
            await town.settle()
    crossings = [decode_event(row.kind, row.payload) for row in applied.rows if row.kind == TopUserCrossed.kind]
    ada = town.ids["ada"]
    up, down = TopUserCrossed(ada, up=True), TopUserCrossed(ada, up=False)
    assert crossings == [up, down, up, down], "at the threshold itself nothing changes"
    assert await record_of(town, "ada") is None


async def test_at_the_threshold_itself_the_present_state_stays(town: World) -> None:
    for name in ("ben", "cleo"):
        await town.follow(name, "ada")
    await town.settle()
    assert await record_of(town, "ada") is None, "not more than the threshold"
    await town.follow("dan", "ada")
    await town.settle()
    assert await record_of(town, "ada") is not None
    await town.unfollow("dan", "ada")
    await town.settle()
    assert await record_of(town, "ada") is not None, "not fewer than the threshold"
    await town.unfollow("cleo", "ada")
    await town.settle()
    assert await record_of(town, "ada") is None


async def test_what_a_top_user_writes_is_pulled_and_not_pushed(town: World) -> None:
    for name in ("ben", "cleo", "dan"):
        await town.follow(name, "ada")
    await town.settle()
    for name in town.ids:
        await town.home(name)
    tweet_id = await town.post("ada")
    await town.settle()
    assert await town.home_ids("ben") == [tweet_id]
    assert await town.window_elements("ben") == [b"."], "it is in nobody's window"
    assert len(await town.window_elements("ada")) == 2, "but one's own"
    answer = await town.post("ada", "to Ben, whom Cleo does not follow", reply_to=await town.post("ben"))
    await town.settle()
    assert answer in await town.home_ids("ben")
    assert answer not in await town.home_ids("cleo")
    await town.assert_exact()


async def test_those_who_pull_see_a_tweet_at_once_when_told_and_within_a_second_when_not(
    database_url: str, servers: Servers
) -> None:
    clock = ManualClock(1_800_000_000_000)
    options = WorldOptions(top_user_followers=0)
    async with open_world(database_url, servers.valkey_url, options=options, clock=clock) as world:
        await world.person("ada", "ben")
        await world.follow("ben", "ada")
        await world.settle()
        first = await world.post("ada")
        await world.worker.drain()
        assert await world.home_ids("ben") == [first]
        second = await world.post("ada")
        await world.worker.drain()
        assert await world.home_ids("ben") == [first], "the signal was lost"
        clock.advance(1.1)
        assert await world.home_ids("ben") == [second, first]
        third = await world.post("ada")
        await world.worker.drain()
        world.read.pulled.note(Entry(third, world.ids["ada"]))
        assert await world.home_ids("ben") == [third, second, first], "the signal came"


async def test_windows_of_all_followers_are_dropped_at_a_crossing_a_page_at_a_time(
    town: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossing, "FOLLOWERS_PER_PAGE", 2)
    names = [f"fan{number}" for number in range(6)]
    await town.person(*names)
    for name in names:
        await town.follow(name, "ada")
        await town.home(name)
    await crossing.drop_followers_windows(town.write, town.ids["ada"])
    for name in names:
        assert await town.window_elements(name) == []


def test_a_record_covers_from_its_beginning_up_to_its_end() -> None:
    user_id = UserId(1)
    begun = topusers.TopUser(user_id, 10, None)
    ended = msgspec.structs.replace(begun, until_id=20)
    assert [begun.covers(tweet_id) for tweet_id in (9, 10, 25)] == [False, True, True]
    assert [ended.covers(tweet_id) for tweet_id in (9, 10, 19, 20)] == [False, True, True, False]
    assert not topusers.TopUser(user_id, None, None).covers(10), "pulled already, pushed still"
