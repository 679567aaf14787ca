"""Who has open streams, and in which processes; and what these are told. ``lua/live.lua`` says how it lies in Valkey.

Windows tell streams by themselves, in the scripts that write to them. Any of this may be lost at any moment: a process
finds out with ``is_entered``, and enters its readers again.
"""

import struct
from collections.abc import Awaitable, Collection, Iterable

import msgspec

from linnet.ids import MAX_ID, UserId
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.scripts import live_lua

_READERS_PER_CALL = 500
# Of the whole hash, and renewed all the time: it is gone some time after the last process that serves streams.
_SECONDS_TO_LIVE = 3600
_NOTIFICATIONS = MAX_ID


class Told(msgspec.Struct, frozen=True):
    """What changed for some readers: their home timelines from an id on (0: any of it), and their notifications."""

    reader_ids: tuple[int, ...]
    from_id: int | None
    notifications: bool


def decode_told(message: bytes) -> Told:
    """What a process hears at its channel. Raises ``struct.error``."""
    from_id, *reader_ids = struct.unpack(f">{len(message) // 8}q", message)
    if from_id == _NOTIFICATIONS:
        return Told(tuple(reader_ids), None, notifications=True)
    # What drops a window may change whom one is told about.
    return Told(tuple(reader_ids), from_id, notifications=from_id == 0)


class LiveReaders:
    """All readers with open streams, in one Valkey."""

    def __init__(self, valkey: Valkey, keys: Keys) -> None:
        self._valkey = valkey
        self._keys = keys
        self._tell = valkey.script(live_lua("tell"))
        self._enter = valkey.script(live_lua("enter"))
        self._leave = valkey.script(live_lua("leave"))

    async def enter(self, process: bytes, reader_ids: Collection[UserId], *, are_all: bool) -> None:
        """From now on the process (of 8 bytes, not the same as any id) is told. Once more changes nothing.

        ``are_all``: it holds streams of nobody else, so that from now on ``is_entered``.
        """
        *parts, last = _parts(reader_ids) or [b""]
        for part in parts:
            await self._enter.call([self._keys.live()], [process, _SECONDS_TO_LIVE, part, 0])
        await self._enter.call([self._keys.live()], [process, _SECONDS_TO_LIVE, last, int(are_all)])

    async def leave(self, process: bytes, reader_ids: Collection[UserId], *, were_all: bool) -> None:
        """These have no stream in the process any more; ``were_all``: nobody has."""
        for part in _parts(reader_ids):
            await self._leave.call([self._keys.live()], [process, part, int(were_all)])

    async def is_entered(self, process: bytes) -> bool:
        """Whether everything that the process entered can still be there."""
        renewed = self._valkey.call(b"EXPIRE", self._keys.live(), _SECONDS_TO_LIVE)
        found = await self._valkey.call(b"HEXISTS", self._keys.live(), process)
        return bool(await renewed) and bool(found)

    def tell_notified(self, user_ids: Iterable[UserId]) -> list[Awaitable[int]]:
        """These users' notifications are not what they were. Nothing is asked for those without a stream."""
        return [
            self._tell.call([self._keys.live()], [self._keys.live_channel(b""), pack_id(_NOTIFICATIONS), part])
            for part in _parts(user_ids)
        ]


def _parts(reader_ids: Iterable[UserId]) -> list[bytes]:
    ids = list(reader_ids)
    return [b"".join(map(pack_id, ids[at : at + _READERS_PER_CALL])) for at in range(0, len(ids), _READERS_PER_CALL)]
