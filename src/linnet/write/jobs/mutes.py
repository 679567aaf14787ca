"""Ends mutes that were made for a time.

A mute is a row, and stands as long as it is there: so whoever reads at any moment sees what the row says, and what a
home timeline is need not know of time. An end comes a minute late at most, and is not lost when nobody runs for a day.
"""

from linnet.stores.postgres import relations
from linnet.write.actions.blocks import end_mute
from linnet.write.deps import WriteDeps
from linnet.write.jobs.job import job

# So many in a round; the next one goes on.
_PAGE_SIZE = 500
_PAGES = 20


@job(cron="* * * * *")
async def end_mutes(deps: WriteDeps) -> None:
    """One round."""
    for _ in range(_PAGES):
        ended = await relations.fetch_ended_mutes(deps.db, now_ms=deps.clock.now_ms(), page_size=_PAGE_SIZE)
        for user_id, muted_id in ended:
            await end_mute(deps, user_id, muted_id)
        if len(ended) < _PAGE_SIZE:
            break
