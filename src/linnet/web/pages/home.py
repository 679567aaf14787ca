"""The first page: one's home timeline or, for strangers, what this place is and what is said here."""

from typing import Any, Final

from litestar import Response

from linnet.ids import MAX_ID
from linnet.read.streams import bookmark_of
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.home import home_page
from linnet.read.timelines.suggestions import suggestions_screen
from linnet.web.asking import Ask, PageRoute
from linnet.web.cards import peek_of, tweet_cards
from linnet.web.pages.layout import ids_of, older_path, show
from linnet.web.sessions import session_cookie

_POPULAR: Final = 3
_OF_TOP_USERS: Final = 3
_SUGGESTED: Final = 5
# A timeline as short as this has room for whom to follow.
_FEW: Final = 5


async def front(ask: Ask) -> Response[Any]:
    """Home, or the landing page."""
    if ask.viewer_id is None:
        return await _landing(ask)
    wanted = ask.range()
    page = await home_page(ask.services.read, ask.viewer_id, wanted, popular=_POPULAR, of_top_users=_OF_TOP_USERS)
    popular, of_top_users = page.beside or ((), ())
    is_first = wanted.before == MAX_ID
    suggested = []
    if is_first and len(page.items) <= _FEW:
        suggested = (await suggestions_screen(ask.services.read, ask.viewer_id, _SUGGESTED)).items
    answer = await show(
        ask,
        "home.html",
        title="Home",
        popular_beside=False,
        cards=tweet_cards(ask, page.items),
        # What the page has, for the stream to go on from.
        bookmark=str(bookmark_of(ids_of(page.items))) if is_first else "",
        popular=[peek_of(item) for item in popular],
        of_top_users=[peek_of(item) for item in of_top_users],
        older=older_path("/", page),
        is_first=is_first,
        suggested=suggested,
    )
    if ask.token is not None and is_first:
        # A session that is used does not end, so the cookie must not either.
        answer.set_cookie(session_cookie(ask.token, secure=ask.is_secure))
    return answer


async def _landing(ask: Ask) -> Response[Any]:
    wanted = ask.range()
    page = await everyone_page(ask.services.read, None, wanted)
    is_first = wanted.before == MAX_ID
    return await show(
        ask,
        "landing.html",
        title="linnet" if is_first else "Everyone",
        cards=tweet_cards(ask, page.items),
        older=older_path("/", page),
        is_first=is_first,
    )


async def everyone(ask: Ask) -> Response[Any]:
    """Everybody's tweets."""
    page = await everyone_page(ask.services.read, ask.viewer_id, ask.range())
    return await show(
        ask, "everyone.html", title="Everyone", cards=tweet_cards(ask, page.items), older=older_path("/everyone", page)
    )


PAGES = (
    PageRoute("GET", "/", front, user=False),
    PageRoute("GET", "/everyone", everyone, user=False),
)
