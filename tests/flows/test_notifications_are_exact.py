"""Notifications equal what their causes are, whatever came late, twice or at once."""

import asyncio
import random
from contextlib import suppress

import pytest

from linnet.domain.event import TweetLiked, TweetRef
from linnet.domain.timeline import Range
from linnet.errors import RequestNotFound
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import notifications, outbox
from linnet.stores.postgres.outbox import NewEvent
from linnet.write.actions import likes
from linnet.write.fanout import notes
from linnet.write.fanout import notifications as fanout_notifications
from linnet.write.outbox.worker import EventWorker
from tests.support import recounts
from tests.support.histories import open_stage
from tests.support.servers import Servers
from tests.support.world import World

PEOPLE = ("ada", "bob", "cyd", "dan")


async def check(world: World) -> None:
    await world.settle()
    await recounts.assert_counts(world.db, top_user_followers=world.options.top_user_followers)
    await recounts.assert_all_told(world.db)


async def test_who_ended_a_follow_and_follows_again_on_another_day_is_told_of_once(
    database_url: str, servers: Servers
) -> None:
    async with open_stage(database_url, servers.valkey_url) as stage, stage.history() as history:
        for _ in range(2):
            await history.sign_up()
        await history.follow(0, 1, via=0)
        await history.settle()
        await history.time_passes(2 * 86400.0)
        # Both are applied in one batch.
        await history.unfollow(0, 1, via=0)
        await history.follow(0, 1, via=0)
        await history.check()


async def test_after_any_history_everybody_was_told_of_what_is_so_and_of_nothing_else(world: World) -> None:
    await world.person(*PEOPLE)
    chance = random.Random(5)
    tweets: list[tuple[str, TweetId]] = []
    for step in range(360):
        who, other = chance.choice(PEOPLE), chance.choice(PEOPLE)
        whose, tweet_id = chance.choice(tweets) if tweets else ("", TweetId(0))
        match chance.randrange(17):
            case 0 | 1:
                tweets.append((who, await world.post(who, f"hello @{other} and @{chance.choice(PEOPLE)}")))
            case 2 if tweets:
                tweets.append((who, await world.post(who, f"yes @{other}", reply_to=tweet_id)))
            case 3 if tweets:
                await world.delete(whose, tweet_id)
                tweets.remove((whose, tweet_id))
            case 4 | 5 if tweets:
                await likes.like(world.write, world.ids[who], tweet_id)
            case 6 if tweets:
                await likes.unlike(world.write, world.ids[who], tweet_id)
            case 7 if tweets:
                await world.retweet(who, tweet_id)
            case 8 if tweets:
                await world.undo_retweet(who, tweet_id)
            case 9 if who != other:
                await world.follow(who, other)
            case 10 if who != other:
                await world.unfollow(who, other)
            case 11 | 12:
                await world.lock(who, locked=chance.random() < 0.7)
            case 13 if who != other:
                with suppress(RequestNotFound):
                    await world.accept(who, other)
            case 14 if who != other:
                await world.refuse(who, other)
            case 15 | 16 if tweets:
                await world.edit(whose, tweet_id, f"{step}: @{other} and @{chance.choice(PEOPLE)}")
        if step % 24 == 23:
            await check(world)


async def test_a_like_that_is_applied_late_tells_nothing_that_is_not_so_any_more(world: World) -> None:
    ada, bob = await world.person("ada"), await world.person("bob")
    tweet_id = await world.post("ada")
    await world.settle()
    late = NewEvent.of(TweetLiked(bob, TweetRef(ada, tweet_id)), world.write.ids.mint())
    async with world.db.transaction() as session:
        await outbox.append(session, late)
    await check(world)
    assert await notifications.count_unread(world.db, ada, read_id=0, page_size=10) == 0


async def test_two_workers_that_tell_one_person_at_once_agree(world: World) -> None:
    """Sixteen people in as many lanes, two workers: everything is told once, and ids follow each other."""
    ada = await world.person("ada")
    fans = [f"fan{number}" for number in range(16)]
    await world.person(*fans)
    tweet_id = await world.post("ada")
    await world.settle()

    async def be_a_fan(name: str) -> None:
        await likes.like(world.write, world.ids[name], tweet_id)
        await world.follow(name, "ada")
        await world.post(name, "hello @ada", reply_to=tweet_id)

    await asyncio.gather(*map(be_a_fan, fans))
    workers = [EventWorker(world.write, world.options.worker) for _ in range(2)]
    await asyncio.gather(*(worker.drain() for worker in workers))
    await check(world)
    assert await _people(world, ada) == {"liked": 16, "followed": 16, "replied": 16}


async def test_a_tweet_that_more_like_than_one_step_can_take_leaves_nothing_when_it_goes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "NOTES_AT_ONCE", 5)
    monkeypatch.setattr(fanout_notifications, "CAUSES_AT_ONCE", 6)
    ada = await world.person("ada")
    fans = [f"fan{number}" for number in range(24)]
    await world.person(*fans)
    tweet_id = await world.post("ada")
    for name in fans:
        await likes.like(world.write, world.ids[name], tweet_id)
    await check(world)
    assert await _people(world, ada) == {"liked": 24}
    await world.delete("ada", tweet_id)
    await check(world)
    assert await _people(world, ada) == {}


async def _people(world: World, user_id: UserId) -> dict[str, int]:
    groups = await notifications.fetch_groups(world.db, user_id, Range(100))
    counts: dict[str, int] = {}
    for group in groups:
        counts[group.kind] = counts.get(group.kind, 0) + group.people_count
    return counts
