"""One open stream: what it was told to look at, and what it says to its client.

Signals only leave marks, from any part of the process and at any time. The next chunk is made from the marks: what they
say has changed is read and compared with what the client was told. So nothing waits in a queue: with a client that is
slow, or a process that is busy, differences become larger and fewer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager

import msgspec
import structlog

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry
from linnet.errors import Unavailable
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hiding import drop_unmet
from linnet.read.hydration.entries import hydrate
from linnet.read.hydration.viewers import Viewer
from linnet.read.streams import frames
from linnet.read.streams.bookmarks import Bookmark
from linnet.read.streams.following import Following
from linnet.read.timelines.notifications import unread_screen
from linnet.read.views.tweets import counts_json, edited_at_in
from linnet.stores.postgres import notifications, tweets
from linnet.stores.valkey.connection import ValkeyReplyError

log = structlog.get_logger()

MAX_WATCHED = 100
"""How many tweets a client may name."""


class StreamWish(msgspec.Struct, frozen=True):
    """What a client asks for.

    ``since`` is what it has, None: nothing yet. ``limit`` is of the page that it applies events to. ``watched`` are
    other tweets that it shows, at most ``MAX_WATCHED``, to be told of their counts and when they are gone.
    """

    since: Bookmark | None = None
    limit: int = 15
    watched: tuple[TweetId, ...] = ()


class Stream(AsyncIterator[bytes]):
    """Chunks of server-sent events, until ``end``. Made and begun by ``Streams.open``."""

    __slots__ = (
        "_changed_meanwhile",
        "_counts",
        "_deps",
        "_edited",
        "_first",
        "_from_id",
        "_gone",
        "_last_words",
        "_look_again",
        "_named",
        "_news",
        "_pause_seconds",
        "_reads",
        "_waiting",
        "_wants_beat",
        "_wants_counts",
        "_wants_unread",
        "checked_at",
        "following",
        "has_ended",
        "has_failed",
        "viewer",
        "written_at",
    )

    def __init__(
        self,
        deps: ReadDeps,
        viewer: Viewer,
        *,
        limit: int,
        pause_seconds: float,
        reads: asyncio.Semaphore,
        look_again: Callable[[Iterable[int]], None],
    ) -> None:
        """``look_again`` takes tweets that changed while the stream was reading, perhaps just after it read them."""
        now = deps.clock.steady_seconds()
        self.viewer = viewer
        self.following = Following(deps, viewer.user_id, limit)
        self.written_at = now
        self.checked_at = now
        self.has_ended = False
        # A store was away: somebody has to say when to try again.
        self.has_failed = False
        self._deps = deps
        self._pause_seconds = pause_seconds
        self._reads = reads
        self._look_again = look_again
        self._named: dict[TweetId, UserId] = {}
        self._news: tuple[int, int] | None = None
        self._first = b""
        self._last_words = b""
        # Marks.
        self._from_id: int | None = None
        self._wants_unread = False
        self._wants_counts = False
        self._wants_beat = False
        self._gone: set[int] = set()
        self._counts: dict[int, bytes] = {}
        self._edited: dict[int, bytes] = {}
        self._changed_meanwhile: set[int] | None = None
        self._waiting: asyncio.Future[None] | None = None

    # Marks

    def mark(self, from_id: int | None, *, unread: bool = False) -> None:
        """The home timeline changed from an id on (0: anywhere; None: not at all), or the unread notifications."""
        if from_id is not None:
            self._from_id = from_id if self._from_id is None else min(self._from_id, from_id)
        self._wants_unread |= unread
        self._wake()

    def mark_all(self) -> None:
        """Something may have been missed."""
        self._wants_counts = True
        self.mark(0, unread=True)

    def find_changed(self, tweet_ids: Set[int]) -> dict[int, UserId]:
        """Which of these the client sees, and who wrote them."""
        if self._changed_meanwhile is not None:
            self._changed_meanwhile.update(tweet_ids)
        watched = self.following.watched
        # By the smaller of the two: a process hears of everybody's tweets, and asks each of its streams.
        return {tweet_id: watched[tweet_id] for tweet_id in watched.keys() & tweet_ids}

    def mark_tweets(self, gone: Collection[int], counts: Mapping[int, bytes], edited: Mapping[int, bytes]) -> None:
        """Tweets that the client sees are gone, have other counts, or were edited then."""
        self._gone.update(gone)
        self._counts.update(counts)
        self._mark_edited(edited)
        if gone or counts or self._edited:
            self._wake()

    def _mark_edited(self, edited: Mapping[int, bytes]) -> None:
        has = self.following.edited_at
        self._edited.update({some_id: at for some_id, at in edited.items() if at > has.get(some_id, b"")})

    def beat(self) -> None:
        """It is long since anything was said."""
        self._wants_beat = True
        self._wake()

    def end(self, last_words: bytes = b"") -> None:
        """Gives the last words, if there are any, and then no more."""
        self.has_ended = True
        self._last_words = self._last_words or last_words
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def _wait(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    @property
    def _has_marks(self) -> bool:
        return bool(
            self._from_id is not None
            or self._wants_unread
            or self._wants_counts
            or self._wants_beat
            or self._gone
            or self._counts
            or self._edited
            or self.has_ended
        )

    @property
    def is_at_rest(self) -> bool:
        """Nothing is marked, and the client has taken whatever there was."""
        return self._waiting is not None and not self._waiting.done() and not self._has_marks

    # What the client gets

    async def begin(self, wish: StreamWish, *, retry_ms: int) -> None:
        """Reads what there is, and makes the first chunk. Raises ``Unavailable``."""
        async with self._reads:
            with self._noting_changes():
                parts = [frames.retry(retry_ms)]
                parts += await self.following.begin(wish.since)
                if wish.watched:
                    await self._name(wish.watched)
                    # These were loaded before, whatever else begins now.
                    self.following.doubt_edits(self._named)
                    # Said at once: whoever only glances hears nothing after this.
                    if self._gone:
                        parts += await self._take_away()
                if wish.since is not None or wish.watched:
                    parts += await self._recount()
                    parts += await self._tell_edits()
                parts += await self._count_unread()
        self._first = b"".join(parts)

    async def __anext__(self) -> bytes:
        """What is new, as soon as something is."""
        if self._first:
            chunk, self._first = self._first, b""
            return chunk
        chunk = b""
        while not chunk and not self.has_ended:
            if not self._has_marks:
                await self._wait()
            pause = self.written_at + self._pause_seconds - self._deps.clock.steady_seconds()
            if pause > 0 and not self.has_ended:
                # Whatever comes so soon after something else is gathered, and read and said at once.
                await asyncio.sleep(pause)
            if not self.has_ended:
                chunk = await self._compose()
        if self.has_ended:
            chunk, self._last_words = self._last_words, b""
            if not chunk:
                raise StopAsyncIteration
        self.written_at = self._deps.clock.steady_seconds()
        return chunk

    async def _compose(self) -> bytes:
        """What the marks come to. What cannot be read now stays marked."""
        from_id, self._from_id = self._from_id, None
        wants_unread, self._wants_unread = self._wants_unread, False
        wants_counts, self._wants_counts = self._wants_counts, False
        wants_beat, self._wants_beat = self._wants_beat, False
        parts: list[bytes] = []
        try:
            async with self._reads:
                with self._noting_changes():
                    if from_id is not None:
                        parts += await self.following.look(from_id)
                        if from_id == 0 and self._named:
                            await self._name(list(self._named))
                    if self._gone:
                        parts += await self._take_away()
                    if wants_counts:
                        parts += await self._recount()
                    elif self._counts:
                        parts += self._tell_counts()
                    if self._edited:
                        parts += await self._tell_edits()
                    if wants_unread:
                        parts += await self._count_unread()
        except (Unavailable, ValkeyReplyError) as error:
            log.debug("a stream cannot be told now", cause=str(error))
            self.mark(from_id, unread=wants_unread)
            self._wants_counts |= wants_counts
            self.has_failed = True
            if not parts:
                await self._wait()
        if wants_beat and not parts:
            parts.append(frames.BEAT)
        return b"".join(parts)

    @contextmanager
    def _noting_changes(self) -> Iterator[None]:
        self._changed_meanwhile = set()
        try:
            yield
        finally:
            changed, self._changed_meanwhile = self._changed_meanwhile, None
            if changed:
                self._look_again(changed)

    # Tweets by themselves, and notifications

    async def _name(self, tweet_ids: Collection[TweetId]) -> None:
        """Watches those of the named tweets that the viewer may see; the others are as good as gone."""
        refs = await tweets.fetch_refs(self._deps.db, tweet_ids)
        entries = [Entry(ref.tweet_id, ref.author_id) for ref in refs]
        seen = await drop_unmet(self._deps, self.viewer.user_id, entries, surface="tweet")
        shown = await hydrate(self._deps, self.viewer.user_id, seen, surface="tweet", marks="none")
        self._named = {entry.id: entry.author_id for entry, item in zip(seen, shown, strict=True) if item is not None}
        self.following.watch(self._named)
        self._gone.update(tweet_id for tweet_id in tweet_ids if tweet_id not in self._named)

    async def _take_away(self) -> list[bytes]:
        gone, self._gone = self._gone, set()
        self._named = {tweet_id: author_id for tweet_id, author_id in self._named.items() if tweet_id not in gone}
        return await self.following.take_away(gone, self._named)

    async def _recount(self) -> list[bytes]:
        """The counts of everything that the client sees."""
        watched = self.following.watched
        refs = [TweetRef(author_id, TweetId(tweet_id)) for tweet_id, author_id in watched.items()]
        for tweet_id, found in (await self._deps.tweets.fetch(refs)).items():
            if (counts := counts_json(found)) is not None:
                self._counts[tweet_id] = counts
            if edited_at := edited_at_in(found.tail):
                self._mark_edited({tweet_id: edited_at})
        return self._tell_counts()

    async def _tell_edits(self) -> list[bytes]:
        """What edited tweets say now. One that is not for the viewer any more is as good as gone."""
        edited, self._edited = self._edited, {}
        watched = self.following.watched
        entries = [Entry(TweetId(some_id), watched[some_id]) for some_id in sorted(edited) if some_id in watched]
        try:
            seen = await drop_unmet(self._deps, self.viewer.user_id, entries, surface="tweet")
            items = await hydrate(self._deps, self.viewer.user_id, seen, surface="tweet")
        except BaseException:
            self._edited = edited | self._edited
            raise
        told = {entry.id: item for entry, item in zip(seen, items, strict=True) if item is not None}
        self.following.edited_at |= {tweet_id: edited_at_in(item) for tweet_id, item in told.items()}
        parts = [frames.edited_frame(self.following.event_id, list(told.values()))] if told else []
        self._gone.update(entry.id for entry in entries if entry.id not in told)
        return parts + (await self._take_away() if self._gone else [])

    def _tell_counts(self) -> list[bytes]:
        told, self._counts = self._counts, {}
        counts = [(tweet_id, told[tweet_id]) for tweet_id in sorted(told, reverse=True)]
        counts = [(tweet_id, json) for tweet_id, json in counts if tweet_id in self.following.watched]
        return [frames.counts_frame(self.following.event_id, counts)] if counts else []

    async def _count_unread(self) -> list[bytes]:
        # The newest is read first: what comes between the two is signalled, and changes it again.
        newest_id = await notifications.find_newest(self._deps.db, self.viewer.user_id)
        unread = (await unread_screen(self._deps, self.viewer.user_id)).unread_count
        if (unread, newest_id) == self._news:
            return []
        self._news = unread, newest_id
        return [frames.notifications_frame(self.following.event_id, unread, newest_id)]
