"""Windows: the newest part of each recent reader's home timeline. What a window is stands in ``lua/window.lua``.

Everything here may be lost at any moment; a window that is not there is built again from the truth.
"""

from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from linnet.domain.timeline import Entry, Range, pack_entry, shown_ids_of, unpack_entries
from linnet.ids import MAX_ID, UserId
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.marks import read_known
from linnet.stores.valkey.packedids import NO_IDS, PackedIds, pack_ids, unpack_ids
from linnet.stores.valkey.scripts import window_lua

READERS_PER_CALL = 500
_SHORTEST_ENTRY = 16
_TAGS_FOLLOW = 1 << 31

Missing = Literal["missing", "building", "below"]


class WindowOptions(msgspec.Struct, frozen=True):
    """``max_entries`` of a window (cut to ``max_entries - slack`` when it overflows), and how long it lives unread."""

    max_entries: int = 800
    slack: int = 32
    seconds_to_live: int = 14 * 86400
    building_seconds: int = 30

    @property
    def kept_entries(self) -> int:
        return max(1, self.max_entries - self.slack)


class WindowPage(msgspec.Struct, frozen=True):
    """A stretch of a window.

    ``entries`` are newest first, at most one more than asked for. ``ends`` says what comes after the last of them:
    more of the window (None), the truth's older part, or the beginning of history. ``hidden`` are those among the
    entries' people whom the reader follows no more, ``kept_away`` all whom the reader blocks, is blocked by or mutes,
    ``aside`` who is on an exclusive list of theirs, ``tags`` which tags the reader follows.
    ``marks`` are those that were asked for and are known, 0 among them.
    """

    entries: list[Entry]
    pulled: frozenset[UserId]
    hidden: frozenset[UserId]
    ends: Literal["older", "complete"] | None
    kept_away: PackedIds = NO_IDS
    marks: Mapping[int, int] = {}
    aside: PackedIds = NO_IDS
    tags: tuple[str, ...] = ()


def pack_people(
    pulled: Collection[UserId],
    kept_away: Collection[UserId],
    aside: Collection[UserId] = (),
    tags: Collection[str] = (),
) -> bytes:
    """Whom a reader pulls, keeps away and sets aside, and tags, as it lies beside the window; nothing for most readers.

    How many are pulled, in 4 bytes, and their ids, then those of who is kept away. Where somebody is set aside, the
    ids of those follow, and how many they are, in 4 bytes: the length says whether they do. Where tags are followed,
    all this comes after them, a bit above how many bytes they take, in 4 bytes, and they, with blanks between.
    """
    if not pulled and not kept_away and not aside and not tags:
        return b""
    packed = len(pulled).to_bytes(4, "big") + pack_ids(pulled) + pack_ids(kept_away)
    if aside:
        packed += pack_ids(aside) + len(aside).to_bytes(4, "big")
    if not tags:
        return packed
    # A tag has no blank in it.
    named = " ".join(tags).encode()
    return (_TAGS_FOLLOW | len(named)).to_bytes(4, "big") + named + packed


def unpack_people(packed: bytes) -> tuple[frozenset[UserId], PackedIds, PackedIds, tuple[str, ...]]:
    """Whom a reader pulls, whom they keep away, whom they set aside, and which tags they follow."""
    if not packed:
        return frozenset(), NO_IDS, NO_IDS, ()
    count = int.from_bytes(packed[:4], "big")
    tags: tuple[str, ...] = ()
    if count & _TAGS_FOLLOW:
        begins = 4 + (count ^ _TAGS_FOLLOW)
        tags, packed = tuple(packed[4:begins].decode().split(" ")), packed[begins:]
        count = int.from_bytes(packed[:4], "big")
    first, last = 4 + 8 * count, len(packed)
    aside = NO_IDS
    if last % 8 == 0:
        last -= 4 + 8 * int.from_bytes(packed[-4:], "big")
        aside = PackedIds(packed[last:-4])
    return unpack_ids(packed[4:first]), PackedIds(packed[first:last]) if first < last else NO_IDS, aside, tags


_NOBODY: frozenset[UserId] = frozenset()


# What stands beside the pages of a second is the same for all their readers but for those who follow tags.
@lru_cache(maxsize=256)
def _pack_wish(tweet_ids: tuple[int, ...]) -> bytes:
    return b"".join(map(pack_id, tweet_ids))


