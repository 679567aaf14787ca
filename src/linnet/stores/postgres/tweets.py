"""Tweets, replies and retweets."""

from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.event import TweetRef, ref_of
from linnet.domain.timeline import Entry, Range
from linnet.domain.tweet import Narrowed, Tweet
from linnet.domain.user import FollowEdge
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range
from linnet.stores.postgres.refs import among

_sql = load_queries("tweets")


class NewTweet(msgspec.Struct, frozen=True):
    """A tweet about to be posted. ``entities``, ``attachments`` and ``poll`` are JSON text."""

    author_id: UserId
    id: TweetId
    text: str
    reply_to: TweetRef | None = None
    retweet_of: TweetRef | None = None
    entities: str | None = None
    attachments: str | None = None
    warning: str | None = None
    sensitive: bool = False
    visibility: Narrowed | None = None
    poll: str | None = None
    poll_ends_ms: int | None = None
    conversation_id: TweetId | None = None


async def insert(db: Reader, tweet: NewTweet, event: NewEvent) -> bool:
    """The tweet and its event together. False when it is a retweet that was there."""
    rows = await db.fetch(
        int,
        _sql["insert"],
        author_id=tweet.author_id,
        tweet_id=tweet.id,
        text=tweet.text,
        reply_to_id=tweet.reply_to.tweet_id if tweet.reply_to else None,
        reply_to_author_id=tweet.reply_to.author_id if tweet.reply_to else None,
        retweet_of_id=tweet.retweet_of.tweet_id if tweet.retweet_of else None,
        retweet_of_author_id=tweet.retweet_of.author_id if tweet.retweet_of else None,
        entities=tweet.entities,
        attachments=tweet.attachments,
        warning=tweet.warning,
        sensitive=tweet.sensitive,
        visibility=tweet.visibility,
        poll=tweet.poll,
        poll_ending_ms=tweet.poll_ends_ms,
        conversation_id=tweet.conversation_id,
        event_id=event.id,
        lane=event.lane,
        kind=event.kind,
        payload=event.payload,
    )
    return bool(rows)


async def fetch(db: Reader, refs: Sequence[TweetRef]) -> list[Tweet]:
    """In no order; unknown ones are left out."""
    return await db.fetch(Tweet, _sql["fetch"], **among(refs))


async def find_by_id(db: Reader, tweet_id: TweetId) -> Tweet | None:
    """For a tweet whose author is not known."""
    query = "find_by_id_in_steps" if db.is_distributed else "find_by_id"
    return await db.find(Tweet, _sql[query], tweet_id=tweet_id)


class DeletedTweet(msgspec.Struct, frozen=True):
    """What a deleted row said about others. ``has_attachments``: pictures stand in it, or did before it was edited.

    ``is_direct``: it was for few.
    """

    reply_to_id: TweetId | None
    reply_to_author_id: UserId | None
    retweet_of_id: TweetId | None
    retweet_of_author_id: UserId | None
    has_attachments: bool
    is_edited: bool
    is_direct: bool

    @property
    def reply_to(self) -> TweetRef | None:
        return ref_of(self.reply_to_author_id, self.reply_to_id)

    @property
    def retweet_of(self) -> TweetRef | None:
        return ref_of(self.retweet_of_author_id, self.retweet_of_id)


async def delete(db: Session, ref: TweetRef) -> DeletedTweet | None:
    """None when it was not there."""
    return await db.find(DeletedTweet, _sql["delete"], author_id=ref.author_id, tweet_id=ref.tweet_id)


async def find_retweet(db: Reader, *, author_id: UserId, retweet_of_id: TweetId) -> TweetId | None:
    found = await db.value(_sql["find_retweet"], author_id=author_id, retweet_of_id=retweet_of_id)
    return None if found is None else TweetId(found)


async def fetch_retweeted_among(db: Reader, *, author_id: UserId, tweet_ids: Sequence[int]) -> set[TweetId]:
    """Which of these tweets somebody retweeted."""
    return set(await db.fetch(TweetId, _sql["fetch_retweeted_among"], author_id=author_id, tweet_ids=list(tweet_ids)))


async def fetch_retweeted(db: Reader, *, author_id: UserId, page_size: int) -> list[TweetId]:
    """What somebody retweeted, the newest originals first."""
    return await db.fetch(TweetId, _sql["fetch_retweeted"], author_id=author_id, page_size=page_size)


