"""Tags: which tweets carry them, who used them lately, and what there is to say of each."""

import struct
from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.tag import Tag
from linnet.domain.timeline import Entry, Range
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range
from linnet.stores.postgres.refs import by_owner

_sql = load_queries("tags")

PersonTag = tuple[UserId, str]
"""Somebody, and a tag that they use."""


class NewUse(msgspec.Struct, frozen=True):
    """A tweet that carries a tag, and whom the tweet answers."""

    tweet: TweetRef
    tag: str
    reply_to_author_id: UserId | None


class TagUse(msgspec.Struct, frozen=True):
    """A tweet that carries a tag."""

    author_id: UserId
    tweet_id: TweetId
    tag: str


class TagRow(msgspec.Struct, frozen=True):
    """One tag, locked. ``rank`` is None without people."""

    tag: str
    display: str
    display_author_id: UserId | None
    display_tweet_id: TweetId | None
    tweets_count: int
    people_count: int
    rank: float | None
    is_hidden: bool
    pinned_id: int | None


class TagSum(msgspec.Struct, frozen=True):
    """A tag's people, added up anew."""

    tag: str
    people_count: int
    rank: float


async def insert_uses(db: Session, uses: Sequence[NewUse]) -> list[TagUse]:
    """Those that were not there."""
    return await db.fetch(
        TagUse,
        _sql["insert_uses"],
        author_ids=[use.tweet.author_id for use in uses],
        tweet_ids=[use.tweet.tweet_id for use in uses],
        tags=[use.tag for use in uses],
        reply_to_author_ids=[use.reply_to_author_id for use in uses],
    )


async def delete_uses(db: Session, refs: Sequence[TweetRef]) -> list[TagUse]:
    """What these tweets carried."""
    return await db.fetch(
        TagUse,
        _sql["delete_uses"],
        author_ids=[ref.author_id for ref in refs],
        tweet_ids=[ref.tweet_id for ref in refs],
    )


async def delete_other_uses(db: Session, refs: Sequence[TweetRef], uses: Sequence[NewUse]) -> list[TagUse]:
    """What these tweets carried, but for ``uses``."""
    return await db.fetch(
        TagUse,
        _sql["delete_other_uses"],
        author_ids=[ref.author_id for ref in refs],
        tweet_ids=[ref.tweet_id for ref in refs],
        kept_tweet_ids=[use.tweet.tweet_id for use in uses],
        kept_tags=[use.tag for use in uses],
    )


async def fetch_last_uses(db: Reader, pairs: Collection[PersonTag], *, first_id: int) -> dict[PersonTag, TweetId]:
    """The latest tweets with a tag, where there is one not below ``first_id``."""
    found = await db.fetch(
        lambda user_id, tag, tweet_id: ((user_id, tag), tweet_id),
        _sql["fetch_last_uses"],
        user_ids=list({user_id for user_id, _ in pairs}),
        tags=list({tag for _, tag in pairs}),
        first_id=first_id,
    )
    return {pair: tweet_id for pair, tweet_id in found if pair in pairs}


async def lock_people(db: Session, pairs: Collection[PersonTag]) -> dict[PersonTag, TweetId]:
    """The latest uses that are counted for these; they stay so until the transaction ends."""
    if not db.is_distributed:
        return dict(
            await db.fetch(
                _last_use,
                _sql["lock_people"],
                user_ids=[user_id for user_id, _ in pairs],
                tags=[tag for _, tag in pairs],
            )
        )
    found: dict[PersonTag, TweetId] = {}
    for user_id, tags in by_owner(pairs):
        found |= dict(await db.fetch(_last_use, _sql["lock_people_of_one"], user_id=user_id, tags=tags))
    return found


def _last_use(user_id: UserId, tag: str, last_id: TweetId) -> tuple[PersonTag, TweetId]:
    return (user_id, tag), last_id


async def upsert_people(db: Session, last_uses: dict[PersonTag, TweetId]) -> None:
    await db.run(
        _sql["upsert_people"],
        user_ids=[user_id for user_id, _ in last_uses],
        tags=[tag for _, tag in last_uses],
        last_ids=list(last_uses.values()),
    )


async def delete_people(db: Session, pairs: Collection[PersonTag]) -> None:
    await db.run(_sql["delete_people"], user_ids=[user_id for user_id, _ in pairs], tags=[tag for _, tag in pairs])


async def delete_people_below(db: Session, *, first_id: int, page_size: int) -> list[tuple[str, TweetId]]:
    """Tags and the uses that left them; run again while there are ``page_size``."""
    return await db.fetch(
        lambda tag, last_id: (tag, last_id), _sql["delete_people_below"], first_id=first_id, page_size=page_size
    )


async def count_people_below(db: Reader, tags: Collection[str], *, first_id: int) -> dict[str, int]:
    """Tags without any are left out."""
    return dict(
        await db.fetch(lambda tag, count: (tag, count), _sql["count_people_below"], tags=list(tags), first_id=first_id)
    )


async def sum_people(db: Reader, tags: Collection[str], *, half_life_ms: int) -> dict[str, TagSum]:
    """Tags without people are left out."""
    found = await db.fetch(TagSum, _sql["sum_people"], tags=list(tags), half_life_ms=half_life_ms)
    return {tag_sum.tag: tag_sum for tag_sum in found}


