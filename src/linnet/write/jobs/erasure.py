"""Erases accounts whose owners left: what others could come upon at once, the last traces when all is quiet."""

from linnet.ids import UserId
from linnet.write.deps import WriteDeps
from linnet.write.erasing.rows import erase_rows
from linnet.write.erasing.traces import erase_traces
from linnet.write.jobs.job import Retry, job

# Sessions are remembered for up to ten minutes where the word of their end did not come to.
_QUIET_SECONDS = 900.0
_UNTIL_DONE = Retry(times=None)


@job(retry=_UNTIL_DONE)
async def erase_account(deps: WriteDeps, *, user_id: UserId, left_ms: int) -> None:
    """The first part. ``left_ms``: when the owner left."""
    await erase_rows(deps, user_id, left_ms=left_ms)
    async with deps.db.transaction() as session:
        await erase_last_traces.defer_later(session, _QUIET_SECONDS, user_id=user_id, left_ms=left_ms)


@job(retry=_UNTIL_DONE)
async def erase_last_traces(deps: WriteDeps, *, user_id: UserId, left_ms: int) -> None:
    """The first part once more, for what requests that were under way left behind; then the last one."""
    await erase_rows(deps, user_id, left_ms=left_ms)
    await erase_traces(deps, user_id, left_ms=left_ms)
