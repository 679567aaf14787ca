"""Pages that are full: what rules or hydration drop is made up for, as long as there is more."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from itertools import chain, islice

import msgspec

from linnet.domain.timeline import Entry, Range
from linnet.domain.visibility import Surface
from linnet.ids import MAX_ID, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hiding import drop_unmet
from linnet.read.hydration.entries import hydrate
from linnet.read.views.pages import Page

# Their pages are made without whom the viewer keeps away.
_SIEVED: frozenset[Surface] = frozenset(("home", "list"))
# Where nearly all is hidden a page asks for more and more at a time, up to so much.
_MOST_ASKED = 480


class Skeleton(msgspec.Struct, frozen=True):
    """Entries of a timeline in the asked range, newest first, before hydration.

    ``more``: there are entries beyond the last one (the first one, when the range ascends). ``reached`` is the id down
    (up) to which everything was looked at, which may lie beyond the entries when rules dropped some. A list whose order
    is not that of its tweets' ids says in ``places`` by which id each stands there: cursors are of that order.
    ``marks`` are those that came along, as ``hydrate`` takes them.
    """

    entries: list[Entry]
    more: bool
    reached: int
    places: Mapping[int, int] = {}
    marks: Mapping[int, int] = {}

    def place_of(self, entry: Entry) -> int:
        return self.places.get(entry.id, entry.id)


async def fill_page(
    deps: ReadDeps,
    viewer_id: UserId | None,
    wanted: Range,
    fetch: Callable[[Range], Awaitable[Skeleton]],
    *,
    surface: Surface,
    met: Set[UserId] = frozenset(),
    beside: Callable[[list[Entry]], Sequence[list[Entry]]] | None = None,
) -> Page:
    """A page of ``wanted.limit`` items, fewer only where the timeline ends.

    Whom the viewer is not to meet on ``surface`` is left out here, unless they are in ``met``; home timelines and lists
    have seen to that themselves. ``beside`` says, given the page's entries, what lists are to be shown beside them:
    they are hydrated with them, so that they cost no round trip, and what is gone of them is left out.
    """
    items: list[bytes] = []
    newest: int | None = None
    oldest: int | None = None
    items_beside: list[list[bytes]] = []
    more = True
    rest = wanted
    while more and len(items) < wanted.limit:
        skeleton = await fetch(rest)
        more = skeleton.more
        entries, reached = skeleton.entries, skeleton.reached
        if surface not in _SIEVED:
            entries = await drop_unmet(deps, viewer_id, entries, surface=surface, met=met)
        missing = wanted.limit - len(items)
        if len(entries) > missing:
            entries = entries[-missing:] if wanted.ascending else entries[:missing]
            more, reached = True, skeleton.place_of(entries[0] if wanted.ascending else entries[-1])
        if beside is None:
            hydrated = await hydrate(deps, viewer_id, entries, surface=surface, known_marks=skeleton.marks)
        else:
            lists = beside(entries)
            together = [*entries, *chain.from_iterable(lists)]
            hydrated = await hydrate(deps, viewer_id, together, surface=surface, known_marks=skeleton.marks)
            rest_of_items = iter(hydrated[len(entries) :])
            items_beside = [_there(islice(rest_of_items, len(one))) for one in lists]
            hydrated, beside = hydrated[: len(entries)], None
        found = _there(hydrated)
        if len(found) < len(entries):
            entries = [entry for entry, item in zip(entries, hydrated, strict=True) if item is not None]
        if entries:
            if newest is None or wanted.ascending:
                newest = skeleton.place_of(entries[0])
            if oldest is None or not wanted.ascending:
                oldest = skeleton.place_of(entries[-1])
        items = found + items if wanted.ascending else items + found
        missing -= len(found)
        asked = max(missing, min(2 * rest.limit, _MOST_ASKED)) if 2 * len(found) < rest.limit else missing
        rest = Range(asked, MAX_ID, reached) if wanted.ascending else Range(asked, reached, wanted.after)
    if not items:
        return Page([], None, wanted.after if wanted.ascending else None, items_beside)
    # Going up there is always more below: the page began there.
    has_older = more or wanted.ascending
    return Page(items, oldest if has_older else None, newest, items_beside)


def _there(hydrated: Iterable[bytes | None]) -> list[bytes]:
    # No item is empty.
    return list(filter(None, hydrated))


def skeleton_of(entries: list[Entry], wanted: Range) -> Skeleton:
    """From a query that was asked for one entry more than wanted, and may not have looked at ``wanted.after``."""
    entries = [entry for entry in entries if entry.id > wanted.after]
    more = len(entries) > wanted.limit
    if wanted.ascending:
        shown = entries[-wanted.limit :]
        return Skeleton(shown, more, shown[0].id if shown else wanted.after)
    shown = entries[: wanted.limit]
    return Skeleton(shown, more, shown[-1].id if shown else 0)


def one_more(wanted: Range) -> Range:
    """Asks for one entry more, to know whether there is more."""
    return Range(wanted.limit + 1, wanted.before, wanted.after)
