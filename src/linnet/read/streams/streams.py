"""All open streams of one process: how many there may be, and who hears what.

Two things are heard: this process's own channel (``stores/valkey/live.py``), and the changes that every process hears.
What neither says is found by looking (``rounds.py``).
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import structlog
from prometheus_client import Gauge

from linnet.domain.timeline import unpack_entry
from linnet.errors import StreamsFull, TooManyStreams, Unavailable
from linnet.ids import UserId, random_bytes
from linnet.read.deps import ReadDeps
from linnet.read.hydration.viewers import Viewer
from linnet.read.streams import frames
from linnet.read.streams.rounds import OpenStreams, RoundOptions, Rounds
from linnet.read.streams.stream import Stream, StreamWish
from linnet.stores.valkey.changes import Change
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.stores.valkey.live import LiveReaders, decode_told

log = structlog.get_logger()

OPEN = Gauge("linnet_streams", "Open streams.", multiprocess_mode="livesum")

_FIRST_RETRY_MS, _RETRY_SPREAD_MS = 1000, 4000


class StreamOptions(msgspec.Struct, frozen=True):
    """``most_per_user`` and ``most_per_process`` are how many may be open at once in one process.

    A client that has not taken a write after ``send_seconds`` is dropped; between two writes to one client lie
    ``pause_seconds``. At most ``reads_at_once`` streams read at a time, so that other requests have their turn.
    """

    most_per_user: int = 10
    most_per_process: int = 10_000
    send_seconds: float = 20.0
    pause_seconds: float = 0.25
    reads_at_once: int = 32
    rounds: RoundOptions = RoundOptions()


class Streams:
    """One per process."""

    def __init__(self, deps: ReadDeps, live: LiveReaders, options: StreamOptions) -> None:
        self.options = options
        self._deps = deps
        self._live = live
        # Beyond all ids, so that it is nobody's.
        self._process = b"\xff" + random_bytes(7)
        self._open = OpenStreams(deps.keys.part_of)
        self.rounds = Rounds(deps, live, self._process, self._open, options.rounds)
        self._reads = asyncio.Semaphore(options.reads_at_once)
        self._has_stopped = False

    @property
    def channels(self) -> list[bytes]:
        """Where this process is told; what is said there goes to ``on_told``."""
        keys = self._deps.keys
        return [keys.live_channel(self._process, part) for part in keys.parts]

    @property
    def count(self) -> int:
        """How many are open."""
        return self._open.count

    async def open(self, viewer: Viewer, wish: StreamWish) -> Stream:
        """A stream that has begun; ``close`` must follow.

        Raises ``TooManyStreams``, ``StreamsFull``, or ``Unavailable`` when nothing can be read.
        """
        if self._has_stopped or self._open.count >= self.options.most_per_process:
            raise StreamsFull
        if len(self._open.of(viewer.user_id)) >= self.options.most_per_user:
            raise TooManyStreams
        stream = self._make(viewer, wish)
        self._open.add(stream)
        OPEN.inc()
        try:
            # Entered first, then read: what comes in between is signalled.
            await self._enter(viewer.user_id)
            await stream.begin(wish, retry_ms=_drawn_retry_ms())
        except BaseException:
            self.close(stream)
            raise
        return stream

    async def glance(self, viewer: Viewer, wish: StreamWish) -> bytes:
        """What a stream would begin with, for clients that ask now and then instead. Raises ``Unavailable``."""
        stream = self._make(viewer, wish)
        await stream.begin(wish, retry_ms=_drawn_retry_ms())
        return await anext(stream)

    def _make(self, viewer: Viewer, wish: StreamWish) -> Stream:
        return Stream(
            self._deps,
            viewer,
            # What a window does not keep is not signalled: below it nothing could be vouched for.
            limit=max(1, min(wish.limit, self._deps.windows.options.kept_entries // 2)),
            pause_seconds=self.options.pause_seconds,
            reads=self._reads,
            look_again=self.rounds.note_changed,
        )

    def close(self, stream: Stream) -> None:
        """Ends and forgets a stream. Twice is as good as once."""
        stream.end()
        if not self._open.remove(stream):
            return
        OPEN.dec()
        if not self._open.of(stream.viewer.user_id):
            self.rounds.run_beside(self._leave(stream.viewer.user_id))

    def stop(self) -> None:
        """Ends all streams, each with a word on when to come back, and opens no more. For the end of the process."""
        self._has_stopped = True
        for stream in self._open.all():
            stream.end(frames.retry(_drawn_retry_ms()))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Inside the block streams are told what happens; at its end they end."""
        async with self.rounds.running():
            try:
                yield
            finally:
                self.stop()

    async def _enter(self, reader_id: UserId) -> None:
        try:
            # The mark that all are entered may have been lost with them: only who is alone can say it anew.
            is_alone = self._open.count_readers(self._open.part_of(reader_id)) == 1
            await self._live.enter(self._process, [reader_id], are_all=is_alone)
        except (Unavailable, ValkeyReplyError):
            # Nothing is pushed without Valkey either.
            self.rounds.must_enter = True

    async def _leave(self, reader_id: UserId) -> None:
        # Sent in the same turn as this is asked, so before anybody who opens a stream from now on is entered.
        if not self._open.of(reader_id):
            were_all = not self._open.count_readers(self._open.part_of(reader_id))
            await self._live.leave(self._process, [reader_id], were_all=were_all)

    # Hearing

    def on_told(self, message: bytes) -> None:
        """Something changed for some readers."""
        try:
            told = decode_told(message)
        except struct.error:
            log.warning("a signal could not be read")
            self.doubt_all()
            return
        for reader_id in told.reader_ids:
            for stream in self._open.of(UserId(reader_id)):
                stream.mark(told.from_id, unread=told.notifications)

    def on_change(self, change: Change) -> None:
        """Something changed that anybody may be looking at. To be said when memory has forgotten what it was."""
        self.rounds.note_changed(change.tweet_ids)
        for packed in change.posted:
            entry = unpack_entry(packed)
            self.rounds.note_pulled(entry)
        theirs = [stream for user_id in change.logged_out_ids for stream in self._open.of(UserId(user_id))]
        if theirs:
            self.rounds.run_beside(self.rounds.end_logged_out(theirs))

    def on_reset(self) -> None:
        """This process's channel was not heard for a while."""
        self.rounds.must_enter = True
        self.rounds.run_beside(self.rounds.enter_again())

    def doubt_all(self) -> None:
        """Signals may have been missed: all streams look at everything again."""
        streams = self._open.all()
        for stream in streams:
            stream.mark_all()
        self.rounds.run_beside(self.rounds.end_logged_out(streams))


def _drawn_retry_ms() -> int:
    """By lot, so that the clients of a process that ends do not all come back in one moment."""
    return _FIRST_RETRY_MS + int.from_bytes(random_bytes(2), "big") % _RETRY_SPREAD_MS
