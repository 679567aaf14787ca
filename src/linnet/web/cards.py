"""Tweets as they stand on pages, made once and used again.

Filling in a template for each tweet of each page would be nearly all that a page costs. So a tweet's markup is kept,
for as long as its JSON is the same, with a place for the time since it was written. Nothing else in it differs from
page to page: what is done with tweets goes through one form of the page they stand on.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

import msgspec
from markupsafe import Markup

from linnet.read.views.tags import TagView
from linnet.read.views.tweets import TweetView
from linnet.web import times
from linnet.web.asking import Ask
from linnet.web.outlines import Outline, outline_of, place
from linnet.web.templates import call_macro

_KEPT: Final = 3000
_PLACES: Final = frozenset(("/", "/explore", "/notifications", "/settings", "/login"))

Look = Literal["listed", "first", "main"]
"""``first``: where a pinned tweet may stand, and says so. ``main``: the one that a page is about."""


class _Me(msgspec.Struct, frozen=True):
    id: str


class _Asking(msgspec.Struct, frozen=True):
    """What the macro needs of whoever asks: nothing that is not the same for all who see this card."""

    me: _Me | None


class _Card:
    """With a place for the time since ``then``; and as it is with the time that it was last shown with."""

    __slots__ = ("_markup", "_outline", "_then_ms", "_word")

    def __init__(self, outline: Outline, then: datetime) -> None:
        self._outline = outline
        self._then_ms = round(then.timestamp() * 1000)
        self._word = ""
        self._markup = b""

    def at(self, now_ms: int) -> bytes:
        word = times.since_ms(self._then_ms, now_ms)
        if word != self._word:
            self._word = word
            self._markup = self._outline.fill({"time": word.encode()})
        return self._markup


_tweet = msgspec.json.Decoder(TweetView)
# In the order of their use, so that the first is the one to drop.
_cards: dict[tuple[bytes, str, Look], _Card] = {}


def tweet_cards(ask: Ask, items: Sequence[bytes], *, look: Look = "listed") -> list[Markup]:
    """The markup of tweets that are JSON already, in their order."""
    return [Markup(card.decode()) for card in packed_cards(ask, items, look=look)]


def packed_cards(ask: Ask, items: Sequence[bytes], *, look: Look = "listed") -> list[bytes]:
    """The same as bytes, for pages that are put together of them."""
    now_ms = ask.services.read.clock.now_ms()
    me_id = "" if ask.me is None else ask.me.id
    mine = b'"id":"%b"' % me_id.encode() if me_id else None
    return [_find(item, me_id if mine is not None and mine in item else "", me_id, look).at(now_ms) for item in items]


def _find(item: bytes, own: str, me_id: str, look: Look) -> _Card:
    # One's own tweets have another menu. All that JSON says of the author is its id, early in it.
    key = (item, own, look)
    card = _cards.pop(key, None)
    if card is None:
        card = _make(item, me_id, look)
        if len(_cards) >= _KEPT:
            del _cards[next(iter(_cards))]
    _cards[key] = card
    return card


def _make(item: bytes, me_id: str, look: Look) -> _Card:
    tweet = _tweet.decode(item)
    shown = tweet.retweet_of or tweet
    is_stranger = shown.viewer is None
    me = None if is_stranger else _Me(me_id if shown.author.id == me_id else "")
    time = place("time")
    markup = call_macro("tweet_item", _Asking(me), tweet, lambda _: time, main=look == "main", pins=look == "first")
    return _Card(outline_of(markup), datetime.fromisoformat(shown.created_at))


@lru_cache(_KEPT)
def peek_of(item: bytes) -> Markup:
    """A tweet that is JSON already, small, as a link to it."""
    return call_macro("peek", _tweet.decode(item))


@lru_cache(_KEPT)
def tag_link(tag: TagView) -> Markup:
    """A tag as a link to its page."""
    return call_macro("tag_link", tag)


def places_for(ask: Ask, unread: int) -> Markup:
    """Where one can go from every page."""
    here = ask.here_path
    username = "" if ask.me is None else ask.me.username
    known = here in _PLACES or here == f"/@{username}"
    return _places(here if known else "", username, unread)


@lru_cache(_KEPT)
def _places(here: str, username: str, unread: int) -> Markup:
    return call_macro("places", here, username, unread)
