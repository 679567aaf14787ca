"""What others did that concerns one."""

from typing import Any, Final

import msgspec
from litestar import Response

from linnet.domain.timeline import Range
from linnet.ids import MAX_ID
from linnet.read.timelines.notifications import notifications_page
from linnet.read.views.notifications import NotificationsView, NotificationView
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, parse_id
from linnet.web.pages.layout import show, with_query
from linnet.write.actions.notifications import mark_read

# How many pages are looked through for one that has something on it.
_MAX_FILLS: Final = 20


async def list_notifications(ask: Ask) -> Response[Any]:
    """A page of them. Looking is not reading: a button says that one has seen them."""
    wanted = ask.range()
    page = await _read_page(ask, wanted)
    items = [(item, fold) for item in page.items if (fold := _fold_of(item)) is not None]
    for _ in range(_MAX_FILLS):
        # A page of which all is hidden would look like the end.
        if items or page.next is None:
            break
        page = await _read_page(ask, Range(wanted.limit, before=int(page.next)))
        items = [(item, fold) for item in page.items if (fold := _fold_of(item)) is not None]
    older = None if page.next is None else with_query("/notifications", before=page.next)
    is_first = wanted.before == MAX_ID
    return await show(
        ask, "notifications.html", title="Notifications", page=page, items=items, older=older, is_first=is_first
    )


async def _read_page(ask: Ask, wanted: Range) -> NotificationsView:
    encoded = msgspec.json.encode(await notifications_page(ask.services.read, ask.actor.user_id, wanted))
    # The people and tweets in it are JSON already.
    return msgspec.json.decode(encoded, type=NotificationsView)


def _fold_of(item: NotificationView) -> str | None:
    """For which filter its tweet is folded, nothing for none; None: it is hidden."""
    if item.tweet is None or item.tweet.filtered is msgspec.UNSET:
        return ""
    holding = [match.filter for match in item.tweet.filtered if "notifications" in match.filter.contexts]
    return None if any(each.action == "hide" for each in holding) else next((each.title for each in holding), "")


async def read(ask: Ask) -> Response[Any]:
    """All up to the newest that was shown are read."""
    fields = await ask.form()
    await mark_read(ask.services.write, ask.actor.user_id, up_to=parse_id(fields.get("up_to", "")))
    return go_to("/notifications")


async def back_to_list(ask: Ask) -> Response[Any]:
    """Whoever types the address of a form's target gets no error."""
    return go_to("/notifications")


PAGES = (
    PageRoute("GET", "/notifications", list_notifications),
    PageRoute("GET", "/notifications/read", back_to_list),
    PageRoute("POST", "/notifications/read", read),
)
