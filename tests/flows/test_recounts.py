"""Counting again: finds what is wrong, never what is only late, and mends it."""

import asyncio
from contextlib import suppress

import psycopg
import pytest

from linnet.stores.postgres.leases import upsert_fact
from linnet.write.actions import likes
from linnet.write.actions.recounts import RecountOptions, StillBehind, recount
from linnet.write.rules import THRESHOLD_FACT, OtherRules
from tests.flows._recounts import OPTIONS, recounted, said, spoil, town
from tests.support.recounts import assert_counts
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world


async def ranked(world: World) -> list[tuple[int, int]]:
    async with await psycopg.AsyncConnection.connect(world.db.options.url) as connection:
        rows = await connection.execute("select tweet_id, score_ms from popular order by tweet_id")
        return list(await rows.fetchall())


async def test_what_is_right_is_found_right(world: World) -> None:
    await town(world)
    found = await recounted(world)
    assert found.differences == []
    assert found.held_back == 0
    # 2 notes of likes and 2 likes, a reply and a retweet from both sides, 8 tweets, 4 users, a tag.
    assert found.compared == 2 + 2 + 2 + 2 + 8 + 4 + 1


async def test_wrong_counters_are_named_and_mended(world: World) -> None:
    tweet_id, _ = await town(world)
    ada = world.ids["ada"]
    await spoil(
        world,
        "update users set tweets_count = 7, followers_count = 0, following_count = -1 where id = %(id)s",
        id=ada,
    )
    await spoil(
        world,
        "update tweets set replies_count = 2, retweets_count = 0, likes_count = 9 where id = %(id)s",
        id=tweet_id,
    )
    await spoil(world, "update tags set tweets_count = 1, people_count = 7")
    wrong = {
        ("tweets", f"user {ada}", 7, 1),
        ("followers", f"user {ada}", 0, 2),
        ("following", f"user {ada}", -1, 0),
        ("replies", f"tweet {tweet_id}", 2, 1),
        ("retweets", f"tweet {tweet_id}", 0, 1),
        ("likes", f"tweet {tweet_id}", 9, 2),
        ("tweets", "tag bird", 1, 2),
        ("people", "tag bird", 7, 2),
    }
    assert await said(world) == wrong
    assert await said(world) == wrong, "looking changes nothing"
    assert await said(world, repair=True) == wrong
    assert await said(world) == set()
    await assert_counts(world.db, top_user_followers=5000)


async def test_all_is_counted_and_mended_of_which_only_some_is_named(world: World) -> None:
    await town(world)
    await spoil(world, "update users set tweets_count = tweets_count + 1")
    options = RecountOptions(page_size=3, listed=2, looks=1, pause_seconds=0.0)
    found = await recount(world.write, repair=True, options=options)
    assert (found.differing, found.repaired, len(found.differences)) == (4, 4, 2)
    assert await said(world) == set()


async def test_a_repair_that_was_stopped_is_finished_by_the_next_one(world: World) -> None:
    tweet_id, _ = await town(world)
    await spoil(world, "update tweets set likes_count = 50 where id = %(id)s", id=tweet_id)
    await spoil(world, "update users set tweets_count = tweets_count + 1")

    class Killed(Exception):
        pass

    pages = stop_after = 0

    def die(_: int) -> None:
        nonlocal pages
        pages += 1
        if pages == stop_after:
            raise Killed

    while pages == stop_after:
        pages, stop_after = 0, stop_after + 1
        with suppress(Killed):
            await recount(world.write, repair=True, options=OPTIONS, progress=die)
    assert stop_after > 10, "it was stopped at every page"
    assert await said(world) == set()
    await assert_counts(world.db, top_user_followers=5000)


async def test_a_ranking_follows_what_was_mended(world: World) -> None:
    tweet_id, _ = await town(world)
    scores = await ranked(world)
    await spoil(world, "update popular set engagement_ms = 0 where tweet_id = %(id)s", id=tweet_id)
    await spoil(world, "update tweets set likes_count = 0 where id = %(id)s", id=tweet_id)
    assert await ranked(world) != scores
    await said(world, repair=True)
    assert await ranked(world) == scores


async def test_what_is_mended_is_shown_at_once(world: World) -> None:
    tweet_id, _ = await town(world)
    assert (await world.home("ada")).items[0].counts.likes == 2
    await spoil(world, "update tweets set likes_count = 9, version = version + 1 where id = %(id)s", id=tweet_id)
    await world.flush()
    shown = next(item for item in (await world.home("ada")).items if item.id == str(tweet_id))
    assert shown.counts.likes == 9
    await said(world, repair=True)
    world.forget()
    shown = next(item for item in (await world.home("ada")).items if item.id == str(tweet_id))
    assert shown.counts.likes == 2


