"""Popularity, counted anew from the truth: every tweet there is, and the documented function in Python."""

import random

from linnet.domain.popularity import score_ms
from linnet.errors import LinnetError
from linnet.ids import TweetId
from linnet.stores.postgres.queries import Query
from linnet.write.actions import likes
from tests.support.world import World

_TRUTH = Query(
    "popularity.truth",
    (),
    "many",
    """
    select t.id, t.author_id, coalesce(t.reply_to_author_id, 0),
        (select count(*) from likes l where l.tweet_id = t.id),
        (select count(*) from tweets r where r.retweet_of_id = t.id),
        (select count(*) from followers f where f.user_id = t.author_id)
    from tweets t where t.retweet_of_id is null
    """,
)
_KEPT = Query("popularity.kept", (), "many", "select tweet_id, author_id, reply_to_author_id, score_ms from popular")


_VERBS = (
    ["post", "post", "reply", "retweet", "like", "like", "like"],
    ["unlike", "follow", "follow", "unfollow", "delete", "undo", "settle"],
)


async def like(world: World, name: str, tweet_id: TweetId) -> None:
    await likes.like(world.write, world.ids[name], tweet_id)


async def unlike(world: World, name: str, tweet_id: TweetId) -> None:
    await likes.unlike(world.write, world.ids[name], tweet_id)


async def naive_ranking(world: World) -> list[tuple[int, int, int]]:
    """(score, tweet, author) of every tweet that is no retweet, the most popular first."""
    rows = await world.db.fetch(lambda *row: row, _TRUTH)
    half_life_ms = world.write.options.popular_half_life_ms
    return sorted(
        (
            (
                score_ms(tweet_id, likes=liked, retweets=retweeted, followers=followers, half_life_ms=half_life_ms),
                tweet_id,
                author_id,
            )
            for tweet_id, author_id, _, liked, retweeted, followers in rows
        ),
        reverse=True,
    )


async def assert_scores(world: World) -> None:
    """What is kept is what is counted anew, tweet by tweet."""
    kept = {row[0]: row[3] for row in await world.db.fetch(lambda *row: row, _KEPT)}
    assert kept == {tweet_id: score for score, tweet_id, _ in await naive_ranking(world)}


async def live_a_while(world: World, names: list[str], *, seed: int, steps: int) -> list[TweetId]:
    """A random history, delivered now and then; returns the tweets that were posted, some of them gone."""
    chance = random.Random(seed)
    posted: list[TweetId] = []
    for _ in range(steps):
        name, other = chance.choice(names), chance.choice(names)
        verb = chance.choice(chance.choice(_VERBS))
        tweet_id = chance.choice(posted) if posted else None
        try:
            if verb == "post" or tweet_id is None:
                posted.append(await world.post(name))
            elif verb == "reply":
                posted.append(await world.post(name, reply_to=tweet_id))
            elif verb == "retweet":
                await world.retweet(name, tweet_id)
            elif verb == "undo":
                await world.undo_retweet(name, tweet_id)
            elif verb == "like":
                await like(world, name, tweet_id)
            elif verb == "unlike":
                await unlike(world, name, tweet_id)
            elif verb == "follow":
                await world.follow(name, other)
            elif verb == "unfollow":
                await world.unfollow(name, other)
            elif verb == "delete":
                await world.delete(name, tweet_id)
            else:
                await world.settle()
        except LinnetError:
            # Not one's own, gone already, oneself: refused, as it should be.
            continue
    await world.settle()
    return posted
