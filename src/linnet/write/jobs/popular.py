"""Forgets tweets that are popular no more."""

from linnet.write.deps import WriteDeps
from linnet.write.fanout import popular
from linnet.write.jobs.job import job


@job(cron="*/10 * * * *")
async def prune_popular(deps: WriteDeps) -> None:
    """One round."""
    await popular.prune_popular(deps)
