"""The newest tweets of top users, kept in the process for all readers who pull them.

For each author the process holds every tweet above a *floor*. News come by a signal from who handles the tweet; what a
lost signal would have said is read within a second. Below the floor the truth is asked, and the floor goes down.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection

import msgspec

from linnet.clock import Clock
from linnet.domain.timeline import Entry
from linnet.ids import MAX_ID, UserId, first_id_at
from linnet.stores.postgres import tweets
from linnet.stores.postgres.pool import Database


class PulledOptions(msgspec.Struct, frozen=True):
    """``fresh_seconds``: how old the knowledge may be that there is nothing new.

    ``overlap_seconds``: how far below the newest known tweet the truth is read again, for tweets that commit late.
    """

    fresh_seconds: float = 1.0
    first_days: float = 2.0
    overlap_seconds: float = 60.0
    max_entries_per_author: int = 1000
    max_authors: int = 20_000
    page_size: int = 5000


_NEVER = float("-inf")


class _Author:
    """Every committed tweet with an id above ``floor`` is in ``entries``, as of ``checked``."""

    __slots__ = ("checked", "entries", "floor", "ids")

    def __init__(self) -> None:
        self.ids: list[int] = []  # ascending
        self.entries: dict[int, Entry] = {}
        self.floor = MAX_ID
        self.checked = _NEVER

    def add(self, entry: Entry) -> None:
        if entry.id not in self.entries:
            insort(self.ids, entry.id)
            self.entries[entry.id] = entry

    def between(self, after_id: int, before_id: int, limit: int) -> list[Entry]:
        """The newest ``limit`` between two ids (both exclusive), in no promised order."""
        first, last = bisect_right(self.ids, after_id), bisect_left(self.ids, before_id)
        return [self.entries[entry_id] for entry_id in self.ids[max(first, last - limit) : last]]

    def keep_newest(self, count: int) -> None:
        """Gives memory back; the floor goes up."""
        dropped, self.ids = self.ids[:-count], self.ids[-count:]
        for entry_id in dropped:
            del self.entries[entry_id]
        if dropped:
            self.floor = max(self.floor, dropped[-1])


class PulledAuthors:
    """One per process."""

    def __init__(self, db: Database, clock: Clock, options: PulledOptions) -> None:
        self._db = db
        self._clock = clock
        self._options = options
        self._authors: dict[UserId, _Author] = {}
        self._lock = asyncio.Lock()

    async def fetch(self, author_ids: Collection[UserId], *, after_id: int, before_id: int, limit: int) -> list[Entry]:
        """The newest ``limit`` tweets of these authors between two ids (both exclusive), newest first."""
        if not author_ids:
            return []
        await self._ensure(author_ids, after_id)
        found: list[Entry] = []
        for author_id in author_ids:
            found += self._authors[author_id].between(after_id, before_id, limit)
        found.sort(key=_by_id, reverse=True)
        return found[:limit]

    def note(self, entry: Entry) -> None:
        """A tweet was posted: known at once to those who pull its author."""
        author = self._authors.get(entry.author_id)
        if author is not None:
            author.add(entry)

    def forget_all(self) -> None:
        """Signals were missed: what is held is read again before it is believed."""
        for author in self._authors.values():
            author.checked = _NEVER

    async def _ensure(self, author_ids: Collection[UserId], after_id: int) -> None:
        """Makes sure that everything above ``after_id`` is known, as of a second ago at most."""
        if self._ready(author_ids, after_id):
            return
        # One at a time: those who wait find the work done.
        async with self._lock:
            if not self._ready(author_ids, after_id):
                await self._refresh(author_ids)
                await self._deepen(author_ids, after_id)

    def _ready(self, author_ids: Collection[UserId], after_id: int) -> bool:
        oldest = self._clock.steady_seconds() - self._options.fresh_seconds
        authors = self._authors
        for author_id in author_ids:
            author = authors.get(author_id)
            if author is None or author.checked < oldest or author.floor > after_id:
                return False
        return True

    async def _refresh(self, author_ids: Collection[UserId]) -> None:
        """Reads what is new of those whose time is up, and the first stretch of those never read."""
        now = self._clock.steady_seconds()
        if len(self._authors) > self._options.max_authors:
            # Readers do not suspend between _ensure and their reading, so nobody is in the middle of these.
            self._authors = {}
        overlap_from = first_id_at(self._clock.now_ms() - round(self._options.overlap_seconds * 1000))
        stale: list[UserId] = []
        unread: list[UserId] = []
        for author_id in author_ids:
            author = self._authors.setdefault(author_id, _Author())
            if author.checked < now - self._options.overlap_seconds / 2:
                # Not read for so long that the overlap may not cover the time since.
                unread.append(author_id)
            elif author.checked < now - self._options.fresh_seconds:
                stale.append(author_id)
        if stale:
            await self._read(stale, after_id=overlap_from, before_id=MAX_ID, checked=now)
        if unread:
            first = first_id_at(self._clock.now_ms() - round(self._options.first_days * 86_400_000))
            for author_id in unread:
                self._authors[author_id].floor = MAX_ID
            await self._read(unread, after_id=first, before_id=MAX_ID, checked=now)
        for author_id in author_ids:
            author = self._authors[author_id]
            if len(author.ids) > 2 * self._options.max_entries_per_author:
                author.keep_newest(self._options.max_entries_per_author)

    async def _deepen(self, author_ids: Collection[UserId], after_id: int) -> None:
        """Brings the floors down to ``after_id``."""
        while above := [author_id for author_id in author_ids if self._authors[author_id].floor > after_id]:
            ceiling = max(self._authors[author_id].floor for author_id in above)
            await self._read(above, after_id=after_id, before_id=ceiling + 1, checked=None)

    async def _read(self, author_ids: list[UserId], *, after_id: int, before_id: int, checked: float | None) -> None:
        entries = await tweets.fetch_by_authors(
            self._db, author_ids, after_id=after_id, before_id=before_id, page_size=self._options.page_size
        )
        # A full page ends where it ends: below its last tweet nothing is known yet.
        reached = entries[-1].id - 1 if len(entries) == self._options.page_size else after_id
        for entry in entries:
            self._authors[entry.author_id].add(entry)
        for author_id in author_ids:
            author = self._authors[author_id]
            if checked is None:
                author.floor = min(author.floor, reached)
            else:
                # From the top: what lies between a full page and the old floor may have changed unseen.
                author.floor = reached if reached > after_id else min(author.floor, reached)
                author.checked = checked


def _by_id(entry: Entry) -> int:
    return entry.id
