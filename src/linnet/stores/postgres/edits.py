"""Edits of tweets: the row as it is, and the versions before it."""

from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.tweet import Tweet
from linnet.ids import TweetId, UserId, unix_ms_of
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.refs import among

_sql = load_queries("edits")


class Version(msgspec.Struct, frozen=True):
    """What a tweet said from a moment on. ``entities`` and ``attachments`` are JSON text, as in ``Tweet``."""

    since_ms: int
    text: str
    entities: str | None
    attachments: str | None
    warning: str | None
    sensitive: bool


class Moment(msgspec.Struct, frozen=True):
    """When a tweet was edited last."""

    author_id: UserId
    tweet_id: TweetId
    edited_ms: int

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.tweet_id)


class Retweeter(msgspec.Struct, frozen=True):
    """Who retweeted a tweet."""

    user_id: UserId
    retweet_id: TweetId


async def lock(db: Session, ref: TweetRef) -> Tweet | None:
    """One of the author's own, which nobody else changes or deletes until the transaction ends."""
    return await db.find(Tweet, _sql["lock"], author_id=ref.author_id, tweet_id=ref.tweet_id)


async def count_versions(db: Session, ref: TweetRef) -> int:
    """How often it was edited."""
    return int(await db.value(_sql["count_versions"], author_id=ref.author_id, tweet_id=ref.tweet_id))


async def insert_version(db: Session, tweet: Tweet, *, entities: str | None) -> None:
    """Keeps what a locked tweet says until now, with ``entities`` in place of its own."""
    await db.run(
        _sql["insert_version"],
        author_id=tweet.author_id,
        tweet_id=tweet.id,
        since_ms=tweet.edited_ms or unix_ms_of(tweet.id),
        text=tweet.text,
        entities=entities,
        attachments=tweet.attachments,
        warning=tweet.warning,
        sensitive=tweet.sensitive,
    )


async def update(db: Session, tweet: Tweet) -> int:
    """What a locked tweet says from now on; returns its new version."""
    return int(
        await db.value(
            _sql["update"],
            author_id=tweet.author_id,
            tweet_id=tweet.id,
            text=tweet.text,
            entities=tweet.entities,
            attachments=tweet.attachments,
            warning=tweet.warning,
            sensitive=tweet.sensitive,
            edited_ms=tweet.edited_ms,
        )
    )


async def delete_versions(db: Session, author_id: UserId, tweet_ids: Sequence[TweetId]) -> None:
    """Of tweets whose rows this transaction deleted."""
    await db.run(_sql["delete_versions"], author_id=author_id, tweet_ids=list(tweet_ids))


async def fetch_history(db: Reader, ref: TweetRef) -> list[Version]:
    """All that a tweet has said, the first first; nothing when it is gone, unless it goes in this moment."""
    return await db.fetch(Version, _sql["fetch_history"], author_id=ref.author_id, tweet_id=ref.tweet_id)


async def fetch_moments(db: Reader, tweet_ids: Collection[int]) -> list[Moment]:
    """Those that were edited, of tweets whose authors are not known."""
    return await db.fetch(Moment, _sql["fetch_moments"], tweet_ids=list(tweet_ids))


async def fetch_moments_of(db: Reader, refs: Collection[TweetRef]) -> list[Moment]:
    """Those that were edited."""
    return await db.fetch(Moment, _sql["fetch_moments_of"], **among(refs))


async def fetch_retweeters(db: Reader, ref: TweetRef, *, before_id: int, page_size: int) -> list[Retweeter]:
    """Newest first."""
    return await db.fetch(
        Retweeter,
        _sql["fetch_retweeters"],
        author_id=ref.author_id,
        tweet_id=ref.tweet_id,
        before_id=before_id,
        page_size=page_size,
    )
