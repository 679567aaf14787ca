"""A small town with everything that is counted, and ways to count it again and to spoil it."""

from typing import Any

import psycopg

from linnet.ids import TweetId
from linnet.write.actions import likes
from linnet.write.actions.recounts import Recounted, RecountOptions, recount
from tests.support.world import World

# A page of 3 meets every seam; what is late is looked at once, since nobody applies events meanwhile.
OPTIONS = RecountOptions(page_size=3, looks=1, pause_seconds=0.0)


async def recounted(world: World, *, repair: bool = False) -> Recounted:
    return await recount(world.write, repair=repair, options=OPTIONS)


async def said(world: World, *, repair: bool = False) -> set[tuple[str, str, int, int]]:
    found = await recounted(world, repair=repair)
    assert all(difference.repaired == repair for difference in found.differences)
    assert (found.differing, found.repaired) == (len(found.differences), len(found.differences) * repair)
    return {(each.counter, each.owner, each.stored, each.counted) for each in found.differences}


async def spoil(world: World, statement: str, **params: Any) -> None:
    """Something that no linnet does."""
    async with await psycopg.AsyncConnection.connect(world.db.options.url, autocommit=True) as connection:
        await connection.execute(statement.encode(), params)


async def town(world: World) -> tuple[TweetId, TweetId]:
    """Some people with everything that is counted; returns a tweet and a reply to it."""
    await world.person("ada", "linus", "grace", "edsger")
    await world.follow("linus", "ada", "grace")
    await world.follow("grace", "ada")
    tweet_id = await world.post("ada", "a #bird")
    reply_id = await world.post("linus", "which #bird?", reply_to=tweet_id)
    await world.retweet("grace", tweet_id)
    for name in ("linus", "grace"):
        await likes.like(world.write, world.ids[name], tweet_id)
    for number in range(5):
        await world.post("edsger", f"{number}")
    await world.settle()
    return tweet_id, reply_id
