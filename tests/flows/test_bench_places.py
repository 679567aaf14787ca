"""A place for measurements: exact, the same for the same seed, and all of it or nothing."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import psycopg
import pytest

from linnet.bench.place.loading import STAGES, Progress, Stage, load_place
from linnet.bench.place.shape import HALF_MS, BadPlace, People, PlaceShape, bounded_pareto, coprime_near
from linnet.bench.place.texts import Names, make_words
from linnet.domain.documents import document_of
from linnet.domain.text import TextRules
from linnet.ids import TweetId, UserId, unix_ms_of
from linnet.read.timelines.verify import verify_windows
from linnet.stores.postgres import places, search, users
from linnet.stores.postgres.places import InUse, NotEmpty
from linnet.stores.postgres.queries import Query
from linnet.write.actions.recounts import recount
from tests.flows._popularity import naive_ranking
from tests.support.recounts import assert_counts
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

THRESHOLD = 150
UNTIL_MS = 1_790_000_000_000
SMALL = PlaceShape(people=400, until_ms=UNTIL_MS, mean_follows=20, mean_tweets=2, seed=7)


def quiet(stage: Stage, done: int, total: int) -> None:
    """Nobody watches."""


def stopping_in(last: Stage) -> Progress:
    """As Ctrl-C does it, once something of that stage was done."""

    def progress(stage: Stage, done: int, total: int) -> None:
        if stage == last and done:
            raise asyncio.CancelledError

    return progress


@pytest.fixture
async def world(servers: Servers, database_url: str) -> AsyncIterator[World]:
    """With top users from 151 followers on."""
    options = WorldOptions(top_user_followers=THRESHOLD)
    async with open_world(database_url, servers.valkey_url, options=options) as world:
        yield world


async def rows(world: World, text: str) -> list[tuple[object, ...]]:
    return await world.db.fetch(lambda *row: row, Query("places.test", (), "many", text))


async def test_two_thousand_people_are_exactly_what_they_would_be_had_they_done_it_themselves(world: World) -> None:
    told: list[Stage] = []

    def progress(stage: Stage, done: int, total: int) -> None:
        assert 0 <= done <= total
        told.append(stage)

    shape = PlaceShape(people=2000, until_ms=UNTIL_MS, mean_follows=25, mean_tweets=2)
    report = await load_place(world.write, shape, progress=progress)
    assert list(dict.fromkeys(told)) == list(STAGES) == list(report.seconds)
    # Counters, both sides of follows and records of top users, by SQL of the tests and by the operator's command.
    await assert_counts(world.db, top_user_followers=THRESHOLD)
    found = await recount(world.write, repair=False)
    assert (found.differing, found.held_back) == (0, 0)
    assert found.compared == report.people + report.tweets
    scores = {tweet_id: score for score, tweet_id, _ in await naive_ranking(world)}
    ranked = await rows(world, "select tweet_id, score_ms from popular")
    assert len(ranked) >= 1000
    assert all(scores[int(str(tweet_id))] == score for tweet_id, score in ranked)
    # It is what was asked for.
    assert await rows(world, "select count(*), sum(following_count)::bigint, sum(tweets_count)::bigint from users") == [
        (2000, report.follows, report.tweets)
    ]
    assert 22 < report.follows / report.people < 28
    assert report.top_users > 3
    [(most, least)] = await rows(world, "select max(followers_count), min(followers_count) from users")
    assert isinstance(most, int)
    assert isinstance(least, int)
    assert most > 20 * least > 0
    assert await rows(world, "select count(*) from following where user_id = followed_id") == [(0,)]
    # Timelines: of somebody who follows top users, of a top user, and of some others.
    readers = await rows(
        world,
        "(select user_id from followers where user_id <> 0 order by follower_id limit 1)"
        " union (select id from users order by followers_count desc limit 1)"
        " union (select id from users order by following_count desc limit 1)"
        " union (select id from users order by id limit 1)",
    )
    for number, (user_id,) in enumerate(readers):
        assert isinstance(user_id, int)
        world.ids[f"reader{number}"] = UserId(user_id)
    await world.assert_exact(limit=100)
    checked = [one async for one in verify_windows(world.read, sample=100, repair=False)]
    assert len(checked) == len(world.ids)
    assert not [one for one in checked if one.differs]
    assert max(one.entries for one in checked) > 50
    # And people can go on where the place ends.
    authors = await users.fetch_profiles(world.db, list(world.ids.values()))
    world.ids |= {author.username: author.id for author in authors}
    posted = [await world.post(author.username, "hello from here") for author in authors]
    await world.settle()
    checked = [one async for one in verify_windows(world.read, sample=100, repair=False)]
    assert checked
    assert not [one for one in checked if one.differs]
    pages = [[int(item.id) for item in (await world.home(author.username)).items] for author in authors]
    assert all(tweet_id in page for tweet_id, page in zip(posted, pages, strict=True))


async def test_ids_documents_and_indexes_are_those_of_people_who_came_one_by_one(world: World) -> None:
    catalogue = (
        "select 'index', indexdef from pg_indexes where schemaname = 'public' union all"
        " select conname, pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace"
        " order by 1, 2"
    )
    before = await rows(world, catalogue)
    await load_place(world.write, SMALL, progress=quiet)
    assert await rows(world, catalogue) == before
    # Ids are moments of the year, and follows and tweets come after people.
    for table in ("users", "following", "followers", "tweets"):
        [found] = await rows(world, f"select min(id), max(id), count(*), count(distinct id) from {table}")
        first, last, count, different = (int(str(number)) for number in found)
        begin = SMALL.start_ms if table == "users" else SMALL.middle_ms
        assert begin <= unix_ms_of(first) <= unix_ms_of(last) < begin + HALF_MS
        assert count == different, f"an id of {table} stands twice"
    assert SMALL.middle_ms + HALF_MS == UNTIL_MS
    # What tweets are found by is what posting them would have made.
    documents = "select author_id, tweet_id, document::text from tweet_documents order by 1, 2"
    loaded = await rows(world, documents)
    texts = await rows(world, "select author_id, id, text from tweets order by 1, 2")
    assert len(loaded) == len(texts) > 300
    async with await psycopg.AsyncConnection.connect(world.db.options.url, autocommit=True) as connection:
        await connection.execute("truncate tweet_documents")
    made = [
        document_of(UserId(int(str(author))), TweetId(int(str(tweet))), str(text), None, TextRules())
        for author, tweet, text in texts
    ]
    await search.insert_documents(world.db, made)
    assert await rows(world, documents) == loaded


async def test_the_same_seed_makes_the_same_place(servers: Servers, world: World) -> None:
    await load_place(world.write, SMALL, progress=quiet)
    first = await places.fetch_digests(world.db)
    assert min(digest.rows for digest in first if digest.table != "top_users") >= 400
    with servers.fresh_database() as url:
        async with open_world(url, servers.valkey_url, options=world.options) as other:
            await load_place(other.write, SMALL, progress=quiet)
            assert await places.fetch_digests(other.db) == first
    names = Names(make_words(1))
    blocks = [
        b"".join(People(msgspec.structs.replace(SMALL, seed=seed), names).blocks(lambda done: None))
        for seed in (1, 1, 2)
    ]
    assert blocks[0] == blocks[1] != blocks[2]


async def test_a_place_that_is_broken_off_leaves_nothing_and_can_be_made_again(world: World) -> None:
    before = await rows(world, "select indexdef from pg_indexes where schemaname = 'public' order by 1")
    broken_off: tuple[Stage, ...] = ("followers", "indexes")
    for stage in broken_off:
        with pytest.raises(asyncio.CancelledError):
            await load_place(world.write, SMALL, progress=stopping_in(stage))
        left = await places.fetch_digests(world.db)
        assert not [digest for digest in left if digest.rows]
        assert await rows(world, "select indexdef from pg_indexes where schemaname = 'public' order by 1") == before
    report = await load_place(world.write, SMALL, progress=quiet)
    assert report.people == 400


async def test_a_place_is_made_only_where_nobody_lives_or_works(world: World) -> None:
    async with await psycopg.AsyncConnection.connect(world.db.options.url) as connection:
        await connection.execute("lock table tweets in row share mode")
        with pytest.raises(InUse):
            await load_place(world.write, SMALL, progress=quiet)
    await world.person("ada")
    before = await places.fetch_digests(world.db)
    with pytest.raises(NotEmpty):
        await load_place(world.write, SMALL, progress=quiet)
    assert await places.fetch_digests(world.db) == before


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (PlaceShape(99, UNTIL_MS, 5), "at least 100 people"),
        (PlaceShape(100, UNTIL_MS, 50), "follow 1 to 12 others"),
        (PlaceShape(20_000_000, UNTIL_MS, 50), "at most 500,000,000 follows"),
        (PlaceShape(1000, UNTIL_MS, 50, mean_tweets=0), "write 0.1 to 250 tweets"),
    ],
)
def test_a_place_that_cannot_be_is_refused_in_one_sentence(shape: PlaceShape, said: str) -> None:
    with pytest.raises(BadPlace, match=said):
        shape.check()


@pytest.mark.parametrize(("alpha", "mean", "most"), [(1.5, 50, 5000), (1.2, 5, 2000), (1.5, 20, 100), (1.2, 0.1, 2000)])
def test_what_chance_comes_to_has_the_mean_that_was_asked_for(alpha: float, mean: float, most: float) -> None:
    draw = bounded_pareto(alpha, mean, most)
    steps = 200_000
    values = [draw((at + 0.5) / steps) for at in range(steps)]
    assert abs(sum(values) / steps / mean - 1) < 0.02
    assert values == sorted(values)
    assert values[0] > 0
    assert values[-1] <= most


@pytest.mark.parametrize("number", [1, 2, 100, 999, 5040, 99_991])
def test_multiples_of_a_coprime_number_leave_every_rest_once(number: int) -> None:
    factor = coprime_near(number, 0.618)
    assert {at * factor % number for at in range(number)} == set(range(number))