async def insert(db: Session, displays: dict[str, str]) -> list[str]:
    """Those that were not there. Waits for whoever is making one of them; made in the order of their names."""
    names = sorted(displays)
    return await db.fetch(str, _sql["insert"], tags=names, displays=[displays[name] for name in names])


async def lock(db: Session, tags: Collection[str]) -> list[TagRow]:
    """Those that are there, in the order of their names, and stay so until the transaction ends."""
    return await db.fetch(TagRow, _sql["lock"], tags=list(tags))


async def update(db: Session, rows: Sequence[TagRow], *, min_people: int) -> None:
    """Writes locked rows, apart from what operators say."""
    await db.run(
        _sql["update"],
        tags=[row.tag for row in rows],
        displays=[row.display for row in rows],
        display_author_ids=[row.display_author_id for row in rows],
        display_tweet_ids=[row.display_tweet_id for row in rows],
        tweets_counts=[row.tweets_count for row in rows],
        people_counts=[row.people_count for row in rows],
        ranks=[row.rank for row in rows],
        min_people=min_people,
    )


async def delete_unused(db: Session, tags: Collection[str]) -> None:
    """Those that nobody uses and no operator speaks of."""
    await db.run(_sql["delete_unused"], tags=list(tags))


async def rule(db: Session, *, tag: str, display: str, is_hidden: bool, pinned_id: int | None, min_people: int) -> None:
    """What an operator says of a tag: hidden, pinned, or neither."""
    await db.run(
        _sql["rule"], tag=tag, display=display, is_hidden=is_hidden, pinned_id=pinned_id, min_people=min_people
    )


async def find(db: Reader, tag: str) -> Tag | None:
    return await db.find(Tag, _sql["find"], tag=tag)


async def fetch_trending(db: Reader, *, lowest_rank: float, page_size: int) -> list[Tag]:
    """What trends, the most first, without what is pinned."""
    return await db.fetch(Tag, _sql["fetch_trending"], lowest_rank=lowest_rank, page_size=page_size)


async def fetch_pinned(db: Reader, *, page_size: int) -> list[Tag]:
    """In the order of pinning."""
    return await db.fetch(Tag, _sql["fetch_pinned"], page_size=page_size)


async def fetch_hidden(db: Reader, *, after_tag: str, page_size: int) -> list[Tag]:
    """By name."""
    return await db.fetch(Tag, _sql["fetch_hidden"], after_tag=after_tag, page_size=page_size)


async def fetch_by_prefix(db: Reader, folded_prefix: str, *, page_size: int, look: int = 2000) -> list[Tag]:
    """Used tags that begin with a folded text, that tag itself first and then the most used.

    Hidden ones too, which only do not trend. Where more than ``look`` tags begin so, those come for sure that are among
    as many most used of all.
    """
    return await db.fetch(Tag, _sql["fetch_by_prefix"], prefix=folded_prefix, look=look, page_size=page_size)


async def fetch_page(db: Reader, *, after_tag: str, page_size: int) -> list[str]:
    """The names of all tags, in order."""
    return await db.fetch(str, _sql["fetch_page"], after_tag=after_tag, page_size=page_size)


async def find_oldest_tweet(db: Reader, tag: str) -> TweetRef | None:
    """The first of the tweets that carry a tag."""
    rows = await db.fetch(Entry, _sql["fetch_tweets_above"], tag=tag, after_id=0, page_size=1)
    return TweetRef(rows[0].author_id, rows[0].id) if rows else None


async def fetch_tweets(db: Reader, tag: str, wanted: Range) -> list[Entry]:
    """The tweets that carry a tag, newest first."""
    return await fetch_range(db, Entry, _sql["fetch_tweets"], _sql["fetch_tweets_above"], wanted, tag=tag)


_USE = struct.Struct(">qqq")


async def fetch_packed(db: Reader, tags: Collection[str], *, page_size: int) -> dict[str, str]:
    """The newest tweets of each tag, newest first, as ``unpack_uses`` takes them; two texts are equal if they are."""
    return await _fetch_packed(db, tags, Range(page_size))


async def fetch_of_each(db: Reader, tags: Collection[str], wanted: Range) -> list[Entry]:
    """What each of these tags has in a range, up to ``wanted.limit`` of each; in no order, and some twice."""
    found = await _fetch_packed(db, tags, wanted)
    return [entry for packed in found.values() for entry in unpack_uses(packed)]


async def _fetch_packed(db: Reader, tags: Collection[str], wanted: Range) -> dict[str, str]:
    if not db.is_distributed:
        query = "fetch_packed_above" if wanted.ascending else "fetch_packed"
        rows = await db.fetch(
            lambda tag, packed: (tag, packed),
            _sql[query],
            tags=list(tags),
            after_id=wanted.after,
            before_id=wanted.before,
            page_size=wanted.limit,
        )
        return dict(rows)
    found: dict[str, str] = {}
    for tag in tags:
        entries = await fetch_tweets(db, tag, wanted)
        within = [entry for entry in entries if wanted.after < entry.id < wanted.before]
        found[tag] = "".join(_USE.pack(entry.id, entry.author_id, entry.related_author_id).hex() for entry in within)
    return found


def unpack_uses(packed: str) -> list[Entry]:
    """In the order in which they were packed."""
    return [Entry(*fields) for fields in _USE.iter_unpack(bytes.fromhex(packed))]
