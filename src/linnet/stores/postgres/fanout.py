"""What the event worker reads and writes: audiences, counters, and the notes of replies and retweets."""

from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.refs import among, by_owner

_sql = load_queries("fanout")


class Audience(msgspec.Struct, frozen=True):
    """Followers to push to: their ids packed, 8 bytes each, most significant first, sorted."""

    ordinal: int
    packed_ids: bytes


async def fetch_audiences(db: Reader, authors: dict[int, int]) -> list[Audience]:
    """The followers of ``authors[ordinal]``. Ordinals without any are left out."""
    return await db.fetch(Audience, _sql["fetch_audiences"], ordinals=list(authors), author_ids=list(authors.values()))


async def fetch_reply_audiences(db: Reader, replies: dict[int, tuple[int, int]], *, walking: str) -> list[Audience]:
    """Who is shown the replies of ``author`` to ``answered``, for pairs ``replies[ordinal]``.

    ``walking`` is ``"author"`` or ``"answered"``: whose followers are gone through; name the one with fewer.
    """
    if walking == "answered":
        query = "fetch_reply_audiences_of_top"
    else:
        query = "fetch_reply_audiences_in_steps" if db.is_distributed else "fetch_reply_audiences"
    return await db.fetch(
        Audience,
        _sql[query],
        ordinals=list(replies),
        author_ids=[author_id for author_id, _ in replies.values()],
        answered_ids=[answered_id for _, answered_id in replies.values()],
    )


class TweetDelta:
    """What a batch of events adds to one tweet's counters."""

    __slots__ = ("likes", "replies", "retweets")

    def __init__(self) -> None:
        self.replies = self.retweets = self.likes = 0


class CountedTweet(msgspec.Struct, frozen=True):
    """A tweet whose counters changed, as they are now."""

    author_id: UserId
    id: TweetId
    version: int
    replies: int
    retweets: int
    likes: int

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.id)


async def lock_tweets(db: Session, refs: Collection[TweetRef]) -> set[TweetRef]:
    """Those that are there, and stay so until the transaction ends. Locks in the order of author and id."""
    if not refs:
        return set()
    if not db.is_distributed:
        return set(await db.fetch(TweetRef, _sql["lock_tweets"], **among(refs)))
    found: set[TweetRef] = set()
    for author_id, tweet_ids in by_owner((ref.author_id, ref.tweet_id) for ref in refs):
        found |= set(await db.fetch(TweetRef, _sql["lock_tweets_of_one"], author_id=author_id, tweet_ids=tweet_ids))
    return found


async def add_tweet_counts(db: Session, deltas: dict[TweetRef, TweetDelta]) -> list[CountedTweet]:
    """Adds to the counters of locked tweets."""
    changed = [ref for ref, delta in deltas.items() if delta.replies or delta.retweets or delta.likes]
    if not changed:
        return []
    return await db.fetch(
        CountedTweet,
        _sql["add_tweet_counts"],
        author_ids=[ref.author_id for ref in changed],
        tweet_ids=[ref.tweet_id for ref in changed],
        replies=[deltas[ref].replies for ref in changed],
        retweets=[deltas[ref].retweets for ref in changed],
        likes=[deltas[ref].likes for ref in changed],
    )


class Note(msgspec.Struct, frozen=True):
    """A reply or a retweet, under the tweet that it answers or retweets."""

    under: TweetRef
    tweet: TweetRef


async def insert_replies(db: Session, notes: Sequence[Note]) -> list[TweetRef]:
    """The parents of those that were not there, once for each reply."""
    return await db.fetch(
        TweetRef,
        _sql["insert_replies"],
        author_ids=[note.under.author_id for note in notes],
        tweet_ids=[note.under.tweet_id for note in notes],
        reply_ids=[note.tweet.tweet_id for note in notes],
        reply_author_ids=[note.tweet.author_id for note in notes],
    )


async def delete_replies(db: Session, notes: Sequence[Note]) -> list[TweetRef]:
    """The parents of those that were there, once for each reply."""
    return await db.fetch(
        TweetRef,
        _sql["delete_replies"],
        author_ids=[note.under.author_id for note in notes],
        tweet_ids=[note.under.tweet_id for note in notes],
        reply_ids=[note.tweet.tweet_id for note in notes],
    )


async def delete_replies_of(db: Session, parent: TweetRef, *, page_size: int) -> int:
    """How many notes of replies to a tweet that is gone were deleted; run again while it is ``page_size``."""
    return await db.run(
        _sql["delete_replies_of"], author_id=parent.author_id, tweet_id=parent.tweet_id, page_size=page_size
    )


async def insert_retweets(db: Session, notes: Sequence[Note]) -> list[TweetRef]:
    """The originals of those that were not there, once for each retweet."""
    return await db.fetch(
        TweetRef,
        _sql["insert_retweets"],
        author_ids=[note.under.author_id for note in notes],
        tweet_ids=[note.under.tweet_id for note in notes],
        user_ids=[note.tweet.author_id for note in notes],
        retweet_ids=[note.tweet.tweet_id for note in notes],
    )


async def delete_retweets(db: Session, notes: Sequence[Note]) -> list[TweetRef]:
    """The originals of those that were there, once for each retweet."""
    return await db.fetch(
        TweetRef,
        _sql["delete_retweets"],
        author_ids=[note.under.author_id for note in notes],
        tweet_ids=[note.under.tweet_id for note in notes],
        user_ids=[note.tweet.author_id for note in notes],
        retweet_ids=[note.tweet.tweet_id for note in notes],
    )


async def delete_retweets_of(db: Session, original: TweetRef, *, page_size: int) -> list[TweetRef]:
    """Some of the retweets of a tweet that is gone; their notes are deleted, their own rows are not yet."""
    return await db.fetch(
        TweetRef,
        _sql["delete_retweets_of"],
        author_id=original.author_id,
        tweet_id=original.tweet_id,
        page_size=page_size,
    )


async def delete_tweets(db: Session, refs: Sequence[TweetRef]) -> list[TweetRef]:
    """Those that were there."""
    return await db.fetch(TweetRef, _sql["delete_tweets"], **among(refs))


async def fetch_existing(db: Reader, refs: Sequence[TweetRef]) -> dict[TweetRef, bool]:
    """Those that are there, and whether they were edited."""
    return dict(
        await db.fetch(
            lambda author_id, tweet_id, is_edited: (TweetRef(author_id, tweet_id), is_edited),
            _sql["fetch_existing"],
            **among(refs),
        )
    )
