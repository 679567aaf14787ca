"""Pages as clients of the Mastodon API ask for them, and the Link header that says where the next ones are.

``max_id``: what is older. ``since_id``: the newest of what is newer. ``min_id``: what is just above. All are cursors,
of the list's own order, and exclusive; pages stand newest first, whichever way they were asked for.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from linnet.api.answers import Header
from linnet.api.mastodon.endpoints import Call
from linnet.api.mastodon.params import Params
from linnet.domain.timeline import Range
from linnet.ids import MAX_ID
from linnet.read.views.pages import Page, PageView

T = TypeVar("T")

_CURSORS = frozenset(("max_id", "since_id", "min_id", "offset"))


class Wanted(msgspec.Struct, frozen=True):
    """``range`` is what a screen is asked; of what it shows, ``below`` is left (``min_id`` and ``max_id`` at once)."""

    range: Range
    below: int = MAX_ID


def wanted_of(params: Params, *, default: int = 20, most: int = 40) -> Wanted:
    """Cursors that cannot be one are not minded, as elsewhere."""
    limit = params.count("limit", default=default, most=most)
    max_id = params.number("max_id") or MAX_ID
    min_id = params.number("min_id") or 0
    since_id = params.number("since_id") or 0
    if min_id:
        # Upwards from there; what lies beyond max_id is cut off again.
        return Wanted(Range(limit, after=max(min_id, since_id)), max_id)
    # A bound below all ids and one above: not upwards from since_id, but the newest above it.
    before = min(max_id, MAX_ID - 1) if since_id else max_id
    return Wanted(Range(limit, before=before, after=since_id))


async def fetch_page(wanted: Wanted, fetch: Callable[[Range], Awaitable[Page]], ids: Callable[[bytes], int]) -> Page:
    """A screen's page, without what lies beyond both bounds."""
    page = await fetch(wanted.range)
    if wanted.below == MAX_ID:
        return page
    items = [item for item in page.items if ids(item) < wanted.below]
    return Page(items, page.next_id, page.prev_id) if items else Page([], None, None)


def links_of(call: Call, params: Params, *, next_id: int | str | None, prev_id: int | str | None) -> list[Header]:
    """Where the older and the newer ones are: whatever else was asked stays. The older ones come first."""
    kept = [
        (name if len(values) == 1 else f"{name}[]", value)
        for name, values in params.values.items()
        for value in values
        if name not in _CURSORS
    ]
    links = []
    for rel, cursor, some_id in (("next", "max_id", next_id), ("prev", "min_id", prev_id)):
        if some_id is not None:
            links.append(f'<{call.base}{call.here}?{urlencode([*kept, (cursor, str(some_id))])}>; rel="{rel}"')
    return [(b"link", ", ".join(links).encode("latin-1", "replace"))] if links else []


def page_links(call: Call, params: Params, page: Page) -> list[Header]:
    """Of a page of tweets; an empty one leads nowhere."""
    if not page.items:
        return []
    return links_of(call, params, next_id=page.next_id, prev_id=page.prev_id)


def view_links(call: Call, params: Params, page: PageView[T]) -> list[Header]:
    """Of a page of people: the ids are those of the list's rows, and not of the people."""
    if not page.items:
        return []
    return links_of(call, params, next_id=page.next, prev_id=page.prev)


def offset_links(call: Call, params: Params, items: Sequence[object], *, offset: int, limit: int) -> list[Header]:
    """Of what is paged by places."""
    kept = [(name, value) for name, values in params.values.items() for value in values if name != "offset"]
    links = []
    if len(items) == limit:
        links.append(f'<{call.base}{call.here}?{urlencode([*kept, ("offset", str(offset + limit))])}>; rel="next"')
    if offset:
        before = max(offset - limit, 0)
        links.append(f'<{call.base}{call.here}?{urlencode([*kept, ("offset", str(before))])}>; rel="prev"')
    return [(b"link", ", ".join(links).encode("latin-1", "replace"))] if links else []
