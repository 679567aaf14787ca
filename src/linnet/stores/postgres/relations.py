"""Blocks and mutes: who keeps whom away."""

from collections.abc import Sequence

from linnet.domain.visibility import Hidden
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

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
        frozenset(other_id for other_id, how in rows if how == "b"),
        frozenset(other_id for other_id, how in rows if how == "m"),
    )


async def fetch_kept_away(db: Reader, user_id: UserId) -> frozenset[UserId]:
    """Everybody whom a user blocks, is blocked by or mutes."""
    return frozenset(await db.fetch(UserId, _sql["fetch_kept_away"], user_id=user_id))
