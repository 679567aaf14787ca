"""Promise: however many like a tweet in one moment, each of them is counted once, and nobody waits for another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence

import pytest

from linnet.domain.event import LANES, lane_of
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import likes as likes_store
from linnet.stores.postgres import outbox
from linnet.stores.postgres.queries import Query
from linnet.write.actions import likes
from linnet.write.fanout import notes
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.flows._races import Work, at_every_step, beside, delivery, town
from tests.support import recounts
from tests.support.servers import Servers
from tests.support.world import World, open_process_beside

__all__ = ["beside", "town"]

PEOPLE = 5000
AT_ONCE = 8

_SIGN_UP = Query(
    "test.sign_up",
    (),
    "none",
    "insert into users (id, username, name, email, password_hash)"
    " select id, 'u' || id, 'U', 'u' || id || '@example.org', '-' from unnest(%(user_ids)s::bigint[]) id",
)
_SPOIL = Query("test.spoil", (), "none", "update outbox set kind = 'tweet_eaten' where actor_id = %(actor_id)s")
_MEND = Query("test.mend", (), "none", "update parked_events set kind = %(kind)s where actor_id = %(actor_id)s")


async def count_rows(town: World, table: str) -> int:
    return int(await town.db.value(Query("test.count", (), "value", f"select count(*) from {table}")))


async def likes_count(town: World, tweet_id: TweetId) -> int:
    query = Query("test.likes", (), "value", "select likes_count from tweets where id = %(tweet_id)s")
    return int(await town.db.value(query, tweet_id=tweet_id))


async def like_all(process: World, user_ids: Sequence[UserId], tweet_id: TweetId) -> None:
    """As a web process does it: so many requests at a time as it has connections."""
    rest = iter(user_ids)

    async def client() -> None:
        for user_id in rest:
            await likes.like(process.write, user_id, tweet_id)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))


async def test_five_thousand_people_who_like_a_tweet_at_once_are_five_thousand(
    world: World, database_url: str, servers: Servers
) -> None:
    await world.person("ada", "ben", "cleo")
    await world.follow("cleo", "ada", "ben")
    hot = await world.post("ada", "hot")
    await world.settle()
    await world.home("cleo")
    crowd = [UserId(world.write.ids.mint()) for _ in range(PEOPLE)]
    await world.db.run(_SIGN_UP, user_ids=crowd)
    assert len({lane_of(user_id) for user_id in crowd}) == LANES
    posted: list[TweetId] = []
    async with open_process_beside(world, servers.valkey_url) as beside:
        workers = [asyncio.create_task(process.worker.run()) for process in (world, beside)]
        storm = asyncio.gather(
            like_all(world, crowd[: PEOPLE // 2], hot),
            like_all(beside, crowd[PEOPLE // 2 :], hot),
        )
        # Whoever posts, likes something else, or answers the hot tweet meanwhile goes on as ever.
        while not storm.done():
            posted.append(await world.post("ada", "another"))
            posted.append(await beside.post("ben", "an answer", reply_to=hot))
            await beside.like("cleo", posted[-1])
            assert (await world.home("cleo", limit=1)).items
        await storm
        for process in (world, beside):
            process.worker.stop()
        await asyncio.gather(*workers)
    await world.worker.drain()
    world.forget()
    assert len(posted) > 20, "there was a meanwhile"
    assert await likes_count(world, hot) == PEOPLE
    assert await count_rows(world, "tweet_likes") == PEOPLE + len(posted) // 2
    assert not await outbox.fetch_parked(world.db, page_size=1)
    await recounts.assert_counts(world.db, top_user_followers=5000)
    await world.assert_exact(["cleo"], limit=100)


async def test_a_worker_that_stands_still_over_a_hot_tweet_keeps_nobody_from_acting(town: World, beside: World) -> None:
    hot = await town.post("ada")
    await town.settle()
    await town.like("ben", hot)
    worker = await town.loom.start("worker", town.deliver(lane_of(town.ids["ben"])))
    assert await town.loom.run_until(worker, "commit"), "it has the tweet's lock, and the tweet's new count"
    async with asyncio.timeout(60):
        reply = await beside.post("ben", "an answer", reply_to=hot)
        await beside.post("ada", "another")
        await beside.like("cleo", hot)
        await beside.like("ada", hot)
        await beside.unlike("ben", hot)
        await beside.like("ben", reply)
        await beside.retweet("cleo", hot)
        await beside.home("cleo")
    await town.loom.finish()
    town.loom.collect()
    await town.settle()
    assert await likes_count(town, hot) == 2
    await recounts.assert_counts(town.db, top_user_followers=5000)


async def test_a_storm_of_likes_and_unlikes_by_the_same_people_ends_as_the_last_commit_says(
    town: World, beside: World
) -> None:
    tweet_ids = [await town.post("ada"), await town.post("ben")]
    await town.settle()
    for last in ("like", "unlike"):
        storm: list[Awaitable[None]] = [
            verb(name, tweet_id)
            for name in ("ada", "ben", "cleo")
            for tweet_id in tweet_ids
            for process in (town, beside)
            for verb in (process.like, process.unlike) * 4
        ]
        await asyncio.gather(*storm, town.worker.drain(), beside.worker.drain(), town.home("cleo"))
        for name in ("ada", "ben"):
            await getattr(beside, last)(name, tweet_ids[0])
        await town.settle()
        beside.forget()
        liked = await likes_store.fetch_likes(
            town.db, {(user_id, tweet_id) for user_id in town.ids.values() for tweet_id in tweet_ids}
        )
        by_ada_and_ben = {like.user_id for like in liked if like.tweet_id == tweet_ids[0]} - {town.ids["cleo"]}
        assert len(by_ada_and_ben) == (2 if last == "like" else 0)
        await recounts.assert_counts(town.db, top_user_followers=5000)
        for process in (town, beside):
            for name in town.ids:
                await recounts.assert_views(town.db, town.ids[name], (await process.home(name)).items)


async def test_likes_that_meet_the_deletion_of_their_tweet_in_every_order_leave_no_row(
    town: World, beside: World
) -> None:
    posted: list[TweetId] = []

    async def arrange() -> None:
        posted.append(await town.post("ada"))
        await town.like("cleo", posted[-1])
        await town.settle()

    async def check() -> None:
        assert await count_rows(town, "likes") == await count_rows(town, "tweet_likes") == 0

    async def like_and_deliver() -> None:
        await town.like("ben", posted[-1])
        await town.deliver(lane_of(town.ids["ben"]))

    async def delete_and_deliver() -> None:
        await beside.delete("ada", posted[-1])
        await beside.deliver(lane_of(town.ids["ada"]))

    await at_every_step(town, like_and_deliver, delete_and_deliver, arrange=arrange, check=check)
    await at_every_step(town, delete_and_deliver, like_and_deliver, arrange=arrange, check=check)


async def test_a_like_and_its_undoing_in_every_order_count_what_is_there(town: World, beside: World) -> None:
    tweet_id = await town.post("ada")
    await town.settle()

    async def undo_and_again() -> None:
        await beside.unlike("ben", tweet_id)
        await beside.like("ben", tweet_id)
        await beside.home("ben")

    async def check() -> None:
        await recounts.assert_views(town.db, town.ids["ben"], (await town.home("ben")).items)

    for other in (lambda: beside.unlike("ben", tweet_id), undo_and_again):
        pairs: list[tuple[Work, Work]] = [
            (lambda: town.like("ben", tweet_id), lambda: town.unlike("ben", tweet_id)),
            (delivery(town, "ben"), lambda: town.like("ben", tweet_id)),
            (lambda: town.home("ben"), lambda: town.like("ben", tweet_id)),
        ]
        for one, arrange in pairs:
            await at_every_step(town, one, other, arrange=arrange, check=check)


async def test_a_worker_killed_at_any_step_of_a_batch_of_likes_counts_each_once(
    town: World, beside: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two at a time, so that the deletion goes on in events of its own.
    monkeypatch.setattr(notes, "NOTES_AT_ONCE", 2)
    kept, gone = await town.post("ada"), await town.post("ada")
    await town.settle()
    steps = {"ben": 0, "ada": 0}
    for name in steps:
        for who in town.ids:
            await town.like(who, kept, gone)
        await town.settle()
        await town.unlike("ben", kept)
        await town.like("ben", kept)
        await town.unlike("ben", gone)
        if name == "ada":
            await town.delete("ada", gone)
        while True:
            worker = await town.loom.start("worker", town.deliver(lane_of(town.ids[name])))
            await town.loom.run(worker, steps=steps[name])
            if worker.done or worker.next_label is None or worker.next_label == "commit":
                break
            await town.loom.kill(worker)
            steps[name] += 1
        assert steps[name] > 5
        await town.loom.kill(worker)
        await town.loom.close()
        await beside.settle()
        town.forget()
        assert await likes_count(town, kept) == 3
        await recounts.assert_counts(town.db, top_user_followers=5000)
    assert await count_rows(town, "likes") == 3


@pytest.mark.parametrize("then", ["nothing", "unlike", "delete", "like again"])
async def test_a_like_that_was_parked_and_is_replayed_late_counts_what_is_so_by_now(town: World, then: str) -> None:
    tweet_id = await town.post("ada")
    await town.settle()
    await town.like("ben", tweet_id)
    await town.db.run(_SPOIL, actor_id=town.ids["ben"])
    await town.worker.drain()
    while not (parked := await outbox.fetch_parked(town.db, page_size=1)):
        await town.db.run(Query("test.due", (), "none", "update outbox set retry_at = now()"))
        await town.worker.drain()
    assert await likes_count(town, tweet_id) == 0
    match then:
        case "unlike":
            await town.unlike("ben", tweet_id)
        case "delete":
            await town.delete("ada", tweet_id)
        case "like again":
            await town.unlike("ben", tweet_id)
            await town.like("ben", tweet_id)
    await town.worker.drain()
    await town.db.run(_MEND, actor_id=town.ids["ben"], kind="tweet_liked")
    async with town.db.transaction() as session:
        assert await outbox.replay(session, actor_id=parked[0].actor_id, event_id=parked[0].id)
    await town.settle()
    expected = {"nothing": 1, "unlike": 0, "delete": 0, "like again": 1}[then]
    assert await count_rows(town, "likes") == await count_rows(town, "tweet_likes") == expected
    await recounts.assert_counts(town.db, top_user_followers=5000)


@pytest.fixture
async def two_deleted(world: World, servers: Servers) -> AsyncIterator[tuple[World, World, list[TweetId]]]:
    """Two of Ada's tweets that everybody likes are deleted, and Ben's lane and hers come upon the same likes."""
    await sign_up_in_lanes_of_their_own(world, "ada", "ben")
    tweet_ids = [await world.post("ada"), await world.post("ada")]
    await world.settle()
    await world.like("ben", *tweet_ids)
    async with open_process_beside(world, servers.valkey_url) as beside:
        yield world, beside, tweet_ids


async def test_two_lanes_that_come_upon_the_same_likes_of_deleted_tweets_do_not_wait_crosswise(
    two_deleted: tuple[World, World, list[TweetId]],
) -> None:
    world, beside, tweet_ids = two_deleted
    ben, ada = world.ids["ben"], world.ids["ada"]
    # As if Ben's first likes had been noted, and those that wait were later ones.
    async with world.db.transaction() as session:
        await likes_store.insert_notes(
            session, await likes_store.fetch_likes(session, {(ben, tweet_id) for tweet_id in tweet_ids})
        )
    for tweet_id in reversed(tweet_ids):
        await world.delete("ada", tweet_id)
    steps = 0
    one = await world.loom.start("one", world.deliver(lane_of(ada)))
    while await world.loom.step(one):
        steps += 1
        if one.next_label == "likes.delete_orphans":
            break
    await world.loom.step(one)
    two = await world.loom.start("two", beside.deliver(lane_of(ben)))
    await world.loom.run(two)
    assert not two.done, "it waits for the likes that the other deletes"
    await world.loom.finish()
    assert one.task.result() == two.task.result() == "applied"
    world.loom.collect()
    await world.settle()
    assert await count_rows(world, "likes") == await count_rows(world, "tweet_likes") == 0
