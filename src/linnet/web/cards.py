"""Tweets as they stand on pages, made once and used again.

Filling in a template for each tweet of each page would be nearly all that a page costs. So a tweet's markup is kept,
for as long as its JSON is the same, with marks where it differs from page to page: the time since it was written, the
form token, and where the page is. Marks are words that nobody can know, so nothing that people write can be one.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

import msgspec
from markupsafe import Markup, escape

from linnet.ids import random_bytes
from linnet.read.views.tags import TagView
from linnet.read.views.tweets import TweetView
from linnet.web import times
from linnet.web.asking import Ask
from linnet.web.templates import call_macro

_KEPT: Final = 3000
_PLACES: Final = frozenset(("/", "/explore", "/notifications", "/settings", "/login"))
_SECRET: Final = random_bytes(16).hex()
_TIME: Final = f"time-{_SECRET}"
_TOKEN: Final = f"token-{_SECRET}"
_HERE: Final = f"here-{_SECRET}"

Look = Literal["listed", "first", "main"]
"""``first``: where a pinned tweet may stand, and says so. ``main``: the one that a page is about."""


class _Me(msgspec.Struct, frozen=True):
    id: str


class _Asking(msgspec.Struct, frozen=True):
    """What the macro needs of whoever asks, with marks for what is not the same for all who see this card."""

    me: _Me | None
    csrf: str = _TOKEN
    here: str = _HERE


class _Card(msgspec.Struct, frozen=True):
    """``pieces`` are what stands around each place of the time since ``then``."""

    pieces: list[str]
    then: datetime


_tweet = msgspec.json.Decoder(TweetView)
# In the order of their use, so that the first is the one to drop.
_cards: dict[tuple[bytes, str, Look], _Card] = {}


def tweet_cards(ask: Ask, items: Sequence[bytes], *, look: Look = "listed") -> list[Markup]:
    """The markup of tweets that are JSON already, in their order."""
    if not items:
        return []
    now_ms = ask.services.read.clock.now_ms()
    me_id = "" if ask.me is None else ask.me.id
    here, token = str(escape(ask.here)), ask.csrf
    cards = [_find(item, me_id, look) for item in items]
    # All at once. No text holds a zero: no row can.
    whole = "\0".join([times.since(card.then, now_ms).join(card.pieces) for card in cards])
    return [Markup(card) for card in whole.replace(_TOKEN, token).replace(_HERE, here).split("\0")]


def _find(item: bytes, me_id: str, look: Look) -> _Card:
    # One's own tweets have another menu. All that JSON says of the author is its id, early in it.
    own = me_id if me_id and b'"id":"%b"' % me_id.encode() in item else ""
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
    markup = call_macro("tweet_item", _Asking(me), tweet, lambda _: _TIME, main=look == "main", pins=look == "first")
    return _Card(str(markup).split(_TIME), datetime.fromisoformat(shown.created_at))


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
