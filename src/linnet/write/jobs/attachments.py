"""Erases pictures of tweets that are gone, at once, and those that were uploaded and put into none, after a day."""

import structlog

from linnet.ids import UserId
from linnet.write.deps import WriteDeps
from linnet.write.erasing.attachments import erase_gone, erase_waiting
from linnet.write.jobs.job import NotYet, Retry, job

log = structlog.get_logger()

_WAIT_SECONDS = 60.0


@job(retry=Retry(times=None))
async def erase_attachments(deps: WriteDeps, *, owner_id: UserId) -> None:
    """Those of somebody that a transaction said are gone."""
    if not await erase_gone(deps, owner_id):
        raise NotYet("nothing may be deleted just now", seconds=_WAIT_SECONDS)


@job(cron="41 * * * *")
async def clear_attachments(deps: WriteDeps) -> None:
    """Once an hour. Without a place for pictures there are none."""
    if not deps.media.is_configured:
        return
    if erased := await erase_waiting(deps):
        log.info("pictures that stand in no tweet were deleted", count=erased)
