"""Screens: one's own tweets that are posted later."""

from collections.abc import Sequence

from linnet.domain.scheduled import Scheduled
from linnet.domain.timeline import Range
from linnet.errors import ScheduledNotFound
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import one_more
from linnet.read.views.pages import PageView
from linnet.read.views.scheduled import ScheduledView, scheduled_view
from linnet.stores.postgres import attachments, scheduled


async def scheduled_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> PageView[ScheduledView]:
    """The one that was scheduled last comes first."""
    found = await scheduled.fetch(deps.db, user_id, one_more(wanted))
    more = len(found) > wanted.limit
    rows = found[-wanted.limit :] if wanted.ascending else found[: wanted.limit]
    rows = [row for row in rows if row.id > wanted.after]
    return PageView(
        await _views(deps, user_id, rows),
        str(rows[-1].id) if rows and (more or wanted.ascending) else None,
        str(rows[0].id) if rows else None,
    )


async def scheduled_screen(deps: ReadDeps, user_id: UserId, scheduled_id: int) -> ScheduledView:
    """Raises ``ScheduledNotFound``, also for other people's."""
    found = await scheduled.find(deps.db, user_id, scheduled_id)
    if found is None:
        raise ScheduledNotFound
    return (await _views(deps, user_id, [found]))[0]


async def _views(deps: ReadDeps, user_id: UserId, rows: Sequence[Scheduled]) -> list[ScheduledView]:
    wanted = [each for row in rows for each in row.draft.attached]
    pictures = await attachments.fetch(deps.db, user_id, wanted) if wanted else {}
    return [scheduled_view(row, pictures) for row in rows]
