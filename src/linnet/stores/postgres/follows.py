"""Follows, in both directions."""

from collections.abc import Sequence

from linnet.domain.timeline import Range
from linnet.domain.user import FollowEdge
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range

_sql = load_queries("follows")


async def next_change(db: Session, user_id: UserId, change_id: int) -> int:
    """The number of this change of whom a user follows: ``change_id``, or larger. Makes others of the user wait."""
    return int(await db.value(_sql["next_change"], user_id=user_id, change_id=change_id))


async def insert(db: Session, *, follower_id: UserId, followed_id: UserId, follow_id: int) -> bool:
    """False when it was there. Of several at once exactly one is told True."""
    inserted = await db.value(_sql["insert"], follower_id=follower_id, followed_id=followed_id, follow_id=follow_id)
    return bool(inserted)


async def delete(db: Session, *, follower_id: UserId, followed_id: UserId) -> bool:
    """False when it was not there."""
    return bool(await db.value(_sql["delete"], follower_id=follower_id, followed_id=followed_id))


async def fetch_following(db: Reader, user_id: UserId, wanted: Range) -> list[FollowEdge]:
    """Whom a user follows, newest first."""
    return await fetch_range(
        db, FollowEdge, _sql["fetch_following"], _sql["fetch_following_above"], wanted, user_id=user_id
    )


async def fetch_followers(db: Reader, user_id: UserId, wanted: Range) -> list[FollowEdge]:
    """Who follows a user, newest first."""
    return await fetch_range(
        db, FollowEdge, _sql["fetch_followers"], _sql["fetch_followers_above"], wanted, user_id=user_id
    )


async def fetch_followed_among(db: Reader, user_id: UserId, user_ids: Sequence[int]) -> set[UserId]:
    """Which of these people a user follows."""
    return set(await db.fetch(UserId, _sql["fetch_followed_among"], user_id=user_id, user_ids=list(user_ids)))


async def fetch_followers_among(db: Reader, user_id: UserId, user_ids: Sequence[int]) -> set[UserId]:
    """Which of these people follow a user."""
    return set(await db.fetch(UserId, _sql["fetch_followers_among"], user_id=user_id, user_ids=list(user_ids)))


async def fetch_follower_ids(db: Reader, user_id: UserId, *, above_id: int, page_size: int) -> list[UserId]:
    """A stretch of all followers in the order of their ids."""
    return await db.fetch(UserId, _sql["fetch_follower_ids"], user_id=user_id, above_id=above_id, page_size=page_size)
