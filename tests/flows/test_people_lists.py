"""Lists of people: newest first, page by page, without those who are gone and without short pages."""

from collections.abc import Awaitable, Callable

import pytest

from linnet.domain.timeline import Range
from linnet.errors import TweetNotFound, UserNotFound
from linnet.ids import TweetId, UserId
from linnet.read.timelines.people import followers_page, following_page, retweeters_page, top_users_page, user_screen
from linnet.read.views.pages import PageView
from linnet.read.views.users import UserView
from linnet.stores.postgres import topusers
from tests.flows._accounts_world import Town

pytest_plugins = ["tests.flows._accounts_fixtures"]

Fetch = Callable[[Range], Awaitable[PageView[UserView]]]


def names(page: PageView[UserView]) -> list[str]:
    return [user.username for user in page.items]


async def walk(fetch: Fetch, *, limit: int) -> list[list[str]]:
    """Every page, following ``next``."""
    page = await fetch(Range(limit))
    pages = [names(page)]
    while page.next is not None:
        page = await fetch(Range(limit, before=int(page.next)))
        pages.append(names(page))
    return pages


async def fans(town: Town, count: int) -> tuple[UserId, list[UserId], list[int]]:
    """A star, fans ``fan0``, ``fan1`` … who followed in this order, and the ids of their follows."""
    star = await town.sign_up("star")
    people = [await town.sign_up(f"fan{number}") for number in range(count)]
    follow_ids = [await town.follow(person.user_id, star.user_id) for person in people]
    return star.user_id, [person.user_id for person in people], follow_ids


async def test_followers_are_listed_newest_first_in_full_pages(town: Town) -> None:
    star, fan_ids, _ = await fans(town, 5)

    async def fetch(wanted: Range) -> PageView[UserView]:
        return await followers_page(town.read, None, star, wanted)

    assert await walk(fetch, limit=2) == [["fan4", "fan3"], ["fan2", "fan1"], ["fan0"]]
    assert await walk(fetch, limit=5) == [["fan4", "fan3", "fan2", "fan1", "fan0"]]
    assert names(await following_page(town.read, None, fan_ids[0], Range(10))) == ["star"]
    nobody = await following_page(town.read, None, star, Range(10))
    assert (nobody.items, nobody.next, nobody.prev) == ([], None, None)


async def test_a_list_can_be_read_upwards_from_where_one_was(town: Town) -> None:
    star, _, _ = await fans(town, 2)
    first = await followers_page(town.read, None, star, Range(2))
    assert names(first) == ["fan1", "fan0"]
    assert first.prev is not None
    late = [await town.sign_up(f"late{number}") for number in range(3)]
    for person in late:
        await town.follow(person.user_id, star)
    newer = await followers_page(town.read, None, star, Range(2, after=int(first.prev)))
    assert names(newer) == ["late1", "late0"]
    assert newer.prev is not None
    assert newer.next is not None
    assert names(await followers_page(town.read, None, star, Range(2, after=int(newer.prev)))) == ["late2"]
    assert names(await followers_page(town.read, None, star, Range(2, before=int(newer.next)))) == ["fan1", "fan0"]


async def test_totals_are_exact_for_both_sides_once_events_are_applied(town: Town) -> None:
    await town.sign_up("star")
    for fan in ("fan0", "fan1", "fan2"):
        await town.sign_up(fan)
        await town.world.follow(fan, "star")
    await town.world.follow("fan0", "fan1")
    await town.world.unfollow("fan2", "star")
    # What a page held before the events were applied is not what it holds after.
    await followers_page(town.read, None, town.world.ids["star"], Range(15))
    await town.world.settle()
    page = await followers_page(town.read, None, town.world.ids["star"], Range(15))
    assert {user.username: (user.counts.followers, user.counts.following) for user in page.items} == {
        "fan1": (1, 1),
        "fan0": (0, 2),
    }
    star = await user_screen(town.read, None, town.world.ids["star"])
    assert (star.counts.followers, star.counts.following) == (2, 0)


async def test_those_who_are_gone_are_left_out_and_pages_filled_up(town: Town) -> None:
    star, fan_ids, follow_ids = await fans(town, 9)
    for number in (8, 6, 5, 4, 1, 0):
        await town.erase(fan_ids[number])

    async def fetch(wanted: Range) -> PageView[UserView]:
        return await followers_page(town.read, None, star, wanted)

    assert await walk(fetch, limit=1) == [["fan7"], ["fan3"], ["fan2"]]
    assert await walk(fetch, limit=2) == [["fan7", "fan3"], ["fan2"]]
    assert await walk(fetch, limit=3) == [["fan7", "fan3", "fan2"]]
    above = await fetch(Range(2, after=follow_ids[2]))
    assert names(above) == ["fan7", "fan3"]