async def test_lost_and_stray_notes_are_mended_with_their_counts(world: World) -> None:
    tweet_id, reply_id = await town(world)
    ada, linus, edsger = world.ids["ada"], world.ids["linus"], world.ids["edsger"]
    await spoil(world, "delete from replies where reply_id = %(id)s", id=reply_id)
    await spoil(world, "update retweets set user_id = %(id)s", id=edsger)
    await spoil(world, "delete from tweet_likes where user_id = %(id)s", id=linus)
    await spoil(
        world, "insert into tweet_likes values (%(ada)s, %(tweet)s, %(id)s, 5)", ada=ada, tweet=tweet_id, id=edsger
    )
    found = await said(world)
    assert {counter for counter, *_ in found} == {
        "note of the like",
        "note of the reply",
        "note of the retweet",
        "replies",
    }
    assert ("note of the like", f"user {linus} under tweet {tweet_id}", 0, 1) in found
    assert ("note of the like", f"user {edsger} under tweet {tweet_id}", 1, 0) in found
    assert ("note of the reply", f"tweet {reply_id} under tweet {tweet_id}", 0, 1) in found
    for _ in range(3):
        # Likes are mended by events, which hold back what they speak of: here nobody applies them meanwhile.
        await recounted(world, repair=True)
        await world.settle()
    assert await said(world) == set()
    await assert_counts(world.db, top_user_followers=5000)


async def test_what_is_only_late_is_not_wrong_and_is_looked_at_again(world: World) -> None:
    tweet_id, _ = await town(world)
    await world.follow("edsger", "ada")
    await likes.like(world.write, world.ids["edsger"], tweet_id)
    await world.post("grace", "late", reply_to=tweet_id)
    found = await recounted(world, repair=True)
    assert found.differences == []
    # Whose counters are late: edsger and ada by the follow, grace by the tweet; and a like and a reply without notes.
    assert found.held_back == 5

    looking = recount(world.write, repair=True, options=RecountOptions(page_size=3, looks=1_000_000, pause_seconds=0.0))
    found, _ = await asyncio.gather(looking, world.settle())
    assert (found.differences, found.held_back) == ([], 0)
    await assert_counts(world.db, top_user_followers=5000)


async def test_too_many_events_are_waited_for(world: World) -> None:
    await town(world)
    await world.post("ada")
    with pytest.raises(StillBehind, match="1 events wait"):
        await recount(world.write, repair=False, options=RecountOptions(most_waiting=0))


async def test_a_parked_event_holds_back_what_it_speaks_of_and_nothing_else(world: World) -> None:
    await town(world)
    await world.follow("edsger", "ada")
    await spoil(
        world,
        "with gone as (delete from outbox returning actor_id, id, lane, kind, payload, appended_at)"
        " insert into parked_events select actor_id, id, lane, kind, payload, appended_at, 5, 'planted' from gone",
    )
    await spoil(world, "update users set tweets_count = 0 where username in ('ada', 'grace')")
    found = await recounted(world, repair=True)
    assert found.held_back == 2
    assert [(each.owner, each.stored, each.counted) for each in found.differences] == [
        (f"user {world.ids['grace']}", 0, 1)
    ]


async def test_a_repair_across_the_threshold_makes_a_top_user(servers: Servers, database_url: str) -> None:
    async with open_world(database_url, servers.valkey_url, options=WorldOptions(top_user_followers=1)) as world:
        await town(world)
        ada = world.ids["ada"]
        await spoil(world, "update users set followers_count = 0, is_top = false where id = %(id)s", id=ada)
        await spoil(world, "delete from top_users")
        await said(world, repair=True)
        await world.settle()
        await assert_counts(world.db, top_user_followers=1)
        await world.assert_exact()


async def test_a_repair_by_other_rules_than_the_workers_is_refused(world: World) -> None:
    await town(world)
    await upsert_fact(world.db, THRESHOLD_FACT, "7")
    with pytest.raises(OtherRules, match="7 there, 5000 here"):
        await recounted(world, repair=True)
    assert (await recounted(world)).differences == [], "looking is no harm"


async def test_polls_are_counted_again_by_their_votes(world: World) -> None:
    await town(world)
    ada, linus, grace, edsger = (world.ids[name] for name in ("ada", "linus", "grace", "edsger"))
    poll = await world.ask("ada", "a", "b", "c", "d", multiple=True)
    await world.vote("linus", poll, 0, 3)
    await world.vote("grace", poll, 3)
    await world.settle()
    assert await said(world) == set()
    await spoil(world, "update tweets set poll_voters = 9, poll_votes = '{1,5,0,0}' where id = %(id)s", id=poll)
    wrong = {("voters", f"poll {poll}", 9, 2), ("second", f"poll {poll}", 5, 0), ("fourth", f"poll {poll}", 0, 2)}
    assert await said(world) == wrong
    assert await said(world, repair=True) == wrong
    assert await said(world) == set()
    await assert_counts(world.db, top_user_followers=5000)

    await spoil(world, "delete from tweet_votes where user_id = %(id)s", id=linus)
    await spoil(world, "update tweet_votes set choices = 1 where user_id = %(id)s", id=grace)
    await spoil(world, "insert into tweet_votes values (%(ada)s, %(poll)s, %(id)s, 2)", ada=ada, poll=poll, id=edsger)
    found = await said(world)
    for user_id, noted in ((linus, (0, 1)), (edsger, (1, 0)), (grace, (0, 1)), (grace, (1, 0))):
        assert ("note of the vote", f"user {user_id} under tweet {poll}", *noted) in found
    for _ in range(6):
        # Each is mended by an event, which holds back what it speaks of: all else about this poll.
        await recounted(world, repair=True)
        await world.settle()
    assert await said(world) == set()
    await assert_counts(world.db, top_user_followers=5000)
