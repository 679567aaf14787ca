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

from linnet.domain.filters import Context
from linnet.read.views.tags import TagView
from linnet.read.views.tweets import TweetView
from linnet.web import times
from linnet.web.asking import Ask
from linnet.web.folding import fold_of, is_filtered
from linnet.web.outlines import Outline, outline_of, place
from linnet.web.templates import call_macro

_KEPT: Final = 4000
_PLACES: Final = frozenset(("/", "/explore", "/notifications", "/messages", "/settings", "/login"))

Look = Literal["listed", "first", "main"]
"""``first``: where a pinned tweet may stand, and says so. ``main``: the one that a page is about."""


class _Me(msgspec.Struct, frozen=True):
    id: str


class _Asking(msgspec.Struct, frozen=True):
    """What the macro needs of whoever asks: nothing that is not the same for all who see this card."""

    me: _Me | None


class _Card:
    """With places for the time since ``then`` and until a poll ``ends``.

    And as it was last shown, for as long as these read the same.
    """

    __slots__ = ("_ends_ms", "_from_ms", "_markup", "_outline", "_then_ms", "_until_ms")

    def __init__(self, outline: Outline, then: datetime, ends: datetime | None) -> None:
        self._outline = outline
        self._then_ms = round(then.timestamp() * 1000)
        self._ends_ms = 0 if ends is None else round(ends.timestamp() * 1000)
        self._from_ms = self._until_ms = 0
        self._markup = b""

    def at(self, now_ms: int) -> bytes:
        if not self._from_ms <= now_ms < self._until_ms:
            words = {"time": times.since_ms(self._then_ms, now_ms).encode()}
            if self._ends_ms:
                words["left"] = times.left_ms(self._ends_ms, now_ms).encode()
            self._markup = self._outline.fill(words)
            # What is said of an age changes with its minutes at the most; a poll ends whole minutes after its tweet,
            # unless an app chose otherwise, and then this is late by less than one.
            self._from_ms, self._until_ms = now_ms, now_ms + 60_000 - (now_ms - self._then_ms) % 60_000
        return self._markup


_tweet = msgspec.json.Decoder(TweetView)


def tweet_cards(
    ask: Ask, items: Sequence[bytes], *, look: Look = "listed", context: Context | None = None
) -> list[Markup]:
    """The markup of tweets that are JSON already, in their order; folded where a filter holds in this context."""
    return [Markup(card.decode()) for card in packed_cards(ask, items, look=look, context=context)]


def packed_cards(
    ask: Ask, items: Sequence[bytes], *, look: Look = "listed", context: Context | None = None
) -> list[bytes]:
    """The same as bytes, for pages that are put together of them."""
    now_ms = ask.services.read.clock.now_ms()
    me_id = "" if ask.me is None else ask.me.id
    mine = b'"id":"%b"' % me_id.encode()
    cards: list[bytes] = []
    for item in items:
        # One's own tweets have another menu. All that JSON says of the author is its id, early in it.
        card = _card_of(item, me_id if me_id and mine in item else "", look, context if is_filtered(item) else None)
        cards.append(card.at(now_ms))
    return cards


@lru_cache(_KEPT)
def _card_of(item: bytes, me_id: str, look: Look, context: Context | None) -> _Card:
    tweet = _tweet.decode(item)
    shown = tweet.retweet_of or tweet
    is_stranger = shown.viewer is None
    me = None if is_stranger else _Me(me_id if shown.author.id == me_id else "")
    time, left = place("time"), place("left")
    markup = call_macro(
        "tweet_item",
        _Asking(me),
        tweet,
        lambda _: time,
        lambda _: left,
        main=look == "main",
        pins=look == "first",
        folded=fold_of(tweet, context),
    )
    ends = datetime.fromisoformat(shown.poll.ends_at) if shown.poll else None
    return _Card(outline_of(markup), datetime.fromisoformat(shown.created_at), ends)


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
