"""The first page: one's home timeline or, for strangers, what this place is and what is said here."""

from typing import Any, Final

from litestar import Response

from linnet.ids import MAX_ID
from linnet.read.streams import bookmark_of
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.home import home_page
from linnet.read.timelines.suggestions import suggestions_screen
from linnet.web.asking import Ask, PageRoute
from linnet.web.pages.layout import decode_tweets, older_path, show

_POPULAR: Final = 3
_SUGGESTED: Final = 5
# A timeline as short as this has room for whom to follow.
_FEW: Final = 5


async def front(ask: Ask) -> Response[Any]:
    """Home, or the landing page."""
    if ask.viewer_id is None:
        return await _landing(ask)
    wanted = ask.range()
    page = await home_page(ask.services.read, ask.viewer_id, wanted, popular=_POPULAR)
    is_first = wanted.before == MAX_ID
    tweets = decode_tweets(page.items)
    suggested = []
    if is_first and len(page.items) <= _FEW:
        suggested = (await suggestions_screen(ask.services.read, ask.viewer_id, _SUGGESTED)).items
    return await show(
        ask,
        "home.html",
        title="Home",
        popular_beside=False,
        tweets=tweets,
        # What the page has, for the stream to go on from.
        bookmark=str(bookmark_of(int(tweet.id) for tweet in tweets)) if is_first else "",
        popular=decode_tweets(page.beside),
        older=older_path("/", page),
        is_first=is_first,
        suggested=suggested,
    )


async def _landing(ask: Ask) -> Response[Any]:
    wanted = ask.range()
    page = await everyone_page(ask.services.read, None, wanted)
    is_first = wanted.before == MAX_ID
    return await show(
        ask,
        "landing.html",
        title="linnet" if is_first else "Everyone",
        tweets=decode_tweets(page.items),
        older=older_path("/", page),
        is_first=is_first,
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
