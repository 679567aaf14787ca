"""Keeping one client's home timeline true: what it was told, against what there is.

A client has the newest part of the timeline: every entry from the oldest it has on, and at least ``limit`` of them, or
all there are. Whatever is read is compared with that, and the difference brings it there again; where a difference
would leave out something in between, the client is told ``gap`` and loads the page itself. Past twice the limit the
older half is let go.
"""

from collections.abc import Collection, Iterable, Mapping

from linnet.domain.timeline import Entry
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.streams import frames
from linnet.read.streams.bookmarks import Bookmark, bookmark_of
from linnet.read.streams.reading import Stretch, read_news, read_top
from linnet.read.views.tweets import edited_at_in

MAX_REPLAYED = 200
"""How many new tweets are sent to a client that comes back; one that missed more is told ``gap``."""


class Following:
    """``watched``: author by tweet, of all tweets that the client sees. ``pulled``: top users whom the reader pulls.
    ``tags``: which the reader follows.

    ``is_deaf``: there was no window when this last looked, so what comes is not signalled. ``edited_at``: by tweet, of
    those that were edited, which edit the client has.
    """

    __slots__ = (
        "_deps",
        "_is_all",
        "_limit",
        "_named",
        "_shown",
        "_viewer_id",
        "edited_at",
        "is_deaf",
        "pulled",
        "tags",
        "watched",
    )

    def __init__(self, deps: ReadDeps, viewer_id: UserId, limit: int) -> None:
        self.watched: dict[int, UserId] = {}
        self.edited_at: dict[int, bytes] = {}
        self.pulled: frozenset[UserId] = frozenset()
        self.tags: tuple[str, ...] = ()
        self.is_deaf = False
        self._deps = deps
        self._viewer_id = viewer_id
        self._limit = limit
        # By entry: the tweet that it shows, which is another one for a retweet.
        self._shown: dict[int, int] = {}
        # The timeline has nothing below the oldest entry.
        self._is_all = False
        self._named: Mapping[TweetId, UserId] = {}

    @property
    def event_id(self) -> str:
        """What the client has."""
        return str(bookmark_of(self._shown))

    @property
    def _floor(self) -> int:
        """The oldest entry; 0 when older ones would have to be told."""
        return 0 if self._is_all else min(self._shown, default=0)

    @property
    def _is_short(self) -> bool:
        return len(self._shown) < self._limit and not self._is_all

    @property
    def _most(self) -> int:
        return 2 * self._limit

    async def begin(self, since: Bookmark | None) -> list[bytes]:
        """From what the client has; if it has nothing, from what there is now, which it loads by itself."""
        if since is None:
            self._settle(await self._read_top(limit=self._limit))
            return []
        above = 0 if since.oldest is None else max(0, since.oldest - 1)
        found = await self._read_top(above=above, limit=MAX_REPLAYED + self._most)
        known = [entry for entry in found.entries if entry.id <= since.newest]
        if since.oldest is None:
            is_known = found.whole or bool(known)
        else:
            is_known = found.whole and bookmark_of(entry.id for entry in known) == since
        if not is_known or len(found.entries) - len(known) > MAX_REPLAYED:
            return self._leap(found if above == 0 else await self._read_top(limit=self._limit))
        self._add(known)
        self._is_all = above == 0 and found.whole
        return await self._filled(self._compare(found, low=since.newest + 1))

    async def look(self, from_id: int) -> list[bytes]:
        """Something changed from an id on; 0: anywhere."""
        if from_id and not self._is_short:
            if from_id < self._floor:
                return []
            news = await read_news(self._deps, self._viewer_id, above=max(1, from_id - 1), limit=self._most)
            if news.whole:
                return await self._filled(self._compare(news, low=from_id))
        if self._is_short:
            return await self._filled([])
        above = max(0, self._floor - 1)
        found = await self._read_top(above=above, limit=self._most + self._limit)
        return await self._filled(self._compare(found, low=above)) if found.whole else self._leap(found)

    async def take_away(self, gone: Collection[int], named: Mapping[TweetId, UserId]) -> list[bytes]:
        """These tweets are gone, and with them all entries that show them; ``named`` are those still watched."""
        lost = {entry_id for entry_id, shown in self._shown.items() if shown in gone or entry_id in gone}
        for entry_id in lost:
            del self._shown[entry_id]
        self.watch(named)
        return await self._filled([frames.gone_frame(self.event_id, sorted(lost.union(gone), reverse=True))])

    def watch(self, named: Mapping[TweetId, UserId]) -> None:
        """Watches these tweets beside those of the timeline."""
        self._named = named
        self._tidy()

    async def _filled(self, parts: list[bytes]) -> list[bytes]:
        """The same, and what is missing below if so much is gone that the page has become short."""
        if not self._is_short:
            return parts
        top = await self._read_top(limit=self._limit)
        low = 0 if top.whole else top.entries[-1].id
        if any(entry_id < low for entry_id in self._shown):
            return [*parts, *self._leap(top)]
        self._is_all = top.whole
        return [*parts, *self._compare(top, low=low)]

    async def _read_top(self, *, above: int = 0, limit: int) -> Stretch:
        return await read_top(self._deps, self._viewer_id, above=above, limit=limit)

    def _compare(self, found: Stretch, *, low: int) -> list[bytes]:
        """What differs from ``low`` on. An event's id is what the client has after it, and before the next one."""
        self._note(found)
        there = set(found.ids)
        lost = sorted((entry_id for entry_id in self._shown if entry_id >= low and entry_id not in there), reverse=True)
        parts: list[bytes] = []
        if lost:
            for entry_id in lost:
                del self._shown[entry_id]
            parts.append(frames.gone_frame(self.event_id, lost))
        new = [(e, item) for e, item in zip(found.entries, found.items, strict=True) if e.id not in self._shown]
        self._add([entry for entry, _ in new])
        self._note_edits(new)
        if lost or len(self._shown) > self._most:
            self._tidy()
        if new:
            parts.append(frames.tweets_frame(self.event_id, [item for _, item in new]))
        return parts

    def _leap(self, top: Stretch) -> list[bytes]:
        """Too much differs: the client loads the page again, and applies what comes from now on."""
        self._settle(top)
        return [frames.gap_frame(self.event_id)]

    def _settle(self, top: Stretch) -> None:
        self._note(top)
        self._shown = {}
        self._add(top.entries[: self._limit])
        self._note_edits(zip(top.entries, top.items, strict=True))
        self._is_all = top.whole and len(top.entries) <= self._limit
        self._tidy()

    def _note(self, found: Stretch) -> None:
        self.pulled, self.tags = found.pulled, found.tags
        self.is_deaf = not found.has_window

    def _add(self, entries: Collection[Entry]) -> None:
        for entry in entries:
            self._shown[entry.id] = entry.original_id or entry.id
            self.watched[entry.id] = entry.author_id
            if entry.original_id:
                self.watched[entry.original_id] = entry.related_author_id

    def doubt_edits(self, tweet_ids: Collection[int]) -> None:
        """Which edit the client has of these is not known."""
        self.edited_at = {some_id: at for some_id, at in self.edited_at.items() if some_id not in tweet_ids}

    def _note_edits(self, told: Iterable[tuple[Entry, bytes]]) -> None:
        """The client has these, or loads them after this."""
        for entry, item in told:
            if edited_at := edited_at_in(item):
                shown = entry.original_id or entry.id
                self.edited_at[shown] = max(edited_at, self.edited_at.get(shown, b""))

    def _tidy(self) -> None:
        """Lets go of what is too much, and of the tweets that it showed."""
        if len(self._shown) > self._most:
            newest = sorted(self._shown, reverse=True)[: self._limit]
            self._shown = {entry_id: self._shown[entry_id] for entry_id in newest}
            self._is_all = False
        kept = {tweet_id: self.watched[tweet_id] for tweet_id in (*self._shown, *self._shown.values())}
        self.watched = dict(self._named.items()) | kept
        if self.edited_at:
            self.edited_at = {
                tweet_id: edited_at for tweet_id, edited_at in self.edited_at.items() if tweet_id in self.watched
            }
