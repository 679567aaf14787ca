"""The first page: one's home timeline or, for strangers, what this place is and what is said here."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from litestar import Response
from markupsafe import escape

from linnet.domain.timeline import Range
from linnet.ids import MAX_ID
from linnet.read.streams import bookmark_of
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.home import home_page
from linnet.read.timelines.suggestions import suggestions_screen
from linnet.read.views.pages import Page
from linnet.web.answers import Answer, json_answer
from linnet.web.asking import Ask, PageRoute
from linnet.web.cards import packed_cards, peek_of, tweet_cards
from linnet.web.folding import drop_filtered, visible_page
from linnet.web.pages.layout import ids_of, older_path, show, show_often
from linnet.web.sessions import session_cookie
from linnet.web.templates import call_macro

_POPULAR: Final = 3
_OF_TOP_USERS: Final = 3
_SUGGESTED: Final = 5
# So many tweets stand above either.
_ABOVE_POPULAR: Final = 4
_ABOVE_TOP_USERS: Final = 12
# A timeline as short as this has room for whom to follow.
_FEW: Final = 5


async def front(ask: Ask) -> Response[Any]:
    """Home, or the landing page."""
    if ask.viewer_id is None:
        return await _landing(ask)
    wanted = ask.range()
    # Leaves together with what the timeline asks first.
    unread = ask.services.read.badges.ask(ask.viewer_id)
    me = ask.viewer_id

    async def fetch(part: Range) -> Page:
        return await home_page(ask.services.read, me, part, popular=_POPULAR, of_top_users=_OF_TOP_USERS)

    page = await visible_page(fetch, wanted, "home")
    popular, of_top_users = page.beside or ((), ())
    is_first = wanted.before == MAX_ID
    cards = packed_cards(ask, page.items, context="home")
    usual = await ask.usual()
    older = older_path("/", page)
    answer = await show_often(
        ask,
        "home.html",
        title="Home",
        unread=unread,
        fixed={
            "is_first": is_first,
            "some": bool(cards),
            "visibility": usual.visibility,
            "is_sensitive": usual.sensitive,
        },
        filled={
            "cards": b"".join(cards[:_ABOVE_POPULAR]),
            "popular": _peeks(drop_filtered(popular, "public")),
            "more_cards": b"".join(cards[_ABOVE_POPULAR:_ABOVE_TOP_USERS]),
            "of_top_users": _peeks(drop_filtered(of_top_users, "public")),
            "last_cards": b"".join(cards[_ABOVE_TOP_USERS:]),
            "older": escape(older or "").encode(),
            # What the page has, for the stream to go on from.
            "bookmark": str(bookmark_of(ids_of(page.items))).encode() if is_first else b"",
            "suggested": await _suggested(ask) if is_first and len(page.items) <= _FEW else b"",
        },
    )
    if ask.token is not None and is_first:
        # A session that is used does not end, so the cookie must not either.
        answer.set_cookie(session_cookie(ask.token, secure=ask.is_secure))
    return answer


def _peeks(items: Sequence[bytes]) -> bytes:
    return "".join([peek_of(item) for item in items]).encode()


async def _suggested(ask: Ask) -> bytes:
    """Whom to follow."""
    found = await suggestions_screen(ask.services.read, ask.actor.user_id, _SUGGESTED)
    return "".join([call_macro("suggestion", ask, item) for item in found.items]).encode()


async def _landing(ask: Ask) -> Response[Any]:
    wanted = ask.range()
    page = await everyone_page(ask.services.read, None, wanted)
    is_first = wanted.before == MAX_ID
    return await show(
        ask,
        "landing.html",
        title=ask.services.write.options.place.title if is_first else "Everyone",
        cards=tweet_cards(ask, page.items),
        older=older_path("/", page),
        is_first=is_first,
    )


async def everyone(ask: Ask) -> Response[Any]:
    """Everybody's tweets."""
    wanted = ask.range()
    page = await visible_page(partial(everyone_page, ask.services.read, ask.viewer_id), wanted, "public")
    return await show(
        ask,
        "everyone.html",
        title="Everyone",
        cards=tweet_cards(ask, page.items, context="public"),
        older=older_path("/everyone", page),
        newest=_newest_of(page) if wanted.before == MAX_ID else "",
    )


async def newest_of_everyone(ask: Ask) -> Response[Any]:
    """Which tweet is on top of everybody's, for pages that ask now and then whether that is another one by now."""
    newest = _newest_of(await everyone_page(ask.services.read, ask.viewer_id, Range(1)))
    headers = {"Cache-Control": "private, no-cache", "ETag": f'"{newest}"'}
    if ask.request.headers.get("if-none-match") == headers["ETag"]:
        return Answer(b"", status=304, media_type="application/json", headers=headers)
    return json_answer({"newest": newest}, headers=headers)


def _newest_of(page: Page) -> str:
    return str(page.prev_id or 0)


PAGES = (
    PageRoute("GET", "/", front, user=False),
    PageRoute("GET", "/everyone", everyone, user=False),
    PageRoute("GET", "/fragments/everyone", newest_of_everyone),
)
