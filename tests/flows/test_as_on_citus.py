"""What linnet says where tables lie on several nodes is right, and names one owner wherever it locks.

Citus itself is not there; PostgreSQL understands the same statements. So these tests let linnet take it for Citus.
"""

import struct
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import settings

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Range
from linnet.ids import TweetId
from linnet.stores.postgres import fanout, likes, pool, popular, tags, tweets, users
from linnet.stores.postgres.pool import Session
from linnet.stores.postgres.queries import Query
from linnet.write.fanout.popular import rescore_popular
from linnet.write.outbox.worker import match_threshold
from tests.support import recounts
from tests.support.ownership import ON_CITUS
from tests.support.random_histories import play_random_histories
from tests.support.servers import Servers
from tests.support.world import World, open_world

_AS_ON_CITUS = Query("pool.ping", (), "value", "select true")
_LEAVE = Query("test.leave", ("user_id",), "none", "update users set deleted_ms = 1 where id = %(user_id)s")
_FREE = {
    "users": Query("test.free_users", (), "many", "select id from users for update skip locked"),
    "tweets": Query("test.free_tweets", (), "many", "select id from tweets for update skip locked"),
    "tag_people": Query("test.free_people", (), "many", "select user_id from tag_people for update skip locked"),
}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of all statements from now on, of a linnet that takes PostgreSQL for Citus."""
    said: set[str] = set()
    execute = Session._execute

    async def noting(session: Session, query: Query, params: Mapping[str, Any]) -> Any:
        said.add(query.name)
        return await execute(session, query, params)

    monkeypatch.setattr(Session, "_execute", noting)
    monkeypatch.setattr(pool, "_PING", _AS_ON_CITUS)
    return said


async def live(world: World) -> dict[str, TweetRef]:
    """Things of all kinds happen in one batch, to several people at once."""
    await world.person("ada", "ben", "cleo", "dan")
    for name in ("ben", "cleo", "dan"):
        await world.follow(name, "ada")
    await world.follow("cleo", "ben")
    await world.follow_tag("dan", "one")
    refs = {}
    for name in ("dan", "ben", "ada"):
        refs[name] = TweetRef(world.ids[name], await world.post(name, f"of {name} #one #two"))
    await world.post("ben", "answered", reply_to=refs["ada"].tweet_id)
    await world.retweet("cleo", refs["ben"].tweet_id)
    for name in ("ada", "ben", "cleo"):
        await world.like(name, *(ref.tweet_id for ref in refs.values()))
    refs["poll"] = TweetRef(world.ids["ada"], await world.ask("ada"))
    for name in ("ben", "cleo"):
        await world.vote(name, refs["poll"].tweet_id, 1)
    await world.settle()
    return refs


async def test_everything_is_counted_and_shown_when_each_owner_is_locked_by_a_statement(
    said: set[str], servers: Servers, database_url: str
) -> None:
    async with open_world(database_url, servers.valkey_url) as world:
        refs = await live(world)
        await world.assert_exact()
        assert len(await tags.fetch_of_each(world.db, ["one"], Range(2, after=1))) == 2
        await recounts.assert_counts(world.db, top_user_followers=5000)
        for name in ("ada", "poll"):
            await world.delete("ada", refs[name].tweet_id)
        await world.settle()
        await rescore_popular(world.write)
        await match_threshold(world.write)
        await world.assert_exact()
        await recounts.assert_counts(world.db, top_user_followers=5000)
    assert set(ON_CITUS.values()) <= said
    assert said.isdisjoint(ON_CITUS)


def test_any_history_is_as_exact_as_on_one_server(said: set[str], servers: Servers, database_url: str) -> None:
    play_random_histories(database_url, servers.valkey_url, settings(max_examples=8, stateful_step_count=30))
    assert said.isdisjoint(ON_CITUS)


@pytest.mark.parametrize("is_distributed", [False, True])
async def test_both_forms_find_the_same(world: World, *, is_distributed: bool) -> None:
    refs = await live(world)
    ada, ben, cleo, dan = (world.ids[name] for name in ("ada", "ben", "cleo", "dan"))
    retweet = TweetRef(cleo, await world.retweet("cleo", refs["ada"].tweet_id))
    async with world.db.transaction() as session:
        session.is_distributed = is_distributed
        found = await fanout.fetch_reply_audiences(
            session, {3: (ada, ben), 4: (ben, ada), 5: (dan, ada)}, walking="author"
        )
        # Cleo follows both. Ben follows Ada, whom he is answered by; nobody follows Dan.
        assert {each.ordinal: [int(i) for i in unpacked(each.packed_ids)] for each in found} == {
            3: sorted([ben, cleo]),
            4: [cleo],
        }
        for ref in (*refs.values(), retweet):
            tweet = await tweets.find_by_id(session, ref.tweet_id)
            assert tweet is not None
            assert (tweet.author_id, tweet.id) == (ref.author_id, ref.tweet_id)
        assert await tweets.find_by_id(session, TweetId(1)) is None
        by_age = [refs[name].tweet_id for name in ("dan", "ben", "ada")]
        for wanted, expected in (
            (Range(2), by_age[1:]),
            (Range(2, after=1), by_age[:2]),
            (Range(9, by_age[2], by_age[0]), by_age[1:2]),
        ):
            tagged = await tags.fetch_of_each(session, ["one", "two"], wanted)
            assert sorted(entry.id for entry in tagged) == sorted(expected * 2)
        await session.run(_LEAVE, user_id=ada)
        for ref in (refs["ada"], retweet):
            assert await tweets.find_by_id(session, ref.tweet_id) is None
        assert await tweets.find_by_id(session, refs["ben"].tweet_id) is not None


def unpacked(ids: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(ids) // 8}q", ids)


@pytest.mark.parametrize("is_distributed", [False, True])
async def test_both_forms_find_and_lock_the_same(world: World, *, is_distributed: bool) -> None:
    refs = await live(world)
    ids = sorted(world.ids[name] for name in ("ada", "ben", "dan"))
    async with world.db.transaction() as session, world.db.transaction() as other:
        session.is_distributed = is_distributed

        async def held(table: str, count: int) -> bool:
            everything = await world.db.fetch(int, Query(f"test.{table}", (), "many", f"select 1 from {table}"))
            return len(everything) - len(await other.fetch(int, _FREE[table])) == count

        await users.lock(session, ids)
        assert await held("users", 3)
        gone = TweetRef(world.ids["ada"], refs["ben"].tweet_id)
        assert await fanout.lock_tweets(session, [*refs.values(), gone]) == set(refs.values())
        assert await held("tweets", 4)
        assert [each.ref for each in await popular.fetch_rankable(session, refs.values())] == sorted(
            refs.values(), key=lambda ref: (ref.author_id, ref.tweet_id)
        )
        pairs = [(world.ids["dan"], "one"), (world.ids["ada"], "two"), (world.ids["ada"], "three")]
        assert await tags.lock_people(session, pairs) == {
            (world.ids["dan"], "one"): refs["dan"].tweet_id,
            (world.ids["ada"], "two"): refs["ada"].tweet_id,
        }
        assert await held("tag_people", 2)
        unknown = TweetId(1)
        await likes.delete_orphans(session, {(world.ids["ben"], refs["ada"].tweet_id), (world.ids["dan"], unknown)})
        left = await likes.fetch_by_user(session, world.ids["ben"], Range(10))
        assert {like.tweet.tweet_id for like in left} == {refs["ben"].tweet_id, refs["dan"].tweet_id}
