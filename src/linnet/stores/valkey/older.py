"""What lies below a reader's window, as far as it was read for who scrolls down: many pages in one string.

It is a copy of the truth that lives for minutes and dies with the window: every change of what the reader may see drops
both. Like a window it begins with a marker, before the truth is read, and is put only if the marker is still there; so
a change that came between throws it away.
"""

import struct
from collections.abc import Awaitable, Sequence

import msgspec

from linnet.domain.timeline import Entry, Range
from linnet.ids import UserId
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys
from linnet.stores.valkey.scripts import lua

_SECONDS_TO_LIVE = 300
_READING_SECONDS = 30
# Below which id it begins, down to which all was looked at, and whether there is more below.
_HEAD = struct.Struct(">qq?")
# Of equal length, so that a place is found without reading those above it.
_ENTRY = struct.Struct(">qqqq")


class OlderPart(msgspec.Struct, frozen=True):
    """Entries newest first; ``more`` below the last of them, all down to ``reached`` was looked at."""

    entries: list[Entry]
    more: bool
    reached: int


def pack_older(before: int, entries: Sequence[Entry], *, more: bool, reached: int) -> bytes:
    """What lies below ``before``, as it is kept."""
    return _HEAD.pack(before, reached, more) + b"".join(
        _ENTRY.pack(entry.id, entry.author_id, entry.related_author_id, entry.original_id) for entry in entries
    )


class OlderParts:
    """All readers'."""

    def __init__(self, valkey: Valkey, keys: Keys) -> None:
        self._valkey = valkey
        self._keys = keys
        self._finish = valkey.script(lua("older"))

    def ask(self, reader_id: UserId) -> Awaitable[bytes | None]:
        """Asks for what is kept; sent when called, not when awaited. ``read`` reads the answer."""
        return self._valkey.call(b"GET", self._keys.older(reader_id))

    @staticmethod
    def read(packed: bytes | None, wanted: Range) -> OlderPart | None:
        """The ``wanted.limit`` entries below ``wanted.before``; None when they are not all in it."""
        if packed is None or len(packed) < _HEAD.size:
            return None
        before, reached, more = _HEAD.unpack_from(packed)
        if wanted.before > before:
            return None
        count = (len(packed) - _HEAD.size) // _ENTRY.size
        first, end = 0, count
        while first < end:
            middle = (first + end) // 2
            at = _HEAD.size + middle * _ENTRY.size
            if int.from_bytes(packed[at : at + 8], "big") >= wanted.before:
                first = middle + 1
            else:
                end = middle
        left = count - first
        if left < wanted.limit and more:
            return None
        shown = packed[_HEAD.size + first * _ENTRY.size :][: wanted.limit * _ENTRY.size]
        entries = [Entry(*fields) for fields in _ENTRY.iter_unpack(shown)]
        if left > wanted.limit:
            return OlderPart(entries, True, entries[-1].id)
        return OlderPart(entries, more, reached)

    async def begin(self, reader_id: UserId, token: bytes) -> None:
        """Says that the truth is about to be read, in the place of whatever was kept. ``token`` is of 8 bytes."""
        await self._valkey.call(b"SET", self._keys.older(reader_id), b"?" + token, b"EX", _READING_SECONDS)

    async def finish(
        self, reader_id: UserId, token: bytes, before: int, entries: Sequence[Entry], *, more: bool, reached: int
    ) -> bool:
        """Keeps what lies below ``before``; False when something changed since ``begin``."""
        packed = pack_older(before, entries, more=more, reached=reached)
        finished = await self._finish.call([self._keys.older(reader_id)], [token, _SECONDS_TO_LIVE, packed])
        return bool(finished)
