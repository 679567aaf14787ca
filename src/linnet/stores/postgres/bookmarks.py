"""Bookmarks: what somebody put by for later. Nobody else is told, and nothing counts them."""

from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Range
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range
from linnet.stores.postgres.refs import among

_sql = load_queries("bookmarks")


class Bookmark(msgspec.Struct, frozen=True):
    """``user_id`` put ``tweet_id`` of ``author_id`` by; ``id`` orders bookmarks."""

    user_id: UserId
    tweet_id: TweetId
    author_id: UserId
    id: int

    @property
    def tweet(self) -> TweetRef:
        return TweetRef(self.author_id, self.tweet_id)


async def insert(db: Session, bookmark: Bookmark) -> bool:
    """False when it was there."""
    inserted = await db.run(
        _sql["insert"],
        user_id=bookmark.user_id,
        tweet_id=bookmark.tweet_id,
        author_id=bookmark.author_id,
        bookmark_id=bookmark.id,
    )
    return bool(inserted)


async def delete(db: Session, user_id: UserId, tweet_id: TweetId) -> bool:
    """False when it was not there."""
    return bool(await db.run(_sql["delete"], user_id=user_id, tweet_id=tweet_id))


async def fetch_bookmarked_among(db: Reader, user_id: UserId, tweet_ids: Sequence[int]) -> set[TweetId]:
    """Which of these tweets somebody put by."""
    return set(await db.fetch(TweetId, _sql["fetch_bookmarked_among"], user_id=user_id, tweet_ids=list(tweet_ids)))


async def fetch_bookmarked(db: Reader, user_id: UserId, *, page_size: int) -> list[TweetId]:
    """What somebody put by, the newest tweets first."""
    return await db.fetch(TweetId, _sql["fetch_bookmarked"], user_id=user_id, page_size=page_size)


async def fetch_by_user(db: Reader, user_id: UserId, wanted: Range) -> list[Bookmark]:
    """Somebody's bookmarks in a range of their ids, newest first."""
    return await fetch_range(db, Bookmark, _sql["fetch_by_user"], _sql["fetch_by_user_above"], wanted, user_id=user_id)


async def delete_of_tweets(db: Session, refs: Collection[TweetRef]) -> None:
    """Tweets that are gone are nobody's to come back to."""
    await db.run(_sql["delete_of_tweets"], **among(refs))
