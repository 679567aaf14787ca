"""What the event worker reads and writes: audiences, counters, and the notes of replies and retweets."""

from collections.abc import Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("fanout")


class Audience(msgspec.Struct, frozen=True):
    """Followers to push to: their ids packed, 8 bytes each, most significant first, sorted."""

    ordinal: int
    packed_ids: bytes


def _ref(author_id: int, tweet_id: int) -> TweetRef:
    return TweetRef(UserId(author_id), TweetId(tweet_id))


async def fetch_audiences(db: Reader, authors: dict[int, int]) -> list[Audience]:
    """The followers of ``authors[ordinal]``. Ordinals without any are left out."""
    return await db.fetch(Audience, _sql["fetch_audiences"], ordinals=list(authors), author_ids=list(authors.values()))


async def fetch_reply_audiences(db: Reader, replies: dict[int, tuple[int, int]], *, walking: str) -> list[Audience]:
    """Who is shown the replies of ``author`` to ``answered``, for pairs ``replies[ordinal]``.

    ``walking`` is ``"author"`` or ``"answered"``: whose followers are gone through; name the one with fewer.
    """
    query = "fetch_reply_audiences" if walking == "author" else "fetch_reply_audiences_of_top"
    return await db.fetch(
        Audience,
        _sql[query],
        ordinals=list(replies),
        author_ids=[author_id for author_id, _ in replies.values()],
        answered_ids=[answered_id for _, answered_id in replies.values()],
    )


class TweetDelta:
    """What a batch of events adds to one tweet's counters."""

    __slots__ = ("replies", "retweets")

    def __init__(self) -> None:
        self.replies = self.retweets = 0


async def add_tweet_counts(db: Session, deltas: dict[TweetRef, TweetDelta]) -> list[TweetRef]:
    """Adds to the counters of those tweets that are there, in the order of their ids; returns them."""
    changed = [ref for ref, delta in deltas.items() if delta.replies or delta.retweets]
    if not changed:
        return []
    present = await db.fetch(
        _ref,
        _sql["lock_tweets"],
        author_ids=list({ref.author_id for ref in changed}),
        tweet_ids=[ref.tweet_id for ref in changed],
    )
    if present:
        await db.run(
            _sql["add_tweet_counts"],
            author_ids=[ref.author_id for ref in present],
            tweet_ids=[ref.tweet_id for ref in present],
            replies=[deltas[ref].replies for ref in present],
            retweets=[deltas[ref].retweets for ref in present],
        )
    return present


class ReplyNote(msgspec.Struct, frozen=True):
    """A reply, under the tweet it answers."""

    parent: TweetRef
    reply: TweetRef


class RetweetNote(msgspec.Struct, frozen=True):
    """A retweet, under its original."""

    original: TweetRef
    retweet: TweetRef


async def insert_replies(db: Session, notes: Sequence[ReplyNote]) -> list[TweetRef]:
    """The parents of those that were not there, once for each reply."""
    return await db.fetch(
        _ref,
        _sql["insert_replies"],
        author_ids=[note.parent.author_id for note in notes],
        tweet_ids=[note.parent.tweet_id for note in notes],
        reply_ids=[note.reply.tweet_id for note in notes],
        reply_author_ids=[note.reply.author_id for note in notes],
    )


async def delete_replies(db: Session, notes: Sequence[ReplyNote]) -> list[TweetRef]:
    """The parents of those that were there, once for each reply."""
    return await db.fetch(
        _ref,
        _sql["delete_replies"],
        author_ids=[note.parent.author_id for note in notes],
        tweet_ids=[note.parent.tweet_id for note in notes],
        reply_ids=[note.reply.tweet_id for note in notes],
    )


async def insert_retweets(db: Session, notes: Sequence[RetweetNote]) -> list[TweetRef]:
    """The originals of those that were not there, once for each retweet."""
    return await db.fetch(
        _ref,
        _sql["insert_retweets"],
        author_ids=[note.original.author_id for note in notes],
        tweet_ids=[note.original.tweet_id for note in notes],
        user_ids=[note.retweet.author_id for note in notes],
        retweet_ids=[note.retweet.tweet_id for note in notes],
    )


async def delete_retweets(db: Session, notes: Sequence[RetweetNote]) -> list[TweetRef]:
    """The originals of those that were there, once for each retweet."""
    return await db.fetch(
        _ref,
        _sql["delete_retweets"],
        author_ids=[note.original.author_id for note in notes],
        tweet_ids=[note.original.tweet_id for note in notes],
        user_ids=[note.retweet.author_id for note in notes],
        retweet_ids=[note.retweet.tweet_id for note in notes],
    )


async def delete_retweets_of(db: Session, original: TweetRef, *, page_size: int) -> list[TweetRef]:
    """Some of the retweets of a tweet that is gone; their notes are deleted, their own rows are not yet."""
    return await db.fetch(
        _ref,
        _sql["delete_retweets_of"],
        author_id=original.author_id,
        tweet_id=original.tweet_id,
        page_size=page_size,
    )


async def delete_tweets(db: Session, refs: Sequence[TweetRef]) -> list[TweetRef]:
    """Those that were there."""
    return await db.fetch(
        _ref,
        _sql["delete_tweets"],
        author_ids=list({ref.author_id for ref in refs}),
        tweet_ids=[ref.tweet_id for ref in refs],
    )


async def fetch_existing(db: Reader, refs: Sequence[TweetRef]) -> set[TweetRef]:
    """Those that are there."""
    return set(
        await db.fetch(
            _ref,
            _sql["fetch_existing"],
            author_ids=list({ref.author_id for ref in refs}),
            tweet_ids=[ref.tweet_id for ref in refs],
        )
    )
