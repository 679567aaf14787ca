"""The best tweets are the best by the documented score, without those of whom the viewer is not to meet."""

import asyncio
import random

import msgspec
import pytest

from linnet.clock import ManualClock
from linnet.domain.timeline import Entry
from linnet.domain.visibility import shows_reply
from linnet.ids import Lease, TweetId, UserId
from linnet.read.timelines.popular import top_tweets, top_tweets_of_followed
from linnet.read.timelines.ranking import Ranking, RankingOptions
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres import popular
from linnet.stores.postgres.popular import Place, Ranked
from linnet.stores.postgres.queries import Query
from tests.flows._popularity import like, live_a_while, naive_ranking
from tests.support.servers import Servers
from tests.support.world import World, open_world

NAMES = ["ada", "ben", "cleo", "dan", "eve", "fay"]
_FOLLOWED = Query("test.followed", (), "many", "select followed_id from following where user_id = %(user_id)s")
_HIDDEN = Query(
    "test.hidden",
    (),
    "many",
    """
    select blocked_id from blocks where user_id = %(user_id)s
    union select user_id from blocks where blocked_id = %(user_id)s
    union select muted_id from mutes where user_id = %(user_id)s
    """,
)
_ANSWERED = Query("test.answered", (), "many", "select id, coalesce(reply_to_author_id, 0) from tweets")


async def best(world: World, name: str | None, count: int = 10) -> list[int]:
    items = await top_tweets(world.read, None if name is None else world.ids[name], count)
    return [int(msgspec.json.decode(item, type=TweetView).id) for item in items]


async def best_of_followed(world: World, name: str, count: int = 10) -> list[int]:
    items = await top_tweets_of_followed(world.read, world.ids[name], count)
    return [int(msgspec.json.decode(item, type=TweetView).id) for item in items]


async def naive_best(world: World, name: str | None, *, following: bool) -> list[int]:
    """Every tweet, sorted by the score, without what the rules take away."""
    viewer_id = UserId(0) if name is None else world.ids[name]

    async def others(query: Query) -> set[UserId]:
        return set(await world.db.fetch(UserId, query, user_id=viewer_id))

    answered = dict(await world.db.fetch(lambda *row: row, _ANSWERED))
    followed, hidden = await others(_FOLLOWED), await others(_HIDDEN)
    expected: list[int] = []
    for _, tweet_id, author_id in await naive_ranking(world):
        entry = Entry(TweetId(tweet_id), UserId(author_id), UserId(answered[tweet_id]))
        if author_id in hidden or (entry.related_author_id in hidden and author_id != viewer_id):
            continue
        if following and not (author_id in followed and shows_reply(entry, viewer_id, followed)):
            continue
        expected.append(tweet_id)
    return expected


async def keep_some_away(world: World, seed: int) -> None:
    chance = random.Random(seed)
    for verb in (world.block, world.mute):
        for _ in range(2):
            name, other = chance.sample(NAMES, 2)
            await verb(name, other)
    await world.settle()


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_history_everybody_is_shown_the_best(world: World, seed: int) -> None:
    await world.person(*NAMES)
    await live_a_while(world, NAMES, seed=100 + seed, steps=80)
    await keep_some_away(world, seed)
    for name in (None, *NAMES):
        expected = await naive_best(world, name, following=False)
        for count in (1, 4, 100):
            assert await best(world, name, count) == expected[:count], name
    for name in NAMES:
        expected = await naive_best(world, name, following=True)
        for count in (1, 4, 100):
            assert await best_of_followed(world, name, count) == expected[:count], name


async def test_of_equals_the_newer_comes_first(servers: Servers, database_url: str) -> None:
    async with open_world(database_url, servers.valkey_url, clock=ManualClock(1_800_000_000_000)) as world:
        await world.person("ada", "ben")
        tweet_ids = [await world.post("ada") for _ in range(9)]
        await world.follow("ben", "ada")
        await world.settle()
        scores = {ranked.score_ms for ranked in await popular.fetch_best(world.db, Place(), page_size=20)}
        assert len(scores) == 1
        for count in (1, 5, 9):
            assert await best(world, None, count) == tweet_ids[::-1][:count]
            assert await best_of_followed(world, "ben", count) == tweet_ids[::-1][:count]
        # Also where a page of the ranking ends between two equals.
        walked: list[int] = []
        place = Place()
        while page := await popular.fetch_best(world.db, place, page_size=2):
            walked += [ranked.tweet_id for ranked in page]
            place = Place(page[-1].score_ms, page[-1].tweet_id)
        assert walked == tweet_ids[::-1]


async def test_the_list_is_filled_up_from_below_what_the_process_keeps(world: World) -> None:
    """Most of what the list in the process holds is of somebody whom the viewer mutes."""
    small = Ranking(world.db, world.read.clock, RankingOptions(size=3))
    world.read = msgspec.structs.replace(world.read, ranking=small)
    await world.person("ada", "ben", "cleo")
    of_ben = [await world.post("ben") for _ in range(4)]
    of_cleo = [await world.post("cleo") for _ in range(6)]
    await world.mute("ada", "cleo")
    await world.settle()
    assert await best(world, "ada", 2) == of_ben[::-1][:2]
    assert await best(world, "ada", 10) == of_ben[::-1]
    assert await best(world, None, 10) == (of_ben + of_cleo)[::-1]


async def test_a_tweet_of_yesterday_with_twice_the_likes_is_as_good_as_one_of_today(
    servers: Servers, database_url: str
) -> None:
    clock = ManualClock(1_800_000_000_000)
    async with open_world(database_url, servers.valkey_url, clock=clock) as world:
        await world.person(*NAMES)
        yesterday = await world.post("ada")
        clock.advance(86_000)
        today = await world.post("ada")
        for name in NAMES[:3]:
            await like(world, name, yesterday)
        await like(world, "ada", today)
        await world.settle()
        assert await best(world, None) == [yesterday, today]
        clock.advance(500)
        world.write.ids.renew(Lease(0, 0, clock.now_ms() + 86_400_000))
        later = await world.post("ada")
        await like(world, "ada", later)
        await world.settle()
        assert await best(world, None) == [later, yesterday, today]


async def test_time_alone_changes_no_order(servers: Servers, database_url: str) -> None:
    clock = ManualClock(1_800_000_000_000)
    async with open_world(database_url, servers.valkey_url, clock=clock) as world:
        await world.person(*NAMES)
        await live_a_while(world, NAMES, seed=7, steps=60)
        await world.follow("ada", *NAMES[1:])
        await world.settle()
        before = [await best(world, None, 100), await best_of_followed(world, "ada", 100)]
        for hours in (5, 24, 24 * 30, 24 * 400):
            clock.advance(hours * 3600)
            assert [await best(world, None, 100), await best_of_followed(world, "ada", 100)] == before


async def test_many_who_ask_at_once_cost_one_query(world: World) -> None:
    await world.person("ada")
    await world.post("ada")
    await world.settle()
    world.forget()
    with world.budget(sql=1, valkey=0):
        found = await asyncio.gather(*[world.read.ranking.fetch() for _ in range(50)])
    assert {len(ranked) for ranked in found} == {1}
    with world.budget(sql=0, valkey=0):
        assert [type(ranked) for ranked in await world.read.ranking.fetch()] == [Ranked]
