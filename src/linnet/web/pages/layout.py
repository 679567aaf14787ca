"""What every page has around its middle: who is logged in, what is new, what is talked about."""

from collections.abc import Awaitable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup, escape

from linnet.domain.tag import Tag
from linnet.errors import LinnetError
from linnet.read.timelines.notifications import finish_unread, unread_screen
from linnet.read.timelines.popular import top_tweets
from linnet.read.views.pages import Page
from linnet.read.views.tags import tag_view
from linnet.read.views.tweets import TweetView
from linnet.web.answers import Answer, html
from linnet.web.asking import Ask
from linnet.web.cards import peek_of, places_for, tag_link
from linnet.web.folding import drop_filtered
from linnet.web.outlines import Outline, outline_of, place
from linnet.web.pages.errors import headers_of, status_of
from linnet.web.templates import render

_TAGS_BESIDE = 6
_TWEETS_BESIDE = 3
# Few differ at one time: trends change, and lists end or go on.
_OUTLINES_KEPT: Final = 200


# What every tweet's JSON begins with, see ``read.views.tweets``.
_ID_STARTS: Final = len(b'{"id":"')
_tweets = msgspec.json.Decoder(list[TweetView])


def decode_tweets(items: Sequence[bytes]) -> list[TweetView]:
    """Items of a page, which are JSON already, as views again."""
    return _tweets.decode(b"[%b]" % b",".join(items))


def ids_of(items: Sequence[bytes]) -> list[int]:
    """The ids of such items."""
    return [int(item[_ID_STARTS : item.index(b'"', _ID_STARTS)]) for item in items]


def older_path(path: str, page: Page, **query: str) -> str | None:
    """Where a list goes on; None at its end."""
    return None if page.next_id is None else with_query(path, before=str(page.next_id), **query)


def with_query(path: str, **query: str) -> str:
    """An address with parameters."""
    return f"{path}?{urlencode(query)}" if query else path


class _OpenMe(msgspec.Struct, frozen=True):
    id: str = place("me")


class _OpenAsk(msgspec.Struct, frozen=True):
    """What templates need of whoever asks and is logged in, with places for what differs."""

    me: _OpenMe = _OpenMe()
    csrf: str = place("csrf")
    here: str = place("here")
    once: str = place("once")


# The oldest first: what trends changes, and is soon asked for no more.
_outlines: dict[Hashable, Outline] = {}


async def show(
    ask: Ask,
    template: str,
    *,
    title: str,
    error: LinnetError | None = None,
    beside: bool = True,
    popular_beside: bool = True,
    indexable: bool = True,
    **values: Any,
) -> Answer:
    """A page. ``title`` stands in the browser's tab, and above the page where its template has no other.

    ``error`` is what went wrong with the form on it. ``beside``: with what is talked about in the margin.
    Not ``indexable``: search engines are asked to leave it out.
    """
    read = ask.services.read
    trending: tuple[Markup, ...] = ()
    popular: list[Markup] = []
    if beside:
        trending = await _trending(ask)
        if popular_beside:
            found = await top_tweets(read, ask.viewer_id, _TWEETS_BESIDE)
            popular = [peek_of(item) for item in drop_filtered(found, "public")]
    page = render(
        template,
        read.clock,
        place=ask.services.write.options.place,
        ask=ask,
        me=ask.me,
        title=title,
        places=places_for(ask, await _count_unread(ask)),
        trending=trending,
        popular_beside=popular,
        max_chars=ask.services.write.options.text.max_chars,
        photos=ask.services.write.options.photos,
        **values,
    )
    headers = _headers(ask) if indexable else {**_headers(ask), "X-Robots-Tag": "noindex"}
    if error is None:
        return html(page, headers=headers)
    return html(page, status=status_of(error), headers={**headers, **headers_of(error)})


async def show_often(
    ask: Ask,
    template: str,
    *,
    title: str,
    unread: Awaitable[list[bytes | None]],
    fixed: Mapping[str, Hashable],
    filled: Mapping[str, bytes],
) -> Answer:
    """The same for somebody's pages that are asked for all the time: filled in once for all that is ``fixed``.

    ``filled`` is markup; what is empty is not there. Popular tweets are not beside it. ``unread``: what the badges were
    asked for who is logged in.
    """
    read, user_id = ask.services.read, ask.actor.user_id
    unread_count = (await finish_unread(read, user_id, unread)).unread_count
    trending = await _trending(ask)
    options = ask.services.write.options
    max_chars, photos, place_title = options.text.max_chars, options.photos, options.place.title
    # What is there decides about what is around it.
    key = (template, title, max_chars, photos, place_title, trending, *fixed.values(), *map(bool, filled.values()))
    outline = _outlines.get(key)
    if outline is None:
        stand_in = _OpenAsk()
        markup = render(
            template,
            read.clock,
            place=options.place,
            ask=stand_in,
            me=stand_in.me,
            title=title,
            places=place("places"),
            trending=trending,
            popular_beside=(),
            max_chars=max_chars,
            photos=photos,
            **fixed,
            **{name: place(name) if markup else "" for name, markup in filled.items()},
        )
        outline = outline_of(markup)
        if len(_outlines) >= _OUTLINES_KEPT:
            del _outlines[next(iter(_outlines))]
        _outlines[key] = outline
    page = outline.fill(
        {
            **filled,
            "me": str(user_id).encode(),
            "csrf": ask.csrf.encode(),
            "here": escape(ask.here).encode(),
            "once": ask.once.encode(),
            "places": places_for(ask, unread_count).encode(),
        }
    )
    return html(page, headers=_headers(ask))


async def _trending(ask: Ask) -> tuple[Markup, ...]:
    return _tag_links(tuple(await ask.services.read.trending.fetch(_TAGS_BESIDE)))


# They stay the same for a second at least.
@lru_cache(10)
def _tag_links(tags: tuple[Tag, ...]) -> tuple[Markup, ...]:
    return tuple(tag_link(tag_view(tag)) for tag in tags)


async def _count_unread(ask: Ask) -> int:
    return 0 if ask.viewer_id is None else (await unread_screen(ask.services.read, ask.viewer_id)).unread_count


def _headers(ask: Ask) -> dict[str, str]:
    # The service worker keeps pages of one person alone.
    return {"Linnet-Viewer": ask.me.id if ask.me else ""}
