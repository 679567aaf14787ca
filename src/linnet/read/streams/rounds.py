"""What is looked at now and then, for all streams of a process at once: what changed, and what no signal said.

A signal may be lost in many ways (Valkey flushed or away, a connection cut, a worker killed before it spoke). Each is
made up for by one of these rounds; how long that takes is in ``RoundOptions``.
"""

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry
from linnet.errors import Unavailable
from linnet.ids import MAX_ID, TweetId, UserId, first_id_at
from linnet.read.deps import ReadDeps
from linnet.read.hydration.viewers import unused_since_ms
from linnet.read.streams.stream import Stream
from linnet.read.views.tweets import counts_json, edited_at_in
from linnet.stores.postgres import sessions
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.stores.valkey.live import LiveReaders
from linnet.tasks import end_tasks

log = structlog.get_logger()

# What a tweet may be late by, and clocks may differ by.
_LATE_MS = 60_000
_MOST_PULLED = 10_000
_MOST_TAGS = 1_000
_SESSIONS_PER_QUERY = 1000


class RoundOptions(msgspec.Struct, frozen=True):
    """Changed tweets are looked up every ``change_seconds``, for all streams together.

    Every ``poll_seconds`` a process asks whether it is still entered, and whether a top user's tweet was missed; what
    is new of followed tags it asks every ``beat_seconds``, since nobody says. Every
    ``check_seconds`` a stream looks at its whole page, and whether its session is over. Something is said every
    ``heartbeat_seconds``, if only a comment.
    """

    change_seconds: float = 0.25
    beat_seconds: float = 1.0
    heartbeat_seconds: float = 20.0
    poll_seconds: float = 5.0
    check_seconds: float = 60.0


class OpenStreams:
    """The open streams by their readers, who are told in parts (see ``Keys``)."""

    def __init__(self, part_of: Callable[[int], int]) -> None:
        self.count = 0
        self.part_of = part_of
        self._by_reader: dict[UserId, list[Stream]] = {}
        self._readers_by_part: Counter[int] = Counter()

    def add(self, stream: Stream) -> None:
        reader_id = stream.viewer.user_id
        if reader_id not in self._by_reader:
            self._readers_by_part[self.part_of(reader_id)] += 1
        self._by_reader.setdefault(reader_id, []).append(stream)
        self.count += 1

    def remove(self, stream: Stream) -> bool:
        """False when it was not there."""
        theirs = self._by_reader.get(stream.viewer.user_id, [])
        if stream not in theirs:
            return False
        theirs.remove(stream)
        self.count -= 1
        if not theirs:
            del self._by_reader[stream.viewer.user_id]
            part = self.part_of(stream.viewer.user_id)
            self._readers_by_part[part] -= 1
            if not self._readers_by_part[part]:
                del self._readers_by_part[part]
        return True

    def of(self, reader_id: UserId) -> Sequence[Stream]:
        return self._by_reader.get(reader_id, ())

    def all(self) -> list[Stream]:
        return [stream for theirs in self._by_reader.values() for stream in theirs]

    def readers(self) -> list[UserId]:
        return list(self._by_reader)

    def parts(self) -> list[int]:
        """Of which parts there are readers."""
        return list(self._readers_by_part)

    def count_readers(self, part: int) -> int:
        return self._readers_by_part[part]


