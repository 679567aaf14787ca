"""Posts tweets whose time has come.

Two processes may look at once, and one may die anywhere: whoever posts a tweet takes its row away in the same
transaction (``actions/scheduled.py``). What is late since nobody ran is posted late, and not left out.
"""

import structlog

from linnet.errors import LinnetError
from linnet.stores.postgres import scheduled
from linnet.write.actions.scheduled import post_scheduled
from linnet.write.deps import WriteDeps
from linnet.write.jobs.job import job

log = structlog.get_logger()

# So many in a round; the next one goes on.
_PAGE_SIZE = 200
_PAGES = 50


@job(cron="* * * * *")
async def post_scheduled_tweets(deps: WriteDeps) -> None:
    """One round. What goes wrong with one keeps no other waiting; it is tried again in the next round."""
    after = (0, 0)
    for _ in range(_PAGES):
        due = await scheduled.fetch_due(deps.db, now_ms=deps.clock.now_ms(), after=after, page_size=_PAGE_SIZE)
        for one in due:
            try:
                await post_scheduled(deps, one)
            except LinnetError as error:
                log.warning("a scheduled tweet waits", scheduled_id=str(one.id), cause=error.code)
        if len(due) < _PAGE_SIZE:
            break
        after = (due[-1].due_ms, due[-1].id)
