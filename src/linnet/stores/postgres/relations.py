"""Blocks and mutes: who keeps whom away."""

from collections.abc import Sequence

from linnet.domain.timeline import Range
from linnet.domain.user import FollowEdge
from linnet.domain.visibility import Hidden
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range

_sql = load_queries("relations")


async def fetch_hidden_among(db: Reader, user_id: UserId, user_ids: Sequence[int]) -> Hidden:
    """Whom of these people a user keeps away, or is kept away by."""
    rows: list[tuple[UserId, str]] = await db.fetch(
        lambda other_id, how: (other_id, how),
        _sql["fetch_hidden_among"],
        user_id=user_id,
        user_ids=list(user_ids),
    )
    return Hidden(
        blocked=frozenset(other_id for other_id, how in rows if how != "m"),
        muted=frozenset(other_id for other_id, how in rows if how == "m"),
        blocking=frozenset(other_id for other_id, how in rows if how == "b"),
    )


async def find_block(db: Reader, user_id: UserId, other_id: UserId) -> bool:
    """Whether either of the two blocks the other."""
    return bool(await db.value(_sql["find_block"], user_id=user_id, other_id=other_id))


async def insert_block(db: Session, *, user_id: UserId, blocked_id: UserId, block_id: int) -> bool:
    """False when it was there. Of several at once exactly one is told True."""
    return bool(await db.value(_sql["insert_block"], user_id=user_id, blocked_id=blocked_id, block_id=block_id))


async def delete_block(db: Session, *, user_id: UserId, blocked_id: UserId) -> bool:
    """False when it was not there."""
    return bool(await db.value(_sql["delete_block"], user_id=user_id, blocked_id=blocked_id))


async def insert_mute(
    db: Session, *, user_id: UserId, muted_id: UserId, mute_id: int, until_ms: int | None = None
) -> bool:
    """False when it was there; it ends at this time then. Of several at once exactly one is told True."""
    found = await db.value(_sql["insert_mute"], user_id=user_id, muted_id=muted_id, mute_id=mute_id, until_ms=until_ms)
    return bool(found == mute_id)


async def delete_mute(db: Session, *, user_id: UserId, muted_id: UserId) -> bool:
    """False when it was not there."""
    return bool(await db.run(_sql["delete_mute"], user_id=user_id, muted_id=muted_id))


async def delete_ended_mute(db: Session, *, user_id: UserId, muted_id: UserId, now_ms: int) -> bool:
    """False when it was not there, or goes on."""
    return bool(await db.run(_sql["delete_ended_mute"], user_id=user_id, muted_id=muted_id, now_ms=now_ms))


async def fetch_ended_mutes(db: Reader, *, now_ms: int, page_size: int) -> list[tuple[UserId, UserId]]:
    """Who muted whom until some time that is over, the oldest first."""
    return await db.fetch(
        lambda user_id, muted_id: (user_id, muted_id), _sql["fetch_ended_mutes"], now_ms=now_ms, page_size=page_size
    )


async def fetch_mute_ends(db: Reader, user_id: UserId, user_ids: Sequence[int]) -> dict[UserId, int]:
    """When mutes of these people end, of those that do."""
    rows: list[tuple[UserId, int]] = await db.fetch(
        lambda muted_id, until_ms: (muted_id, until_ms),
        _sql["fetch_mute_ends"],
        user_id=user_id,
        user_ids=list(user_ids),
    )
    return dict(rows)


async def fetch_blocked(db: Reader, user_id: UserId, wanted: Range) -> list[FollowEdge]:
    """Whom a user blocks, newest first."""
    return await fetch_range(
        db, FollowEdge, _sql["fetch_blocked"], _sql["fetch_blocked_above"], wanted, user_id=user_id
    )


async def fetch_muted(db: Reader, user_id: UserId, wanted: Range) -> list[FollowEdge]:
    """Whom a user mutes, newest first."""
    return await fetch_range(db, FollowEdge, _sql["fetch_muted"], _sql["fetch_muted_above"], wanted, user_id=user_id)
