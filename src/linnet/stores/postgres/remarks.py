"""Remarks: what somebody noted of somebody else, for themselves alone."""

from collections.abc import Sequence

from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("remarks")


async def fetch(db: Reader, user_id: UserId, about_ids: Sequence[int]) -> dict[UserId, str]:
    """What was noted, by whom it is about."""
    rows: list[tuple[UserId, str]] = await db.fetch(
        lambda about_id, text: (about_id, text), _sql["fetch"], user_id=user_id, about_ids=list(about_ids)
    )
    return dict(rows)


async def put(db: Reader, user_id: UserId, about_id: UserId, text: str) -> None:
    await db.run(_sql["put"], user_id=user_id, about_id=about_id, text=text)


async def delete(db: Reader, user_id: UserId, about_id: UserId) -> None:
    await db.run(_sql["delete"], user_id=user_id, about_id=about_id)
