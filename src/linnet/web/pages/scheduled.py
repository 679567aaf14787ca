"""What one posts later: when each will be posted, another time for it, and that it is not posted after all."""

from typing import Any

from litestar import Response

from linnet.errors import Invalid, LinnetError, ScheduledNotFound, TooManyScheduled
from linnet.ids import MAX_ID
from linnet.read.timelines.scheduled import scheduled_page
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, parse_id
from linnet.web.pages.errors import plainly
from linnet.web.pages.layout import show, with_query
from linnet.web.posting import parse_later
from linnet.write.actions import scheduled

HERE = "/scheduled"


async def all_scheduled(ask: Ask) -> Response[Any]:
    """The one that was written last comes first."""
    return await _show(ask)


async def _show(ask: Ask, *, wrong_id: int = 0, error: LinnetError | None = None) -> Response[Any]:
    """``wrong_id``: whose time could not be changed."""
    wanted = ask.range()
    page = await scheduled_page(ask.services.read, ask.actor.user_id, wanted)
    return await show(
        ask,
        "scheduled.html",
        title="Scheduled",
        error=error,
        beside=False,
        items=page.items,
        older=None if page.next is None else with_query(HERE, before=page.next),
        is_first=wanted.before == MAX_ID,
        wrong_id=str(wrong_id),
        sentence="" if error is None else plainly(error),
    )


async def change(ask: Ask) -> Response[Any]:
    """At another time. One that cannot be is said beside it."""
    fields, scheduled_id = await ask.form(), _scheduled_id(ask)
    try:
        due_ms = parse_later(fields.get("later", ""), fields.get("zone", ""))
        await scheduled.reschedule(ask.services.write, ask.actor.user_id, scheduled_id, due_ms, field="later")
    except (Invalid, TooManyScheduled) as error:
        ask.did_nothing = True
        return await _show(ask, wrong_id=scheduled_id, error=error)
    return go_to(HERE)


async def delete(ask: Ask) -> Response[Any]:
    """It is not posted."""
    await ask.form()
    await scheduled.unschedule(ask.services.write, ask.actor.user_id, _scheduled_id(ask))
    return go_to(HERE)


def _scheduled_id(ask: Ask) -> int:
    number = parse_id(ask.path("scheduled_id"))
    if number is None:
        raise ScheduledNotFound
    return number


_ONE = f"{HERE}/{{scheduled_id}}"

PAGES = (
    PageRoute("GET", HERE, all_scheduled),
    PageRoute("POST", f"{_ONE}/time", change),
    PageRoute("POST", f"{_ONE}/delete", delete),
)
