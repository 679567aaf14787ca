"""Markers: how far a person has read, as one app notes it for the others."""

import msgspec

from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("markers")


class Marker(msgspec.Struct, frozen=True):
    """``version`` counts its changes."""

    timeline: str
    last_read_id: int
    version: int
    updated_ms: int


async def fetch(db: Reader, user_id: UserId) -> list[Marker]:
    """One for each timeline that was ever marked."""
    return await db.fetch(Marker, _sql["fetch"], user_id=user_id)


async def put(db: Reader, user_id: UserId, timeline: str, last_read_id: int, *, now_ms: int) -> None:
    await db.run(_sql["put"], user_id=user_id, timeline=timeline, last_read_id=last_read_id, now_ms=now_ms)
