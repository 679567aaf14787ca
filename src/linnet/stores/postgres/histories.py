"""Which history of Valkey is believed, and what a Valkey that lost the end of its history must be told again.

A history has a number, and one life of one server that holds it (of a cluster: of each primary). It ends when that
server may have lost something; then the next number begins, and nobody believes that server until it is repaired and
accepted under that number.
"""

from collections.abc import Sequence

import msgspec

from linnet.domain.event import TweetPosted, ref_of
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.locks import VALKEY_HISTORY
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("histories")


class History(msgspec.Struct, frozen=True):
    """``server`` empty: nobody is believed."""

    generation: int
    server: str


class ViewState(msgspec.Struct, frozen=True):
    """Whether a reader follows somebody, and the number of the reader's last change (0: none)."""

    reader_id: UserId
    author_id: UserId
    shown: bool
    change_id: int


async def find(db: Reader) -> History:
    """The believed history; number 0 in a new installation."""
    return await db.find(History, _sql["find"]) or History(0, "")


async def begin(db: Reader, *, generation: int, server: str = "") -> int | None:
    """Ends the history of this number; returns the next one's, or None when somebody else ended it.

    ``server``: those of a cluster that lost nothing, and go on in the next one.
    """
    number = await db.value(_sql["begin"], generation=generation, server=server)
    return None if number is None else int(number)


async def accept(db: Reader, *, generation: int, server: str) -> bool:
    """False when this history has ended meanwhile."""
    return bool(await db.run(_sql["accept"], generation=generation, server=server))


async def confirm(session: Session, *, generation: int) -> bool:
    """Whether this history has not ended. Then whoever ends it waits for the transaction."""
    return bool(await session.value(_sql["confirm"], generation=generation))


async def try_lock(session: Session) -> bool:
    """The right to repair, until the transaction ends."""
    return bool(await session.value(_sql["try_lock"], key=VALKEY_HISTORY))


async def find_oldest_event(db: Reader) -> int | None:
    found = await db.value(_sql["find_oldest_event"])
    return None if found is None else int(found)


async def insert_changes(session: Session, changes: Sequence[tuple[UserId, UserId]], change_id: int) -> None:
    """Notes that windows were dropped, each over somebody (or over 0); ``change_id`` says when."""
    await session.run(
        _sql["insert_changes"],
        user_ids=[reader_id for reader_id, _ in changes],
        other_ids=[other_id for _, other_id in changes],
        id=change_id,
    )


async def fetch_changed(db: Reader, *, from_id: int, after_user_id: int, page_size: int) -> list[UserId]:
    """Whose windows were dropped since, by id."""
    return await db.fetch(
        UserId, _sql["fetch_changed"], from_id=from_id, after_user_id=after_user_id, page_size=page_size
    )


async def fetch_view_states(db: Reader, reader_ids: Sequence[UserId], *, from_id: int) -> list[ViewState]:
    """How these readers stand to those over whom their windows were dropped since."""
    pairs: list[tuple[int, int]] = await db.fetch(
        lambda reader, other: (reader, other), _sql["fetch_others"], user_ids=list(reader_ids), from_id=from_id
    )
    if not pairs:
        return []
    return await db.fetch(
        ViewState,
        _sql["fetch_states"],
        user_ids=[reader_id for reader_id, _ in pairs],
        other_ids=[other_id for _, other_id in pairs],
    )


async def delete_changes(db: Reader, *, before_id: int, page_size: int) -> int:
    """Forgets what was dropped long ago, some at a time; returns how many."""
    return await db.run(_sql["delete_changes"], before_id=before_id, page_size=page_size)


async def fetch_tweets(db: Reader, *, from_id: int, page_size: int) -> list[TweetPosted]:
    """Tweets from an id on, oldest first, as they were posted, but for their tags and mentions."""
    return await db.fetch(_posted, _sql["fetch_tweets"], from_id=from_id, page_size=page_size)


async def count_tweets(db: Reader, *, from_id: int, most: int) -> int:
    """How many there are from an id on; ``most`` when there are more."""
    return int(await db.value(_sql["count_tweets"], from_id=from_id, most=most))


async def fetch_crossing(db: Reader, *, from_id: int) -> list[UserId]:
    """Top users whose followers' windows may not know that they pull them."""
    return await db.fetch(UserId, _sql["fetch_crossing"], from_id=from_id)


def _posted(
    author_id: UserId,
    tweet_id: TweetId,
    reply_to_author_id: UserId | None,
    reply_to_id: TweetId | None,
    retweet_of_author_id: UserId | None,
    retweet_of_id: TweetId | None,
) -> TweetPosted:
    return TweetPosted(
        author_id,
        tweet_id,
        reply_to=ref_of(reply_to_author_id, reply_to_id),
        retweet_of=ref_of(retweet_of_author_id, retweet_of_id),
    )
