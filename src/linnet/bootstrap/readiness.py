"""Whether a process can serve now."""

import asyncio
from collections.abc import Awaitable, Callable

from linnet.api.services import Check, Readiness
from linnet.bootstrap.services import Services
from linnet.errors import Unavailable
from linnet.stores.postgres import leases
from linnet.stores.valkey.connection import ValkeyReplyError

_TIMEOUT_SECONDS = 2.0


def readiness_check(
    services: Services, is_ending: Callable[[], bool] = lambda: False
) -> Callable[[], Awaitable[Readiness]]:
    """Ready is who can read and write the truth. Without Valkey answers are slower and right, so that is only told.

    Who ends soon is not ready for new requests, and answers those that come.
    """

    async def check() -> Readiness:
        database, valkey = await asyncio.gather(_check_database(services), _check_valkey(services))
        ids = _check_ids(services)
        ready = database.ok and ids.ok and not is_ending()
        checks = [database, valkey, ids]
        if is_ending():
            checks.append(Check("ending", ok=False, sentence="This process is about to end."))
        return Readiness(ready, checks, [] if valkey.ok or not ready else [valkey.name])

    return check


async def _check_database(services: Services) -> Check:
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            # Any row will do, or none: that the question can be asked is the answer.
            await leases.find_fact(services.db, "readiness")
    except (Unavailable, TimeoutError):
        return Check("postgresql", ok=False, sentence="PostgreSQL does not answer.")
    return Check("postgresql", ok=True)


async def _check_valkey(services: Services) -> Check:
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await services.valkey.ping()
    except (Unavailable, ValkeyReplyError, TimeoutError):
        what = "may lack something, which is being repaired" if services.history.is_doubting else "does not answer"
        return Check("valkey", ok=False, sentence=f"Valkey {what}: pages come from PostgreSQL, more slowly.")
    return Check("valkey", ok=True)


def _check_ids(services: Services) -> Check:
    if services.leases.ids.lease.until_ms > services.clock.now_ms():
        return Check("ids", ok=True)
    return Check("ids", ok=False, sentence="The right to make new ids has run out and is not renewed yet.")
