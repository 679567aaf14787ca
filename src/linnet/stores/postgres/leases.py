"""Leases of worker numbers for ids, and facts about the installation."""

from linnet.ids import Lease
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("leases")
_installation = load_queries("installation")


async def acquire(db: Reader, *, holder: bytes, now_ms: int, until_ms: int, lease_seconds: float) -> Lease | None:
    """A free worker number, or None when all are held or another process was quicker: ask again."""
    return await db.find(
        Lease, _sql["acquire"], holder=holder, now_ms=now_ms, until_ms=until_ms, lease_seconds=lease_seconds
    )


async def renew(db: Reader, *, worker: int, holder: bytes, until_ms: int, lease_seconds: float) -> int | None:
    """The new bound in milliseconds, or None when the lease was lost."""
    bound = await db.value(_sql["renew"], worker=worker, holder=holder, until_ms=until_ms, lease_seconds=lease_seconds)
    return None if bound is None else int(bound)


async def release(db: Reader, *, worker: int, holder: bytes) -> None:
    await db.run(_sql["release"], worker=worker, holder=holder)


async def find_fact(db: Reader, key: str) -> str | None:
    """A fact about the installation that outlives processes."""
    found = await db.value(_installation["find"], key=key)
    return None if found is None else str(found)


async def upsert_fact(db: Reader, key: str, value: str) -> None:
    await db.run(_installation["upsert"], key=key, value=value)


async def settle_fact(db: Reader, key: str, value: str) -> str:
    """What the fact is: ``value`` if nobody noted another one before, which then stays for good."""
    if (found := await find_fact(db, key)) is not None:
        return found
    await db.run(_installation["insert_absent"], key=key, value=value)
    return await find_fact(db, key) or value