class Rounds:
    """``must_enter``: it is known that not all readers are entered."""

    def __init__(
        self, deps: ReadDeps, live: LiveReaders, process: bytes, streams: OpenStreams, options: RoundOptions
    ) -> None:
        self.must_enter = False
        self._deps = deps
        self._live = live
        self._process = process
        self._streams = streams
        self._options = options
        self._changed: set[int] = set()
        self._pulled_before: frozenset[int] = frozenset()
        # By tag: what it was seen to have.
        self._tagged_before: dict[str, frozenset[int]] = {}
        self._last_tag = ""
        self._beside: set[asyncio.Task[None]] = set()

    def note_changed(self, tweet_ids: Iterable[int]) -> None:
        """These are gone, have other counts, or say something else."""
        if self._streams.count:
            self._changed.update(tweet_ids)

    def note_pulled(self, entry: Entry) -> None:
        """A top user posted."""
        for stream in self._streams.all():
            if entry.author_id in stream.following.pulled:
                stream.mark(entry.id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks, inside the block."""
        options = self._options
        rounds = (
            (options.change_seconds, self.look_up_changes),
            (options.beat_seconds, self.beat),
            (options.poll_seconds, self.poll),
            (options.beat_seconds, self.check),
            (options.beat_seconds, self.look_up_tags),
        )
        tasks = [asyncio.create_task(self._every(seconds, look), name=look.__name__) for seconds, look in rounds]
        try:
            yield
        finally:
            await end_tasks([*tasks, *self._beside])

    def run_beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Does something that nobody waits for."""
        task = asyncio.get_running_loop().create_task(_unless_away(work))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _every(self, seconds: float, look: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            await _unless_away(look())

    async def look_up_changes(self) -> None:
        """What became of the tweets that changed: asked once for all who look at them."""
        if not self._changed:
            return
        changed, self._changed = self._changed, set()
        lookers = [(stream, found) for stream in self._streams.all() if (found := stream.find_changed(changed))]
        if not lookers:
            return
        refs = {TweetRef(author_id, TweetId(tweet_id)) for _, found in lookers for tweet_id, author_id in found.items()}
        try:
            facts = await self._deps.tweets.fetch(refs)
        except BaseException:
            self._changed |= changed
            raise
        counts = {tweet_id: json for tweet_id, found in facts.items() if (json := counts_json(found)) is not None}
        edited = {tweet_id: at for tweet_id, found in facts.items() if (at := edited_at_in(found.tail))}
        for stream, ids in lookers:
            stream.mark_tweets(
                [tweet_id for tweet_id in ids if tweet_id not in facts],
                {tweet_id: counts[tweet_id] for tweet_id in ids if tweet_id in counts},
                {tweet_id: edited[tweet_id] for tweet_id in ids if tweet_id in edited},
            )

    async def beat(self) -> None:
        """Finds who was silent for long, who failed, and who is deaf."""
        silent_since = self._deps.clock.steady_seconds() - self._options.heartbeat_seconds
        deaf: list[Stream] = []
        for stream in self._streams.all():
            if stream.has_failed:
                stream.has_failed = False
                stream.mark_all()
            elif stream.following.is_deaf:
                deaf.append(stream)
            if stream.written_at <= silent_since:
                stream.beat()
        for stream in deaf:
            # One after the other: so many windows may be missing that all at once would be a storm. Whatever comes of
            # it, reading again tells whether there is a window now.
            await self._deps.rebuilder.rebuild(stream.viewer.user_id)
            stream.mark(0)

    async def poll(self) -> None:
        """Asks for all streams at once what signals may have missed."""
        await self.enter_again()
        authors = {author_id for stream in self._streams.all() for author_id in stream.following.pulled}
        after_id = first_id_at(self._deps.clock.now_ms() - _LATE_MS)
        pulled = await self._deps.pulled.fetch(authors, after_id=after_id, before_id=MAX_ID, limit=_MOST_PULLED)
        for entry in pulled:
            if entry.id not in self._pulled_before:
                self.note_pulled(entry)
        self._pulled_before = frozenset(entry.id for entry in pulled)

    async def look_up_tags(self) -> None:
        """What came to the tags that readers of streams follow, or went: some tags at a time, and in turn."""
        followers: dict[str, list[Stream]] = {}
        for stream in self._streams.all():
            for tag in stream.following.tags:
                followers.setdefault(tag, []).append(stream)
        self._tagged_before = {tag: ids for tag, ids in self._tagged_before.items() if tag in followers}
        if not followers:
            return
        in_order = sorted(followers)
        at = bisect_right(in_order, self._last_tag)
        turn = (in_order[at:] + in_order[:at])[:_MOST_TAGS]
        held = await self._deps.tags.fetch_held(turn)
        self._last_tag = turn[-1]
        late_id = first_id_at(self._deps.clock.now_ms() - _LATE_MS)
        lowest: dict[Stream, int] = {}
        for tag, found in held.items():
            ids = frozenset(found.ids)
            before = self._tagged_before.get(tag)
            # Of a tag that was not looked at before, a stream may lack what it came too early to read.
            changed = {some_id for some_id in ids if some_id >= late_id} if before is None else ids ^ before
            # What lies below all that is held only made room.
            from_id = min((some_id for some_id in changed if some_id > found.floor), default=0)
            self._tagged_before[tag] = ids
            for stream in followers[tag] if from_id else ():
                lowest[stream] = min(from_id, lowest.get(stream, from_id))
        for stream, from_id in lowest.items():
            stream.mark(from_id)

    async def enter_again(self) -> None:
        """Enters all readers if that was lost, and then looks for what was not signalled meanwhile."""
        if not self._streams.count:
            return
        if not self.must_enter and await self._live.is_entered(self._process, self._streams.parts()):
            return
        self.must_enter = False
        try:
            await self._live.enter(self._process, self._streams.readers(), are_all=True)
        except BaseException:
            self.must_enter = True
            raise
        for stream in self._streams.all():
            stream.mark_all()

    async def check(self) -> None:
        """Lets those look at everything again whose turn it is, which also keeps their readers' windows alive."""
        now = self._deps.clock.steady_seconds()
        due = [stream for stream in self._streams.all() if stream.checked_at + self._options.check_seconds <= now]
        for stream in due:
            stream.checked_at = now
            stream.mark_all()
        await self.end_logged_out(due)

    async def end_logged_out(self, streams: Sequence[Stream]) -> None:
        """Ends those of the streams whose sessions are over."""
        for at in range(0, len(streams), _SESSIONS_PER_QUERY):
            part = streams[at : at + _SESSIONS_PER_QUERY]
            living = await sessions.fetch_living_ids(
                self._deps.db,
                user_ids={stream.viewer.user_id for stream in part},
                session_ids={stream.viewer.session_id for stream in part},
                unused_since_ms=unused_since_ms(self._deps.clock),
            )
            for stream in part:
                if stream.viewer.session_id not in living:
                    stream.end()


async def _unless_away(work: Coroutine[Any, Any, None]) -> None:
    """What a store that is away leaves undone is done by the next look."""
    try:
        await work
    except (Unavailable, ValkeyReplyError) as error:
        log.debug("streams cannot be told now", cause=str(error))
    except Exception as error:
        log.error("telling streams failed", exc_info=error)