async def fetch_refs(db: Reader, tweet_ids: Collection[TweetId]) -> list[TweetRef]:
    """Those that are there, in no order, whoever wrote them."""
    return await db.fetch(TweetRef, _sql["fetch_refs"], tweet_ids=list(tweet_ids))


async def fetch_public_among(db: Reader, refs: Sequence[TweetRef]) -> set[TweetId]:
    """Those that are there, and for everybody."""
    return set(await db.fetch(TweetId, _sql["fetch_public_among"], **among(refs)))


async def find_newest_id(db: Reader) -> int:
    """Of all tweets, whoever may see them; 0: there are none."""
    return int(await db.value(_sql["find_newest_id"]))


async def fetch_newest(db: Reader, wanted: Range) -> list[Entry]:
    """Everybody's public tweets, newest first."""
    return await fetch_range(db, Entry, _sql["fetch_newest"], _sql["fetch_newest_above"], wanted)


async def fetch_newest_with_attachments(db: Reader, wanted: Range) -> list[Entry]:
    """Everybody's public tweets in which pictures stand, newest first."""
    return await fetch_range(
        db, Entry, _sql["fetch_newest_with_attachments"], _sql["fetch_newest_with_attachments_above"], wanted
    )


async def fetch_by_author(
    db: Reader, author_id: UserId, wanted: Range, *, shown: Sequence[Narrowed] = ()
) -> list[Entry]:
    """One author's tweets, newest first: public ones, and those with the visibilities that are ``shown``."""
    return await fetch_range(
        db,
        Entry,
        _sql["fetch_by_author"],
        _sql["fetch_by_author_above"],
        wanted,
        author_id=author_id,
        shown=list(shown),
    )


async def fetch_with_attachments(
    db: Reader, author_id: UserId, wanted: Range, *, shown: Sequence[Narrowed] = ()
) -> list[Entry]:
    """Those in which pictures stand."""
    return await fetch_range(
        db,
        Entry,
        _sql["fetch_with_attachments"],
        _sql["fetch_with_attachments_above"],
        wanted,
        author_id=author_id,
        shown=list(shown),
    )


async def fetch_by_authors(
    db: Reader, author_ids: Sequence[int], *, after_id: int, before_id: int, page_size: int
) -> list[Entry]:
    """Several authors' tweets between two ids (both exclusive), newest first."""
    return await db.fetch(
        Entry,
        _sql["fetch_by_authors"],
        author_ids=list(author_ids),
        after_id=after_id,
        before_id=before_id,
        page_size=page_size,
    )


async def fetch_replies(db: Reader, ref: TweetRef, wanted: Range) -> list[Entry]:
    """The replies to a tweet, newest first."""
    return await fetch_range(
        db,
        Entry,
        _sql["fetch_replies"],
        _sql["fetch_replies_above"],
        wanted,
        author_id=ref.author_id,
        tweet_id=ref.tweet_id,
    )


async def fetch_retweeters(db: Reader, ref: TweetRef, wanted: Range) -> list[FollowEdge]:
    """Who retweeted a tweet, newest first; the edge's id is the retweet's."""
    return await fetch_range(
        db,
        FollowEdge,
        _sql["fetch_retweeters"],
        _sql["fetch_retweeters_above"],
        wanted,
        author_id=ref.author_id,
        tweet_id=ref.tweet_id,
    )


class KeyUse(msgspec.Struct, frozen=True):
    """What an Idempotency-Key was first used for."""

    request_hash: bytes
    tweet_id: TweetId


async def claim_key(db: Session, *, user_id: UserId, key: str, request_hash: bytes, tweet_id: TweetId) -> bool:
    """True when the key is ours now; waits for another transaction that is claiming it."""
    claimed = await db.value(_sql["claim_key"], user_id=user_id, key=key, request_hash=request_hash, tweet_id=tweet_id)
    return bool(claimed)


async def find_key(db: Reader, *, user_id: UserId, key: str) -> KeyUse | None:
    return await db.find(KeyUse, _sql["find_key"], user_id=user_id, key=key)


async def delete_old_keys(db: Reader, *, page_size: int) -> int:
    """How many were deleted; run again while it is ``page_size``."""
    return await db.run(_sql["delete_old_keys"], page_size=page_size)
