"""What others did that concerns one."""

from typing import Any

import msgspec
from litestar import Response

from linnet.ids import MAX_ID
from linnet.read.timelines.notifications import notifications_page
from linnet.read.views.notifications import NotificationsView
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, parse_id
from linnet.web.pages.layout import show, with_query
from linnet.write.actions.notifications import mark_read


async def list_notifications(ask: Ask) -> Response[Any]:
    """A page of them. Looking is not reading: a button says that one has seen them."""
    wanted = ask.range()
    encoded = msgspec.json.encode(await notifications_page(ask.services.read, ask.actor.user_id, wanted))
    # The people and tweets in it are JSON already.
    page = msgspec.json.decode(encoded, type=NotificationsView)
    older = None if page.next is None else with_query("/notifications", before=page.next)
    is_first = wanted.before == MAX_ID
    return await show(ask, "notifications.html", title="Notifications", page=page, older=older, is_first=is_first)


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
