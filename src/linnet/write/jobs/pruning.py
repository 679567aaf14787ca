"""Deletes what has had its time: sessions nobody used for long and what they subscribed to, codes nobody redeemed, apps
that nobody let in, old idempotency keys, jobs given up long ago, and notes of windows that were dropped.
"""

from collections.abc import Awaitable, Callable

from linnet.domain.session import unused_since_ms
from linnet.ids import first_id_at
from linnet.stores.postgres import apps, codes, histories, jobs, pushes, sessions, tweets
from linnet.write.deps import WriteDeps
from linnet.write.failover.repair import KEPT_HOURS
from linnet.write.jobs.job import job

# A round deletes at most so many pages of each kind, so that it never holds much up; the next one goes on.
_PAGE_SIZE = 1000
_PAGES = 20
_GIVEN_UP_DAYS = 30
_UNUSED_APP_DAYS = 7


@job(cron="*/5 * * * *")
async def prune(deps: WriteDeps) -> None:
    """One round."""
    await _page_by_page(lambda: tweets.delete_old_keys(deps.db, page_size=_PAGE_SIZE))
    await _page_by_page(
        lambda: sessions.delete_expired(
            deps.db, unused_since_ms=unused_since_ms(deps.clock.now_ms()), page_size=_PAGE_SIZE
        )
    )
    await _page_by_page(lambda: pushes.delete_orphans(deps.db, page_size=_PAGE_SIZE))
    now_ms = deps.clock.now_ms()
    await _page_by_page(lambda: codes.delete_expired(deps.db, before_ms=now_ms, page_size=_PAGE_SIZE))
    unused_id = first_id_at(now_ms - _UNUSED_APP_DAYS * 86_400_000)
    await _page_by_page(lambda: apps.delete_unused(deps.db, before_id=unused_id, page_size=_PAGE_SIZE))
    # An hour more than a repair asks for: clocks may differ.
    before_id = first_id_at(deps.clock.now_ms() - (KEPT_HOURS + 1) * 3_600_000)
    await _page_by_page(lambda: histories.delete_changes(deps.db, before_id=before_id, page_size=_PAGE_SIZE))
    await _page_by_page(lambda: jobs.delete_given_up(deps.db, days=_GIVEN_UP_DAYS, page_size=_PAGE_SIZE))


async def _page_by_page(delete_page: Callable[[], Awaitable[int]]) -> None:
    for _ in range(_PAGES):
        if await delete_page() < _PAGE_SIZE:
            break
