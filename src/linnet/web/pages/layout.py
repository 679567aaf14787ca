"""What every page has around its middle: who is logged in, what is new, what is talked about."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response

from linnet.read.timelines.notifications import unread_screen
from linnet.read.timelines.popular import top_tweets
from linnet.read.views.pages import Page
from linnet.read.views.tags import TagView, tag_view
from linnet.read.views.tweets import TweetView
from linnet.web.answers import html
from linnet.web.asking import Ask
from linnet.web.templates import render

_TAGS_BESIDE = 6
_TWEETS_BESIDE = 3

_tweets = msgspec.json.Decoder(list[TweetView])


def decode_tweets(items: Sequence[bytes]) -> list[TweetView]:
    """Items of a page, which are JSON already, as views again."""
    return _tweets.decode(b"[%b]" % b",".join(items))


def older_path(path: str, page: Page, **query: str) -> str | None:
    """Where a list goes on; None at its end."""
    return None if page.next_id is None else with_query(path, before=str(page.next_id), **query)


def with_query(path: str, **query: str) -> str:
    """An address with parameters."""
    return f"{path}?{urlencode(query)}" if query else path


async def show(ask: Ask, template: str, *, title: str, status: int = 200, **values: Any) -> Response[str]:
    """A page. ``title`` stands in the browser's tab, and above the page where its template has no other."""
    read = ask.services.read
    trending: list[TagView] = [tag_view(tag) for tag in await read.trending.fetch(_TAGS_BESIDE)]
    popular = decode_tweets(await top_tweets(read, ask.viewer_id, _TWEETS_BESIDE))
    unread = 0 if ask.viewer_id is None else (await unread_screen(read, ask.viewer_id)).unread_count
    page = render(
        template,
        read.clock,
        ask=ask,
        me=ask.me,
        title=title,
        unread=unread,
        trending=trending,
        popular=popular,
        max_chars=ask.services.write.options.text.max_chars,
        **values,
    )
    # The service worker keeps pages of one person alone.
    return html(page, status=status, headers={"Linnet-Viewer": ask.me.id if ask.me else ""})
