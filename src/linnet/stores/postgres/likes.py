"""Likes: whoever likes owns the like, and the tweet's author owns a note of it, which the event worker keeps."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry, Range
from linnet.domain.user import FollowEdge
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range
from linnet.stores.postgres.refs import among, by_owner

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


# What somebody likes


async def insert(db: Reader, like: Like, event: NewEvent) -> bool:
    """The like and its event together. False when it was there. Of several at once exactly one is told True."""
    inserted = await db.value(
        _sql["insert"],
        user_id=like.user_id,
        tweet_id=like.tweet_id,
        author_id=like.author_id,
        like_id=like.id,
        lane=event.lane,
        kind=event.kind,
        payload=event.payload,
    )
    return bool(inserted)


async def delete(db: Reader, user_id: UserId, tweet_id: TweetId, event: NewEvent) -> bool:
    """Takes the like away, with its event. False when it was not there."""
    deleted = await db.value(
        _sql["delete"],
        user_id=user_id,
        tweet_id=tweet_id,
        event_id=event.id,
        lane=event.lane,
        kind=event.kind,
        payload=event.payload,
    )
    return bool(deleted)


async def fetch_likes(db: Reader, pairs: AbstractSet[tuple[UserId, TweetId]]) -> list[Like]:
    """Those of these (user, tweet) pairs that are likes at this moment."""
    return await db.fetch(
        Like,
        _sql["fetch_likes"],
        user_ids=[user_id for user_id, _ in pairs],
        tweet_ids=[tweet_id for _, tweet_id in pairs],
    )


async def fetch_liked_among(db: Reader, user_id: UserId, tweet_ids: Sequence[int]) -> set[TweetId]:
    """Which of these tweets somebody likes."""
    return set(await db.fetch(TweetId, _sql["fetch_liked_among"], user_id=user_id, tweet_ids=list(tweet_ids)))


async def fetch_liked(db: Reader, user_id: UserId, *, page_size: int) -> list[TweetId]:
    """What somebody likes, the newest tweets first."""
    return await db.fetch(TweetId, _sql["fetch_liked"], user_id=user_id, page_size=page_size)


async def fetch_by_user(db: Reader, user_id: UserId, wanted: Range) -> list[Like]:
    """Somebody's likes in a range of their ids, newest first."""
    return await fetch_range(db, Like, _sql["fetch_by_user"], _sql["fetch_by_user_above"], wanted, user_id=user_id)


async def fetch_entries(db: Reader, refs: Sequence[TweetRef]) -> list[Entry]:
    """These tweets as entries, in no order; what is gone is left out."""
    return await db.fetch(Entry, _sql["fetch_entries"], **among(refs))


async def delete_orphans(db: Session, pairs: AbstractSet[tuple[UserId, TweetId]]) -> None:
    """Deletes likes of tweets that are gone. Locks in the order of users and tweets."""
    if not db.is_distributed:
        await db.run(
            _sql["delete_orphans"],
            user_ids=[user_id for user_id, _ in pairs],
            tweet_ids=[tweet_id for _, tweet_id in pairs],
        )
        return
    for user_id, tweet_ids in by_owner(pairs):
        await db.run(_sql["delete_orphans_of_one"], user_id=user_id, tweet_ids=tweet_ids)


# Notes under tweets


async def insert_notes(db: Session, likes: Sequence[Like]) -> list[TweetRef]:
    """The tweets of those that were not noted, once for each like."""
    return await db.fetch(
        TweetRef,
        _sql["insert_notes"],
        author_ids=[like.author_id for like in likes],
        tweet_ids=[like.tweet_id for like in likes],
        user_ids=[like.user_id for like in likes],
        like_ids=[like.id for like in likes],
    )


async def delete_notes(db: Session, notes: Iterable[tuple[UserId, TweetRef, int]]) -> list[TweetRef]:
    """Deletes what is noted of somebody under a tweet, unless it says this like; 0: there is no like.

    Returns the tweets, once for each note that was there.
    """
    given = list(notes)
    return await db.fetch(
        TweetRef,
        _sql["delete_notes"],
        author_ids=[tweet.author_id for _, tweet, _ in given],
        tweet_ids=[tweet.tweet_id for _, tweet, _ in given],
        user_ids=[user_id for user_id, _, _ in given],
        like_ids=[like_id for _, _, like_id in given],
    )


async def delete_notes_of(db: Session, tweet: TweetRef, *, page_size: int) -> list[UserId]:
    """Who liked a tweet that is gone, some at a time: the notes are deleted, the likes themselves are not yet."""
    return await db.fetch(
        UserId, _sql["delete_notes_of"], author_id=tweet.author_id, tweet_id=tweet.tweet_id, page_size=page_size
    )


async def fetch_likers(db: Reader, tweet: TweetRef, wanted: Range) -> list[FollowEdge]:
    """Who likes a tweet, newest like first; the edge's id is the like's."""
    return await fetch_range(
        db,
        FollowEdge,
        _sql["fetch_likers"],
        _sql["fetch_likers_above"],
        wanted,
        author_id=tweet.author_id,
        tweet_id=tweet.tweet_id,
    )
