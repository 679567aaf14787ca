"""What an operator asks about PostgreSQL as a whole: is it the right one, how full is it, and what waits in it.

Used by ``linnet doctor``, on the path of no request.
"""

import msgspec

from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("vitals")


class ServerVitals(msgspec.Struct, frozen=True):
    """``version_number`` is 180001 for 18.1. ``max_connections`` are those that a linnet may have."""

    version: str
    version_number: int
    max_connections: int
    connections: int
    is_read_only: bool


class LeaseVitals(msgspec.Struct, frozen=True):
    """How many worker numbers are held, and the moment before which every id was minted."""

    held: int
    until_ms: int


class LateJobs(msgspec.Struct, frozen=True):
    """``oldest_seconds``: how late the first of them is."""

    count: int
    oldest_seconds: float


async def find_server(db: Reader) -> ServerVitals:
    found = await db.find(ServerVitals, _sql["find_server"])
    assert found is not None, "a row without a table"
    return found


async def find_now_ms(db: Reader) -> int:
    """The server's clock, as Unix milliseconds."""
    return int(await db.value(_sql["find_now_ms"]))


async def find_oldest_event_seconds(db: Reader) -> float:
    """How long the oldest event has waited; 0 when none does."""
    return float(await db.value(_sql["find_oldest_event_seconds"]) or 0.0)


async def count_parked(db: Reader) -> int:
    return int(await db.value(_sql["count_parked"]))


async def find_leases(db: Reader) -> LeaseVitals:
    return await db.find(LeaseVitals, _sql["find_leases"]) or LeaseVitals(0, 0)


async def count_job_runners(db: Reader, *, stalled_seconds: float) -> int:
    """How many processes said lately that they run jobs."""
    return int(await db.value(_sql["count_job_runners"], stalled_seconds=stalled_seconds))


async def find_late_jobs(db: Reader, *, late_seconds: float) -> LateJobs:
    """Jobs that nobody has begun, though they were due so long ago."""
    return await db.find(LateJobs, _sql["find_late_jobs"], late_seconds=late_seconds) or LateJobs(0, 0.0)
