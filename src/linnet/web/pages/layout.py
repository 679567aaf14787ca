"""What every page has around its middle: who is logged in, what is new, what is talked about."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response
from markupsafe import Markup

from linnet.errors import LinnetError
from linnet.read.timelines.notifications import unread_screen
from linnet.read.timelines.popular import top_tweets
from linnet.read.views.pages import Page
from linnet.read.views.tags import tag_view
from linnet.read.views.tweets import TweetView
from linnet.web.answers import html
from linnet.web.asking import Ask
from linnet.web.cards import peek_of, places_for, tag_link
from linnet.web.pages.errors import headers_of, status_of
from linnet.web.templates import render

_TAGS_BESIDE = 6
_TWEETS_BESIDE = 3


class _Identified(msgspec.Struct, frozen=True):
    id: str


_identified = msgspec.json.Decoder(_Identified)
_tweets = msgspec.json.Decoder(list[TweetView])


def decode_tweets(items: Sequence[bytes]) -> list[TweetView]:
    """Items of a page, which are JSON already, as views again."""
    return _tweets.decode(b"[%b]" % b",".join(items))


def ids_of(items: Sequence[bytes]) -> list[int]:
    """The ids of such items."""
    return [int(_identified.decode(item).id) for item in items]


def older_path(path: str, page: Page, **query: str) -> str | None:
    """Where a list goes on; None at its end."""
    return None if page.next_id is None else with_query(path, before=str(page.next_id), **query)


def with_query(path: str, **query: str) -> str:
    """An address with parameters."""
    return f"{path}?{urlencode(query)}" if query else path


async def show(
    ask: Ask,
    template: str,
    *,
    title: str,
    error: LinnetError | None = None,
    beside: bool = True,
    popular_beside: bool = True,
    **values: Any,
) -> Response[str]:
    """A page. ``title`` stands in the browser's tab, and above the page where its template has no other.

    ``error`` is what went wrong with the form on it. ``beside``: with what is talked about in the margin.
    """
    read = ask.services.read
    trending: list[Markup] = []
    popular: list[Markup] = []
    if beside:
        trending = [tag_link(tag_view(tag)) for tag in await read.trending.fetch(_TAGS_BESIDE)]
        if popular_beside:
            popular = [peek_of(item) for item in await top_tweets(read, ask.viewer_id, _TWEETS_BESIDE)]
    unread = 0 if ask.viewer_id is None else (await unread_screen(read, ask.viewer_id)).unread_count
    page = render(
        template,
        read.clock,
        ask=ask,
        me=ask.me,
        title=title,
        places=places_for(ask, unread),
        trending=trending,
        popular_beside=popular,
        max_chars=ask.services.write.options.text.max_chars,
        **values,
    )
    # The service worker keeps pages of one person alone.
    headers = {"Linnet-Viewer": ask.me.id if ask.me else ""}
    if error is None:
        return html(page, headers=headers)
    return html(page, status=status_of(error), headers={**headers, **headers_of(error)})
