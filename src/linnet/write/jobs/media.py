"""Collects the pictures that nobody has: what is left behind by a process that dies between a file and its row."""

import structlog

from linnet.write.actions.avatars import delete_unreferenced
from linnet.write.deps import WriteDeps
from linnet.write.erasing.attachments import erase_unheld
from linnet.write.jobs.job import job

log = structlog.get_logger()


@job(cron="17 4 * * *")
async def collect_pictures(deps: WriteDeps) -> None:
    """Once a day, all of them. Without a place for pictures there is nothing to do."""
    if not deps.media.is_configured:
        return
    if deleted := await delete_unreferenced(deps) + await erase_unheld(deps):
        log.info("pictures that nobody has were deleted", count=deleted)
