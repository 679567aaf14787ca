"""Polls that have ended: whoever asked, and those who voted, are told.

A poll ends by the clock, for whoever looks at it. That somebody is told comes a minute later at most, and is not lost
when nobody runs for a day.
"""

from linnet.stores.postgres import votes
from linnet.write.actions.polls import end_poll
from linnet.write.deps import WriteDeps
from linnet.write.jobs.job import job

# So many in a round; the next one goes on.
_PAGE_SIZE = 500
_PAGES = 20


@job(cron="* * * * *")
async def end_polls(deps: WriteDeps) -> None:
    """One round."""
    for _ in range(_PAGES):
        ended = await votes.fetch_ended(deps.db, now_ms=deps.clock.now_ms(), page_size=_PAGE_SIZE)
        for tweet in ended:
            await end_poll(deps, tweet)
        if len(ended) < _PAGE_SIZE:
            break
