"""What filters do on pages: what matches one that warns is folded, what matches one that hides is left out.

A screen gives each tweet with the viewer's filters that it matches (``read/hydration/filters.py``). Which of them hold
hangs on the page. Where much is hidden the page is filled up from below, so that it is no shorter for it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from linnet.domain.filters import Context
from linnet.domain.timeline import Range
from linnet.read.views.filters import FilterMatchView
from linnet.read.views.pages import Page
from linnet.read.views.tweets import TweetView

# How often a page is filled up, with how many at a time, before it is shown short, with a link to go on.
_MAX_FILLS: Final = 20
_MOST_AT_ONCE: Final = 100
# A tweet's JSON ends so where filters match, and nowhere else.
_FILTERED_END: Final = b"]}"


class _Filtered(msgspec.Struct, frozen=True):
    filtered: list[FilterMatchView] = []


_filtered = msgspec.json.Decoder(_Filtered)


def is_filtered(item: bytes) -> bool:
    """Whether a tweet that is JSON matches any filter, wherever that holds."""
    return item.endswith(_FILTERED_END)


def fold_of(tweet: TweetView, context: Context | None) -> str:
    """The title of the filter for which a tweet is folded there; nothing when it is not."""
    if context is None or tweet.filtered is msgspec.UNSET:
        return ""
    return next((match.filter.title for match in tweet.filtered if context in match.filter.contexts), "")


def is_hidden(item: bytes, context: Context) -> bool:
    """Whether a filter that hides holds there."""
    if not is_filtered(item):
        return False
    matches = _filtered.decode(item).filtered
    return any(match.filter.action == "hide" and context in match.filter.contexts for match in matches)


def drop_filtered(items: Sequence[bytes], context: Context) -> Sequence[bytes]:
    """Without what matches any filter that holds there: for what stands beside a page, and need not."""
    return [
        item
        for item in items
        if not is_filtered(item)
        or not any(context in match.filter.contexts for match in _filtered.decode(item).filtered)
    ]


async def visible_page(fetch: Callable[[Range], Awaitable[Page]], wanted: Range, context: Context) -> Page:
    """A page going down, without what is hidden there. It may be somewhat longer than was asked for."""
    page = await fetch(wanted)
    items = [item for item in page.items if not is_hidden(item, context)]
    if len(items) == len(page.items):
        return page
    first = page
    for _ in range(_MAX_FILLS):
        if len(items) >= wanted.limit or page.next_id is None:
            break
        page = await fetch(Range(_MOST_AT_ONCE if not items else wanted.limit, before=page.next_id))
        items += [item for item in page.items if not is_hidden(item, context)]
    return Page(items, page.next_id, first.prev_id, first.beside)
