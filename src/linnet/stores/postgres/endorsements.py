"""Endorsements: whom somebody shows on their page. A row goes with the follow (``follows.delete``)."""

from collections.abc import Collection

from linnet.domain.timeline import Range
from linnet.domain.user import FollowEdge
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range

_sql = load_queries("endorsements")


async def insert(db: Session, user_id: UserId, other_id: UserId, edge_id: int) -> None:
    await db.run(_sql["insert"], user_id=user_id, other_id=other_id, id=edge_id)


async def delete(db: Reader, user_id: UserId, other_id: UserId) -> None:
    await db.run(_sql["delete"], user_id=user_id, other_id=other_id)


async def count(db: Session, user_id: UserId) -> int:
    return int(await db.value(_sql["count"], user_id=user_id))


async def fetch_among(db: Reader, user_id: UserId, other_ids: Collection[UserId]) -> set[UserId]:
    """Those of them whom the user shows."""
    return set(await db.fetch(UserId, _sql["fetch_among"], user_id=user_id, other_ids=list(other_ids)))


async def fetch(db: Reader, user_id: UserId, wanted: Range) -> list[FollowEdge]:
    """Whoever came last first."""
    return await fetch_range(db, FollowEdge, _sql["fetch"], _sql["fetch_above"], wanted, user_id=user_id)
