"""Filters: all of somebody's are one value, which is always read whole and seldom changed; and the tweets they name."""

from collections.abc import Collection

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.filters import MAX_TWEETS, NONE, Filter, FilteredTweet, Filters
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.refs import among

_sql = load_queries("filters")
_filters = msgspec.json.Decoder(tuple[Filter, ...])


async def fetch(db: Reader, user_id: UserId) -> Filters:
    """All of somebody's."""
    found = await db.find(_read, _sql["find"], user_id=user_id)
    if found is None:
        return NONE
    return msgspec.structs.replace(found, tweets=tuple(await fetch_tweets(db, user_id)))


async def fetch_tweets(db: Reader, user_id: UserId) -> list[FilteredTweet]:
    """Which tweets somebody's filters name."""
    return await db.fetch(FilteredTweet, _sql["fetch_tweets"], user_id=user_id, page_size=MAX_TWEETS)


async def find_version(db: Reader, user_id: UserId) -> int:
    """0: there are none."""
    return int(await db.value(_sql["find_version"], user_id=user_id))


async def lock(db: Session, user_id: UserId) -> Filters | None:
    """Without the tweets they name. Makes others who would change them wait; None for somebody who is leaving."""
    return await db.find(_read, _sql["lock"], user_id=user_id)


def _read(version: int, document: str) -> Filters:
    return Filters(version, _filters.decode(document))


async def update(db: Session, user_id: UserId, changed: Filters) -> None:
    document = msgspec.json.encode(changed.filters).decode()
    await db.run(_sql["update"], user_id=user_id, version=changed.version, document=document)


async def count_tweets(db: Session, user_id: UserId) -> int:
    return int(await db.value(_sql["count_tweets"], user_id=user_id))


async def insert_tweet(db: Session, user_id: UserId, filter_id: int, ref: TweetRef, named_id: int) -> int:
    """The id of its being named: an older one when it was before."""
    found = await db.value(
        _sql["insert_tweet"],
        user_id=user_id,
        filter_id=filter_id,
        tweet_id=ref.tweet_id,
        author_id=ref.author_id,
        named_id=named_id,
    )
    return int(found)


async def delete_tweet(db: Session, user_id: UserId, named_id: int) -> bool:
    """False when it was not there."""
    return bool(await db.run(_sql["delete_tweet"], user_id=user_id, named_id=named_id))


async def delete_tweets_of_filter(db: Session, user_id: UserId, filter_id: int) -> None:
    await db.run(_sql["delete_tweets_of_filter"], user_id=user_id, filter_id=filter_id)


async def delete_of_tweets(db: Session, refs: Collection[TweetRef]) -> None:
    """Tweets that are gone need no filter."""
    await db.run(_sql["delete_of_tweets"], **among(refs))
