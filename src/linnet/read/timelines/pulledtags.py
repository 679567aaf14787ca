"""The newest tweets of followed tags, kept in the process for all readers who follow them.

Nothing is pushed for a tag: whoever follows it pulls it. Of each tag that was asked for lately the process holds the
newest tweets as they were a second ago at most, read whole each time: a tag's tweets change in the middle too, when
events come late, when a tweet is edited or deleted. Below what is held the truth is asked, for just what a page needs.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping

import msgspec

from linnet.clock import Clock
from linnet.domain.timeline import Entry, Range
from linnet.ids import MAX_ID, TweetId, UserId
from linnet.stores.postgres import tags as store
from linnet.stores.postgres.pool import Database

_NEVER = float("-inf")


class PulledTagsOptions(msgspec.Struct, frozen=True):
    """``fresh_seconds``: how old what is held of a tag may be. ``held``: tweets of each tag; four pages."""

    fresh_seconds: float = 1.0
    held: int = 64
    max_tags: int = 20_000


class HeldTag:
    """Every tweet of a tag with an id above ``floor`` is in ``entries``, oldest first, as of ``checked``."""

    __slots__ = ("checked", "entries", "floor", "ids", "packed")

    def __init__(self) -> None:
        self.packed: str | None = None
        self.entries: list[Entry] = []
        self.ids: list[TweetId] = []
        self.floor = MAX_ID
        self.checked = _NEVER

    def hold(self, packed: str, *, most: int, checked: float) -> None:
        """``packed``: the newest ``most``, newest first; fewer: that is all there are."""
        self.checked = checked
        if packed == self.packed:
            return
        self.packed = packed
        self.entries = store.unpack_uses(packed)[::-1]
        self.ids = [entry.id for entry in self.entries]
        self.floor = self.ids[0] - 1 if len(self.ids) == most else 0

    def find(self, wanted: Range) -> list[Entry] | None:
        """What the tag has in a range, up to the range's limit; None when more would have to be known for that."""
        if not self.ids:
            return []
        first, last = bisect_right(self.ids, wanted.after), bisect_left(self.ids, wanted.before)
        if wanted.ascending:
            return self.entries[first : first + wanted.limit] if self.floor <= wanted.after else None
        if self.floor <= wanted.after or last - first >= wanted.limit:
            return self.entries[max(first, last - wanted.limit) : last]
        return None


class PulledTags:
    """One per process.

    ``readers``: which tags somebody followed at their last page here. A guess, for what is asked along with the next.
    """

    def __init__(self, db: Database, clock: Clock, options: PulledTagsOptions) -> None:
        self._db = db
        self._clock = clock
        self._options = options
        self.readers: dict[UserId, tuple[str, ...]] = {}
        self._tags: dict[str, HeldTag] = {}
        self._lock = asyncio.Lock()

    async def fetch(self, tags: Collection[str], wanted: Range) -> list[Entry]:
        """A page of what carries any of these tags, newest first, each once. Whoever wrote it: that is the caller's."""
        # Where all that is wanted lies below what is held, it need not be known what is new.
        may_hold = {tag for tag in tags if (old := self._tags.get(tag)) is None or wanted.before > old.floor}
        await self._refresh(tags if wanted.ascending else may_hold)
        # All may be forgotten at any moment.
        parts = [held.find(wanted) if (held := self._tags.get(tag)) is not None else None for tag in tags]
        entries = [entry for part in parts if part for entry in part]
        deeper = [tag for tag, part in zip(tags, parts, strict=True) if part is None]
        if deeper:
            entries += await store.fetch_of_each(self._db, deeper, wanted)
        by_id = {entry.id: entry for entry in entries}
        ids = sorted(by_id, reverse=True)
        ids = ids[-wanted.limit :] if wanted.ascending else ids[: wanted.limit]
        return [by_id[entry_id] for entry_id in ids]

    async def fetch_held(self, tags: Collection[str]) -> Mapping[str, HeldTag]:
        """What is held of these tags, a second old at most."""
        await self._refresh(tags)
        return {tag: held for tag in tags if (held := self._tags.get(tag)) is not None}

    def note_reader(self, reader_id: UserId, tags: tuple[str, ...]) -> None:
        """Somebody follows these tags, and was just here."""
        if len(self.readers) > self._options.max_tags:
            self.readers = {}
        self.readers[reader_id] = tags

    def likely(self, reader_id: UserId, wanted: Range) -> tuple[TweetId, ...]:
        """Tweets of tags that may well stand on a reader's page, as far as they are held."""
        held = [held for tag in self.readers[reader_id] if (held := self._tags.get(tag)) is not None]
        if wanted.before == MAX_ID and not wanted.after:
            ids = {some_id for one in held for some_id in one.ids[-wanted.limit :]}
        else:
            ids = {entry.id for one in held for entry in one.find(wanted) or ()}
        return tuple(sorted(ids, reverse=True)[: wanted.limit])

    def forget_all(self) -> None:
        """As a process that has just started."""
        self._tags = {}

    def _stale(self, tags: Collection[str]) -> list[str]:
        oldest = self._clock.steady_seconds() - self._options.fresh_seconds
        held = self._tags
        return [tag for tag in tags if tag not in held or held[tag].checked < oldest]

    async def _refresh(self, tags: Collection[str]) -> None:
        if not self._stale(tags):
            return
        # One at a time: those who wait find the work done.
        async with self._lock:
            if len(self._tags) > self._options.max_tags:
                # Readers do not suspend between this and their reading, so nobody is in the middle of these.
                self._tags = {}
            stale = self._stale(tags)
            if not stale:
                return
            now, most = self._clock.steady_seconds(), self._options.held
            found = await store.fetch_packed(self._db, stale, page_size=most)
            for tag in stale:
                self._tags.setdefault(tag, HeldTag()).hold(found[tag], most=most, checked=now)
