"""Pins: a person has one tweet pinned at most, which ``tweets_one_pin`` holds whoever writes."""

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("pins")


class Pinnable(msgspec.Struct, frozen=True):
    """One's own tweet, pinned or not."""

    id: TweetId
    pinned: bool


async def lock_pins(db: Session, tweet: TweetRef) -> list[Pinnable]:
    """A tweet and the one that its author has pinned, by id, if they are there; they stay so until the commit."""
    return await db.fetch(Pinnable, _sql["lock_pins"], author_id=tweet.author_id, tweet_id=tweet.tweet_id)


async def update_pin(db: Session, tweet: TweetRef, *, pinned: bool) -> int | None:
    """The tweet's new version. Raises ``ConcurrentUpdate`` when its author pins another one at the same time."""
    version: int | None = await db.value(
        _sql["update_pin"], author_id=tweet.author_id, tweet_id=tweet.tweet_id, pinned=pinned
    )
    return version


async def find_pinned(db: Reader, author_id: UserId) -> Entry | None:
    """Somebody's pinned tweet."""
    return await db.find(Entry, _sql["find_pinned"], author_id=author_id)
