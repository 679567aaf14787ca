"""Whom one might follow: read from the follows of those one follows, and from who is followed most."""

from collections.abc import Collection, Sequence
from typing import Final

from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("suggestions")

MAX_DISMISSED: Final = 1000
"""Of one person."""


def _pair(user_id: int, number: int) -> tuple[UserId, int]:
    return UserId(user_id), number


async def fetch_following_counts(db: Reader, user_ids: Sequence[int]) -> dict[UserId, int]:
    """How many each follows; who is gone is left out."""
    return dict(await db.fetch(_pair, _sql["fetch_following_counts"], user_ids=list(user_ids)))


async def fetch_followed_by(
    db: Reader, user_ids: Sequence[int], *, excluded_ids: Collection[int], page_size: int
) -> list[tuple[UserId, int]]:
    """Whom these people follow, and how many of them do; those whom most of them follow first."""
    return await db.fetch(
        _pair,
        _sql["fetch_followed_by"],
        user_ids=list(user_ids),
        excluded_ids=list(excluded_ids),
        page_size=page_size,
    )


async def fetch_follows_between(
    db: Reader, user_ids: Sequence[int], followed_ids: Sequence[int]
) -> list[tuple[UserId, UserId]]:
    """Each such follow as (followed, follower), in no order."""
    return await db.fetch(
        lambda followed_id, user_id: (UserId(followed_id), UserId(user_id)),
        _sql["fetch_follows_between"],
        user_ids=list(user_ids),
        followed_ids=list(followed_ids),
    )


async def fetch_most_followed(
    db: Reader, *, excluded_ids: Collection[int], below: tuple[int, int], page_size: int
) -> list[tuple[UserId, int]]:
    """People and how many follow them, the most first, below a (followers, id) that the page before ended with."""
    below_followers, below_id = below
    return await db.fetch(
        _pair,
        _sql["fetch_most_followed"],
        excluded_ids=list(excluded_ids),
        below_followers=below_followers,
        below_id=below_id,
        page_size=page_size,
    )


async def fetch_top_ids(db: Reader, *, page_size: int) -> list[UserId]:
    """Top users, the most followed first."""
    return await db.fetch(UserId, _sql["fetch_top_ids"], page_size=page_size)


async def insert_dismissed(db: Session, user_id: UserId, other_id: UserId, dismissal_id: int) -> None:
    await db.run(_sql["insert_dismissed"], user_id=user_id, other_id=other_id, id=dismissal_id)


async def delete_oldest_dismissed(db: Session, user_id: UserId) -> None:
    """Those beyond ``MAX_DISMISSED``."""
    await db.run(_sql["delete_oldest_dismissed"], user_id=user_id, most=MAX_DISMISSED)


async def fetch_dismissed(db: Reader, user_id: UserId) -> set[UserId]:
    """Whom somebody does not want to be suggested."""
    return set(await db.fetch(UserId, _sql["fetch_dismissed"], user_id=user_id, page_size=MAX_DISMISSED))