async def test_a_long_stretch_of_those_who_are_gone_ends_no_list(town: Town) -> None:
    star, fan_ids, _ = await fans(town, 40)
    for user_id in fan_ids[1:]:
        await town.erase(user_id)

    async def fetch(wanted: Range) -> PageView[UserView]:
        return await followers_page(town.read, None, star, wanted)

    pages = await walk(fetch, limit=1)
    assert [name for page in pages for name in page] == ["fan0"]


async def test_a_page_says_how_the_viewer_stands_to_each_in_four_queries(town: Town) -> None:
    star, fan_ids, _ = await fans(town, 8)
    viewer = fan_ids[3]
    await town.follow(viewer, fan_ids[5])
    await town.follow(fan_ids[6], viewer)
    await followers_page(town.read, None, star, Range(15))
    before = town.db.statements
    page = await followers_page(town.read, viewer, star, Range(15))
    assert town.db.statements - before == 5
    stands = {user.username: user.viewer for user in page.items}
    assert stands.pop("fan3") is None
    assert {name for name, viewer in stands.items() if viewer and viewer.following} == {"fan5"}
    assert {name for name, viewer in stands.items() if viewer and viewer.followed_by} == {"fan6"}
    assert None not in stands.values()
    before = town.db.statements
    anonymous = await followers_page(town.read, None, star, Range(4))
    assert town.db.statements - before == 1
    assert {user.viewer for user in anonymous.items} == {None}


async def test_lists_of_nobody_are_not_found(town: Town) -> None:
    ada = await town.sign_up("ada")
    await town.erase(ada.user_id)
    for user_id in (ada.user_id, UserId(4711)):
        with pytest.raises(UserNotFound):
            await followers_page(town.read, None, user_id, Range(15))
        with pytest.raises(UserNotFound):
            await following_page(town.read, None, user_id, Range(15))
    with pytest.raises(TweetNotFound):
        await retweeters_page(town.read, None, TweetId(4711), Range(15))


async def test_who_retweeted_is_listed_for_the_tweet_and_for_its_retweets(town: Town) -> None:
    star, fan_ids, _ = await fans(town, 3)
    tweet_id = TweetId(town.write.ids.mint())
    await town.sql(
        "insert into tweets (author_id, id, text) values (%(star)s, %(id)s, 'hello')", star=star, id=tweet_id
    )
    assert (await retweeters_page(town.read, None, tweet_id, Range(2))).items == []
    retweet_id = TweetId(0)
    for fan in fan_ids:
        retweet_id = TweetId(town.write.ids.mint())
        await town.sql(
            "insert into tweets (author_id, id, text, retweet_of_id, retweet_of_author_id)"
            " values (%(fan)s, %(retweet)s, '', %(id)s, %(star)s)",
            fan=fan,
            retweet=retweet_id,
            id=tweet_id,
            star=star,
        )
        await town.sql(
            "insert into retweets (author_id, tweet_id, user_id, retweet_id)"
            " values (%(star)s, %(id)s, %(fan)s, %(retweet)s)",
            fan=fan,
            retweet=retweet_id,
            id=tweet_id,
            star=star,
        )
    for asked in (tweet_id, retweet_id):

        async def fetch(wanted: Range, asked: TweetId = asked) -> PageView[UserView]:
            return await retweeters_page(town.read, None, asked, wanted)

        assert await walk(fetch, limit=2) == [["fan2", "fan1"], ["fan0"]]
    await town.sql("delete from tweets where id = %(id)s", id=tweet_id)
    for asked in (tweet_id, retweet_id):
        with pytest.raises(TweetNotFound):
            await retweeters_page(town.read, None, asked, Range(15))


async def test_top_users_are_listed_until_they_are_on_the_way_out(town: Town) -> None:
    _, fan_ids, _ = await fans(town, 4)
    for user_id in fan_ids:
        await topusers.insert(town.db, user_id)
    await topusers.start(town.db, fan_ids[1], since_id=1)
    await topusers.start(town.db, fan_ids[2], since_id=1)
    await topusers.finish(town.db, fan_ids[2], until_id=2)

    async def fetch(wanted: Range) -> PageView[UserView]:
        return await top_users_page(town.read, None, wanted)

    assert await walk(fetch, limit=2) == [["fan3", "fan1"], ["fan0"]]
    assert names(await fetch(Range(1, after=fan_ids[0]))) == ["fan1"]
