"""Counting again: what counters say beside what there is, a page at a time, and which of it is only late.

Used by ``linnet doctor`` and by nobody on the path of a request.
"""

from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.event import TweetRef, ref_of
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import users
from linnet.stores.postgres.fanout import Note
from linnet.stores.postgres.likes import Like
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.refs import among
from linnet.stores.postgres.votes import Vote

_sql = load_queries("recounts")


class CountedUser(msgspec.Struct, frozen=True):
    """A user's counters, and what there is."""

    id: UserId
    tweets_stored: int
    followers_stored: int
    following_stored: int
    tweets: int
    followers: int
    following: int


class CountedNotes(msgspec.Struct, frozen=True):
    """A tweet's counters, and what is noted under it."""

    author_id: UserId
    id: TweetId
    replies_stored: int
    retweets_stored: int
    likes_stored: int
    replies: int
    retweets: int
    likes: int

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.id)


class CountedPoll(msgspec.Struct, frozen=True):
    """What a poll counts, and what is noted under it. Each option has its place."""

    author_id: UserId
    id: TweetId
    voters_stored: int
    first_stored: int
    second_stored: int
    third_stored: int
    fourth_stored: int
    voters: int
    first: int
    second: int
    third: int
    fourth: int

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.id)


class TweetRow(msgspec.Struct, frozen=True):
    """A tweet, and what it answers or retweets."""

    ref: TweetRef
    reply_to: TweetRef | None
    retweet_of: TweetRef | None


class CountedTag(msgspec.Struct, frozen=True):
    """A tag's counters, how many tweets carry it, and how many people used it lately."""

    tag: str
    tweets_stored: int
    people_stored: int
    tweets: int
    people: int


def _tweet_row(
    author_id: UserId,
    tweet_id: TweetId,
    replied_author_id: UserId | None,
    replied_id: TweetId | None,
    retweeted_author_id: UserId | None,
    retweeted_id: TweetId | None,
) -> TweetRow:
    return TweetRow(
        TweetRef(author_id, tweet_id), ref_of(replied_author_id, replied_id), ref_of(retweeted_author_id, retweeted_id)
    )


def _note(under_author_id: UserId, under_id: TweetId, author_id: UserId, tweet_id: TweetId) -> Note:
    return Note(TweetRef(under_author_id, under_id), TweetRef(author_id, tweet_id))


async def fetch_user_ids(db: Reader, *, after_id: int, page_size: int) -> list[UserId]:
    return await db.fetch(UserId, _sql["fetch_user_ids"], after_id=after_id, page_size=page_size)


async def lock_users(db: Session, user_ids: Collection[UserId]) -> None:
    """Until the transaction ends nobody changes these counters: whoever applies an event to one of them waits."""
    await users.lock(db, user_ids)


async def count_users(db: Reader, user_ids: Collection[UserId]) -> list[CountedUser]:
    """By id; users who are gone or leaving are left out."""
    return await db.fetch(CountedUser, _sql["count_users"], user_ids=list(user_ids))


async def fetch_tweets(db: Reader, *, after: TweetRef, page_size: int) -> list[TweetRow]:
    return await db.fetch(
        _tweet_row,
        _sql["fetch_tweets"],
        after_author_id=after.author_id,
        after_id=after.tweet_id,
        page_size=page_size,
    )


async def fetch_tweets_among(db: Reader, refs: Collection[TweetRef]) -> list[TweetRow]:
    """Those that are there, in no order."""
    return await db.fetch(_tweet_row, _sql["fetch_tweets_among"], **among(refs))


async def count_notes(db: Reader, refs: Collection[TweetRef]) -> list[CountedNotes]:
    """By author; tweets that are gone, and those of people who are leaving, are left out."""
    return await db.fetch(CountedNotes, _sql["count_notes"], **among(refs))


async def fetch_replies(db: Reader, *, after: Note, page_size: int) -> list[Note]:
    return await db.fetch(
        _note,
        _sql["fetch_replies"],
        after_author_id=after.under.author_id,
        after_tweet_id=after.under.tweet_id,
        after_id=after.tweet.tweet_id,
        page_size=page_size,
    )


