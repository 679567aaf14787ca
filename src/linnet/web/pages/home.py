"""The first page: one's home timeline or, for strangers, what this place is and what is said here."""

from typing import Any

from litestar import Response

from linnet.domain.timeline import Range
from linnet.ids import MAX_ID
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.home import home_page
from linnet.read.timelines.suggestions import suggestions_screen
from linnet.web.asking import Ask, PageRoute
from linnet.web.pages.layout import decode_tweets, older_path, show

_SUGGESTED = 5
# A timeline as short as this has room for whom to follow.
_FEW = 5


async def front(ask: Ask) -> Response[Any]:
    """Home, or the landing page."""
    if ask.viewer_id is None:
        return await _landing(ask)
    page = await home_page(ask.services.read, ask.viewer_id, ask.range())
    is_first = ask.range().before == MAX_ID
    suggested = []
    if is_first and len(page.items) <= _FEW:
        suggested = (await suggestions_screen(ask.services.read, ask.viewer_id, _SUGGESTED)).items
    return await show(
        ask,
        "home.html",
        title="Home",
        tweets=decode_tweets(page.items),
        older=older_path("/", page),
        is_first=is_first,
        suggested=suggested,
    )


async def _landing(ask: Ask) -> Response[Any]:
    page = await everyone_page(ask.services.read, None, Range(ask.range().limit, before=ask.range().before))
    return await show(
        ask,
        "landing.html",
        title="linnet",
        tweets=decode_tweets(page.items),
        older=older_path("/", page),
        is_first=ask.range().before == MAX_ID,
    )


async def everyone(ask: Ask) -> Response[Any]:
    """Everybody's tweets."""
    page = await everyone_page(ask.services.read, ask.viewer_id, ask.range())
    return await show(
        ask, "everyone.html", title="Everyone", tweets=decode_tweets(page.items), older=older_path("/everyone", page)
    )


PAGES = (
    PageRoute("GET", "/", front, user=False),
    PageRoute("GET", "/everyone", everyone, user=False),
)
