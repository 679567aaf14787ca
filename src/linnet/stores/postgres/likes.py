"""Likes: whoever likes owns the like, and the tweet's author owns a note of it, which the event worker keeps."""

from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("likes")


class Like(msgspec.Struct, frozen=True):
    """``user_id`` likes ``tweet_id`` of ``author_id``; ``id`` orders likes."""

    user_id: UserId
    tweet_id: TweetId
    author_id: UserId
    id: int

    @property
    def tweet(self) -> TweetRef:
        return TweetRef(self.author_id, self.tweet_id)


def _ref(author_id: int, tweet_id: int) -> TweetRef:
    return TweetRef(UserId(author_id), TweetId(tweet_id))


async def fetch_likes(db: Reader, pairs: Collection[tuple[UserId, TweetId]]) -> list[Like]:
    """Those of these (user, tweet) pairs that are likes at this moment."""
    found = await db.fetch(
        Like,
        _sql["fetch_likes"],
        user_ids=list({user_id for user_id, _ in pairs}),
        tweet_ids=list({tweet_id for _, tweet_id in pairs}),
    )
    return [like for like in found if (like.user_id, like.tweet_id) in pairs]


async def insert_notes(db: Session, likes: Sequence[Like]) -> list[TweetRef]:
    """The tweets of those that were not noted, once for each like."""
    return await db.fetch(
        _ref,
        _sql["insert_notes"],
        author_ids=[like.author_id for like in likes],
        tweet_ids=[like.tweet_id for like in likes],
        user_ids=[like.user_id for like in likes],
        like_ids=[like.id for like in likes],
    )


async def delete_notes(db: Session, unliked: Sequence[tuple[UserId, TweetRef]]) -> list[TweetRef]:
    """The tweets of those that were noted, once for each like."""
    return await db.fetch(
        _ref,
        _sql["delete_notes"],
        author_ids=[ref.author_id for _, ref in unliked],
        tweet_ids=[ref.tweet_id for _, ref in unliked],
        user_ids=[user_id for user_id, _ in unliked],
    )


async def delete_notes_of(db: Session, tweet: TweetRef, *, page_size: int) -> list[UserId]:
    """Who liked a tweet that is gone, some at a time: the notes are deleted, the likes themselves are not yet."""
    return await db.fetch(
        UserId, _sql["delete_notes_of"], author_id=tweet.author_id, tweet_id=tweet.tweet_id, page_size=page_size
    )


async def delete_orphans(db: Session, pairs: Sequence[tuple[UserId, TweetId]]) -> None:
    """Deletes likes of tweets that are gone."""
    await db.run(
        _sql["delete_orphans"],
        user_ids=[user_id for user_id, _ in pairs],
        tweet_ids=[tweet_id for _, tweet_id in pairs],
    )