async def fetch_noted_replies(db: Reader, notes: Sequence[Note]) -> set[TweetId]:
    """The ids of those of these replies that are noted."""
    return set(
        await db.fetch(
            TweetId,
            _sql["fetch_noted_replies"],
            author_ids=[note.under.author_id for note in notes],
            tweet_ids=[note.under.tweet_id for note in notes],
            reply_ids=[note.tweet.tweet_id for note in notes],
        )
    )


async def fetch_retweets(db: Reader, *, after: Note, page_size: int) -> list[Note]:
    return await db.fetch(
        _note,
        _sql["fetch_retweets"],
        after_author_id=after.under.author_id,
        after_tweet_id=after.under.tweet_id,
        after_id=after.tweet.author_id,
        page_size=page_size,
    )


async def fetch_noted_retweets(db: Reader, notes: Sequence[Note]) -> set[TweetId]:
    """The ids of those of these retweets that are noted."""
    return set(
        await db.fetch(
            TweetId,
            _sql["fetch_noted_retweets"],
            author_ids=[note.under.author_id for note in notes],
            tweet_ids=[note.under.tweet_id for note in notes],
            user_ids=[note.tweet.author_id for note in notes],
            retweet_ids=[note.tweet.tweet_id for note in notes],
        )
    )


async def fetch_likes(db: Reader, *, after: Like, page_size: int) -> list[Like]:
    return await db.fetch(
        Like, _sql["fetch_likes"], after_user_id=after.user_id, after_tweet_id=after.tweet_id, page_size=page_size
    )


async def fetch_like_notes(db: Reader, *, after: Like, page_size: int) -> list[Like]:
    """Notes of likes, each as the like that it says there is."""
    return await db.fetch(
        Like,
        _sql["fetch_like_notes"],
        after_author_id=after.author_id,
        after_tweet_id=after.tweet_id,
        after_user_id=after.user_id,
        page_size=page_size,
    )


async def fetch_noted_likes(db: Reader, likes: Sequence[Like]) -> set[Like]:
    """What is noted of these people under these tweets."""
    return set(
        await db.fetch(
            Like,
            _sql["fetch_noted_likes"],
            author_ids=[like.author_id for like in likes],
            tweet_ids=[like.tweet_id for like in likes],
            user_ids=[like.user_id for like in likes],
        )
    )


async def fetch_polls(db: Reader, *, after: TweetRef, page_size: int) -> list[TweetRef]:
    return await db.fetch(
        TweetRef, _sql["fetch_polls"], after_author_id=after.author_id, after_id=after.tweet_id, page_size=page_size
    )


async def count_polls(db: Reader, refs: Collection[TweetRef]) -> list[CountedPoll]:
    """By author; those of people who are leaving are left out."""
    return await db.fetch(CountedPoll, _sql["count_polls"], **among(refs))


async def fetch_votes(db: Reader, *, after: Vote, page_size: int) -> list[Vote]:
    return await db.fetch(
        Vote, _sql["fetch_votes"], after_user_id=after.user_id, after_tweet_id=after.tweet_id, page_size=page_size
    )


async def fetch_vote_notes(db: Reader, *, after: Vote, page_size: int) -> list[Vote]:
    """Notes of votes, each as the vote that it says there is."""
    return await db.fetch(
        Vote,
        _sql["fetch_vote_notes"],
        after_author_id=after.author_id,
        after_tweet_id=after.tweet_id,
        after_user_id=after.user_id,
        page_size=page_size,
    )


async def fetch_noted_votes(db: Reader, votes: Sequence[Vote]) -> set[Vote]:
    """What is noted of these people under these polls."""
    return set(
        await db.fetch(
            Vote,
            _sql["fetch_noted_votes"],
            author_ids=[vote.author_id for vote in votes],
            tweet_ids=[vote.tweet_id for vote in votes],
            user_ids=[vote.user_id for vote in votes],
        )
    )


async def count_tags(db: Reader, tags: Collection[str]) -> list[CountedTag]:
    return await db.fetch(CountedTag, _sql["count_tags"], tags=list(tags))


async def fetch_held_back(db: Reader, user_ids: Collection[UserId]) -> set[UserId]:
    """Those whom events that wait, or are parked, still concern: their counters may rightly be behind."""
    return set(await db.fetch(UserId, _sql["fetch_held_back"], user_ids=list(user_ids)))
