"""A reader's home timeline as a stream compares it: read by the code that every page is read by."""

import msgspec

from linnet.domain.timeline import Entry, Range
from linnet.ids import MAX_ID, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hydration.entries import hydrate
from linnet.read.timelines.home import HomeRead, read_home


class Stretch(msgspec.Struct, frozen=True):
    """Part of a timeline, newest first, with the tweets as JSON.

    ``whole``: nothing was left out for want of room. ``pulled`` are the top users whom the reader pulls, ``tags``
    the tags that they follow.
    ``has_window``: what comes after this is pushed to the reader's window, and so is signalled.
    """

    entries: list[Entry]
    items: list[bytes]
    whole: bool
    pulled: frozenset[UserId]
    tags: tuple[str, ...]
    has_window: bool

    @property
    def ids(self) -> list[int]:
        return [entry.id for entry in self.entries]


async def read_top(deps: ReadDeps, viewer_id: UserId, *, above: int, limit: int) -> Stretch:
    """The newest ``limit`` tweets with ids above one (0: of all). Tweets that are gone are not among them."""
    entries: list[Entry] = []
    items: list[bytes] = []
    # With an upper bound, too: a range with nothing but a lower one is read from there up.
    rest = Range(limit, MAX_ID - 1, above) if above else Range(limit)
    while True:
        found = await read_home(deps, viewer_id, rest)
        await _keep(deps, viewer_id, found, entries, items)
        if not found.skeleton.more or len(entries) >= limit:
            return Stretch(entries, items, not found.skeleton.more, found.pulled, found.tags, found.has_window)
        rest = Range(limit - len(entries), found.skeleton.reached, above)


async def read_news(deps: ReadDeps, viewer_id: UserId, *, above: int, limit: int) -> Stretch:
    """What is above an id (not 0), cheaper than ``read_top`` when that is little. Not ``whole``: there is more."""
    entries: list[Entry] = []
    items: list[bytes] = []
    found = await read_home(deps, viewer_id, Range(limit, after=above))
    await _keep(deps, viewer_id, found, entries, items)
    return Stretch(entries, items, not found.skeleton.more, found.pulled, found.tags, found.has_window)


async def _keep(deps: ReadDeps, viewer_id: UserId, found: HomeRead, entries: list[Entry], items: list[bytes]) -> None:
    """Adds those that are there."""
    read = found.skeleton.entries
    hydrated = await hydrate(deps, viewer_id, read, surface="home", known_marks=found.skeleton.marks)
    for entry, item in zip(read, hydrated, strict=True):
        if item is not None:
            entries.append(entry)
            items.append(item)
