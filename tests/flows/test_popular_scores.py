"""Scores are kept up as things happen, and are at every moment what they would be if counted anew."""

import asyncio
from math import log2

import msgspec
import pytest

from linnet.clock import ManualClock
from linnet.domain.event import lane_of
from linnet.domain.popularity import engagement_ms, reach_ms, score_ms
from linnet.ids import Lease, TweetId, first_id_at
from linnet.stores.postgres.queries import Query
from linnet.write.fanout.popular import match_half_life, prune_popular, rank_unranked, rescore_popular
from linnet.write.jobs import popular as jobs
from tests.flows._lanes import sign_up_in_lanes_of_their_own
from tests.flows._popularity import assert_scores, like, live_a_while, unlike
from tests.support.servers import Servers
from tests.support.world import World, build_world, open_process_beside, open_world

DAY_MS = 86_400_000
NAMES = ["ada", "ben", "cleo", "dan", "eve", "fay"]
_SCORE = Query("test.score", (), "value", "select score_ms from popular where tweet_id = %(tweet_id)s")
_COUNT = Query("test.count", (), "value", "select count(*) from popular")


@pytest.mark.parametrize(
    ("what", "moved_days"),
    [
        ({}, 0.0),
        ({"likes": 1}, 1.0),
        ({"likes": 3}, 2.0),
        ({"retweets": 1}, log2(3)),
        ({"likes": 1, "retweets": 3}, 3.0),
        ({"followers": 1}, 1 / 8),
        ({"followers": 1000}, 10 / 8),
        ({"followers": 1_000_000}, 20 / 8),
        ({"likes": 3, "followers": 255}, 3.0),
    ],
)
def test_a_score_is_the_moment_at_which_a_tweet_ranks(what: dict[str, int], moved_days: float) -> None:
    counts = {"likes": 0, "retweets": 0, "followers": 0} | what
    posted_ms = 1_800_000_000_000
    score = score_ms(first_id_at(posted_ms), **counts, half_life_ms=DAY_MS)
    assert score == posted_ms + round(moved_days * DAY_MS)


def test_more_of_anything_never_ranks_lower() -> None:
    for half_life_ms in (1, 3_600_000, DAY_MS):
        engagements = [engagement_ms(likes, 0, half_life_ms=half_life_ms) for likes in range(300)]
        reaches = [reach_ms(followers, half_life_ms=half_life_ms) for followers in range(300)]
        assert engagements == sorted(engagements)
        assert reaches == sorted(reaches)


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_history_every_score_is_what_it_is_counted_anew(world: World, seed: int) -> None:
    await world.person(*NAMES)
    await live_a_while(world, NAMES, seed=seed, steps=80)
    await assert_scores(world)
    assert await rescore_popular(world.write, page_size=7) == 0


async def test_a_like_that_is_applied_before_its_tweet_counts(world: World) -> None:
    await sign_up_in_lanes_of_their_own(world, "ada", "ben")
    tweet_id = await world.post("ada")
    await like(world, "ben", tweet_id)
    await world.deliver(lane_of(world.ids["ben"]))
    await assert_scores(world)
    await world.settle()
    await assert_scores(world)
    await unlike(world, "ben", tweet_id)
    await world.settle()
    await assert_scores(world)


async def test_two_workers_that_change_parts_of_the_same_scores_lose_neither(world: World, servers: Servers) -> None:
    """Likes of ada's tweets, new tweets of hers, and the followers she gains meanwhile, from every lane at once."""
    names = ["ada", *(f"reader{number}" for number in range(24))]
    await world.person(*names)
    tweet_ids = [await world.post("ada") for _ in range(3)]
    for name in names[1:]:
        await world.follow(name, "ada")
        for tweet_id in tweet_ids:
            await like(world, name, tweet_id)
    await world.retweet("reader1", tweet_ids[0])
    async with open_process_beside(world, servers.valkey_url) as beside:
        await asyncio.gather(world.worker.drain(), beside.worker.drain())
    await world.settle()
    await assert_scores(world)