class Windows:
    """All windows of one Valkey."""

    def __init__(self, valkey: Valkey, keys: Keys, options: WindowOptions) -> None:
        self.options = options
        self._valkey = valkey
        self._keys = keys
        self._push = valkey.script(window_lua("push", valkey.publish_verb))
        self._drop = valkey.script(window_lua("drop", valkey.publish_verb))
        self._read = valkey.script(window_lua("read", valkey.publish_verb))
        self._begin = valkey.script(window_lua("begin", valkey.publish_verb))
        self._merge = valkey.script(window_lua("merge", valkey.publish_verb))
        self._change = valkey.script(window_lua("change", valkey.publish_verb))

    def push(self, entry: Entry, packed_reader_ids: bytes) -> list[Awaitable[int]]:
        """Pushes an entry to readers; each call answers how many windows took it. Twice is as good as once.

        Readers without a window are skipped. A call serves 500 readers, so that Valkey is never held up for long.
        """
        packed = pack_entry(entry)
        limits = (self.options.max_entries, self.options.kept_entries)
        keys, prefix = self._keys, self._keys.prefix
        return [
            self._push.call(
                (keys.nothing(part), keys.live(part)), (prefix, packed, ids, *limits, keys.live_channel(b"", part))
            )
            for part, ids in keys.parted(packed_reader_ids, READERS_PER_CALL)
        ]

    def drop(self, packed_reader_ids: bytes) -> list[Awaitable[int]]:
        """Drops readers' windows; each call answers how many there were. The next reads build them again."""
        keys = self._keys
        return [
            self._drop.call((keys.nothing(part), keys.live(part)), (keys.prefix, ids, keys.live_channel(b"", part)))
            for part, ids in keys.parted(packed_reader_ids, READERS_PER_CALL)
        ]

    async def read(
        self, reader_id: UserId, wanted: Range, *, marks_of: Sequence[int] | None = None
    ) -> WindowPage | Missing:
        """A page as far as the window has it, all of one moment.

        ``marks_of``: with the reader's marks of what the page shows, and of these tweets besides.

        ``"missing"``: there is no window. ``"building"``: somebody builds it now. ``"below"``: the page ends below it.
        """
        keys = self._keys.of_page(reader_id)
        reply = await self._read.call(
            keys if marks_of is not None else keys[:3],
            [
                b"" if wanted.before == MAX_ID else pack_id(wanted.before),
                b"" if wanted.after == 0 else pack_id(wanted.after),
                wanted.limit,
                self.options.seconds_to_live,
                self.options.seconds_to_live * 13 // 14,
                _pack_wish(tuple(marks_of)) if marks_of else b"",
            ],
        )
        if reply is None:
            return "missing"
        if isinstance(reply, int):
            return "below" if reply else "building"
        pulled, kept, aside, tags = unpack_people(reply[0])
        hidden: bytes = reply[1]
        ends: Literal["older", "complete"] | None = None
        if len(reply) > 3 and len(reply[-1]) < _SHORTEST_ENTRY:
            ends = "complete" if reply.pop() == b"." else "older"
        entries = unpack_entries(reply[3:])
        marks: Mapping[int, int] = {}
        if packed_marks := reply[2]:
            shown_ids = shown_ids_of(entries)
            marks = read_known([*shown_ids, *marks_of] if marks_of else shown_ids, packed_marks)
        return WindowPage(entries, pulled, unpack_ids(hidden) if hidden else _NOBODY, ends, kept, marks, aside, tags)

    async def begin(self, reader_id: UserId, token: bytes) -> bool:
        """Sets the building marker: from now on pushes land. False when there is a window, or somebody builds it."""
        home, pull, _, _ = self._keys.of_page(reader_id)
        keys = [home, pull, self._keys.older(reader_id)]
        return bool(await self._begin.call(keys, [token, self.options.building_seconds]))

    async def merge(
        self,
        reader_id: UserId,
        token: bytes,
        entries: Sequence[Entry],
        *,
        complete: bool,
        pulled: Collection[UserId],
        kept_away: Collection[UserId] = (),
        aside: Collection[UserId] = (),
        tags: Collection[str] = (),
    ) -> bool:
        """Ends the building with a snapshot taken after ``begin``. False when the marker is gone: begin again.

        ``entries`` are the newest ones, newest first, ``max_entries`` unless they are ``complete``. ``pulled``,
        ``kept_away`` and ``aside`` come back with every page, because what is pushed later may be of such people; so do
        ``tags``, whose tweets are not pushed.
        """
        merged = await self._merge.call(
            self._keys.of_page(reader_id)[:3],
            [
                token,
                b"." if complete else b"+",
                self.options.max_entries,
                self.options.seconds_to_live,
                pack_people(pulled, kept_away, aside, tags),
                *map(pack_entry, entries),
            ],
        )
        return bool(merged)

    def change(self, reader_id: UserId, author_id: UserId, *, shown: bool, change_id: int) -> Awaitable[int]:
        """What a reader may see of an author changed: notes it and drops the window. 0 when that was done before.

        ``change_id`` grows with every change of this reader. While a note says that an author is not shown, pages
        leave out what a fan-out still pushes that had read the followers before.
        """
        part = self._keys.part_of(reader_id)
        return self._change.call(
            [*self._keys.of_page(reader_id)[:3], self._keys.live(part), self._keys.older(reader_id)],
            [
                pack_id(author_id),
                b"-" if shown else b"u",
                pack_id(change_id),
                self.options.seconds_to_live,
                pack_id(reader_id),
                self._keys.live_channel(b"", part),
            ],
        )

    async def fetch_live(self, reader_ids: Sequence[UserId]) -> list[UserId]:
        """Which of these readers have a window at this moment, without keeping it alive."""
        calls = [self._valkey.call(b"EXISTS", self._keys.pull(reader_id)) for reader_id in reader_ids]
        found = [await call for call in calls]
        return [reader_id for reader_id, there in zip(reader_ids, found, strict=True) if there]

    async def scan_live(self, count: int) -> AsyncIterator[UserId]:
        """Up to ``count`` readers who have a window, in the order of Valkey's hash table: as good as drawn by lot."""
        seen: set[UserId] = set()
        async for keys in self._valkey.scan(self._keys.pull_pattern(), keys_per_step=1000):
            for key in keys:
                reader_id = UserId(int.from_bytes(key[-8:], "big"))
                if reader_id not in seen:
                    seen.add(reader_id)
                    yield reader_id
                    if len(seen) >= count:
                        return
