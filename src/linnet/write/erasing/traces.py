"""Last part: what a user left in Valkey, and the account's own row.

It comes long after the first part, when no request and no rebuild of a window is under way any more that had seen the
person. The row goes last of all in PostgreSQL: as long as it is there, it says whose traces to look for.
"""

from linnet.ids import UserId, first_id_at
from linnet.stores.postgres import erasure
from linnet.stores.postgres.pool import run_again
from linnet.stores.valkey.limits import LimitOptions, Limits
from linnet.stores.valkey.traces import Traces
from linnet.write.deps import WriteDeps
from linnet.write.erasing.rows import free_replies

# Longer than a request can take, and than clocks may differ.
_IN_FLIGHT_MS = 120_000


async def erase_traces(deps: WriteDeps, user_id: UserId, *, left_ms: int) -> None:
    """After it nothing of the person is left but the reserved username. Safe to run again, also after a kill."""
    await _free_late_replies(deps, user_id, left_ms)
    traces = Traces(deps.valkey, deps.keys)
    await traces.delete_from_readers(user_id)
    leaving = await erasure.find_leaving(deps.db, user_id)
    if leaving is not None:
        limits = Limits(deps.valkey, deps.keys, deps.clock, LimitOptions())
        await limits.forget_user(user_id, [leaving.username, leaving.email])
    async with deps.db.transaction() as session:
        await erasure.delete_user(session, user_id)
    await traces.delete_own(user_id)


async def _free_late_replies(deps: WriteDeps, user_id: UserId, left_ms: int) -> None:
    """Replies that were under way when the person left came too late for a note under the tweet they answer."""

    async def attempt() -> None:
        async with deps.db.transaction() as session:
            late = await erasure.fetch_late_replies(
                session,
                user_id,
                from_id=first_id_at(left_ms - _IN_FLIGHT_MS),
                before_id=first_id_at(left_ms + _IN_FLIGHT_MS),
            )
            if late:
                await free_replies(deps, session, user_id, late)

    await run_again(attempt)