async def test_a_changed_half_life_rescores_everything(world: World) -> None:
    await world.person(*NAMES)
    await live_a_while(world, NAMES, seed=9, steps=60)
    await match_half_life(world.write)
    options = msgspec.structs.replace(world.write.options, popular_half_life_hours=1)
    changed = msgspec.structs.replace(world.write, options=options)
    await match_half_life(changed)
    hourly = build_world(
        world.db, world.write.valkey, world.write.keys, world.write.ids, world.write.clock, world.options, world.ids
    )
    hourly.write = changed
    await assert_scores(hourly)
    with world.budget(sql=1, valkey=0):
        await match_half_life(changed)


async def test_a_place_that_is_older_than_its_ranking_is_ranked(world: World) -> None:
    await world.person(*NAMES)
    await live_a_while(world, NAMES, seed=10, steps=60)
    await world.db.run(Query("test.forget", (), "none", "delete from popular"))
    await rank_unranked(world.write, page_size=7)
    await assert_scores(world)


async def test_a_tweet_that_is_deleted_while_it_is_ranked_leaves_no_score(world: World) -> None:
    await world.person("ada")
    steps, is_last = 0, False
    while not is_last:
        tweet_id = await world.post("ada")
        await world.settle()
        await world.db.run(Query("test.forget", (), "none", "delete from popular"))
        ranking = await world.loom.start("rank", rank_unranked(world.write))
        await world.loom.run(ranking, steps=steps)
        is_last = ranking.done

        async def leave(tweet_id: TweetId = tweet_id) -> None:
            await world.delete("ada", tweet_id)
            await world.worker.drain()

        await world.loom.run(await world.loom.start("delete", leave()))
        await world.loom.finish()
        world.loom.collect()
        await world.settle()
        await assert_scores(world)
        steps += 1
    assert steps > 4, "it is some steps long"


async def test_only_what_no_ranking_would_come_to_is_forgotten(servers: Servers, database_url: str) -> None:
    clock = ManualClock(1_800_000_000_000)
    async with open_world(database_url, servers.valkey_url, clock=clock) as world:
        await world.person("ada", "ben")
        loved, old = await world.post("ada"), await world.post("ada")
        await like(world, "ben", loved)
        await like(world, "ada", loved)
        await like(world, "ada", old)
        clock.advance(15 * 86_400 + 3600)
        world.write.ids.renew(Lease(0, 0, clock.now_ms() + DAY_MS))
        new = await world.post("ada")
        await world.settle()
        # Two likes keep one of them ahead of two weeks ago; but this place has fewer tweets than are kept.
        assert await prune_popular(world.write) == 0
        assert await prune_popular(world.write, kept_at_least=1) == 1
        assert await world.db.value(_COUNT) == 2
        assert await world.db.value(_SCORE, tweet_id=old) is None
        assert await world.db.value(_SCORE, tweet_id=new) is not None
        # Whoever likes it now brings it back, with all it had.
        await like(world, "ben", old)
        await world.settle()
        await assert_scores(world)


async def test_forgetting_is_bounded_and_goes_on(
    servers: Servers, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linnet.write.fanout.popular._PRUNED_AT_ONCE", 2)
    monkeypatch.setattr("linnet.write.fanout.popular._PRUNED_PAGES", 2)
    clock = ManualClock(1_800_000_000_000)
    async with open_world(database_url, servers.valkey_url, clock=clock) as world:
        await world.person("ada")
        for _ in range(10):
            await world.post("ada")
            clock.advance(1)
        await world.settle()
        clock.advance(15 * 86_400)
        assert [await prune_popular(world.write, kept_at_least=3) for _ in range(3)] == [4, 3, 0]
        assert await world.db.value(_COUNT) == 3
        # The job keeps a thousand.
        await jobs.prune_popular.run(world.write, {})
        assert await world.db.value(_COUNT) == 3
