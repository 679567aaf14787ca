"""Whoever wants no more to be asked lets all in who wait."""

from linnet.ids import UserId
from linnet.write.actions.followrequests import accept_all
from linnet.write.deps import WriteDeps
from linnet.write.jobs.job import Retry, job


@job(retry=Retry(times=None))
async def accept_waiting(deps: WriteDeps, *, user_id: UserId) -> None:
    """Killed anywhere it begins again, and finds those who still wait."""
    await accept_all(deps, user_id)
