"""After an upgrade: gives old tweets what the new version derives from tweets."""

import structlog

from linnet.stores.valkey.traces import Traces
from linnet.write.deps import WriteDeps
from linnet.write.fanout import oldtweets
from linnet.write.jobs.job import Retry, job

log = structlog.get_logger()


@job(retry=Retry(times=None), cron="*/5 * * * *")
async def fill_in_old_tweets(deps: WriteDeps) -> None:
    """Queued as soon as a process that runs jobs starts, then every five minutes: mostly it looks at one fact."""
    if await oldtweets.are_old_tweets_done(deps.db):
        return
    # Nobody reads it any more, and whoever is erased from now on is not looked for in it.
    await Traces(deps.valkey, deps.keys).delete_earlier()
    seen = await oldtweets.fill_in_old_tweets(deps)
    log.info("old tweets can be found now, by words and tags", tweets=seen)
