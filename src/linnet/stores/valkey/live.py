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
        self._tell = valkey.script(live_lua("tell", valkey.publish_verb))
        self._enter = valkey.script(live_lua("enter", valkey.publish_verb))
        self._leave = valkey.script(live_lua("leave", valkey.publish_verb))

    async def enter(self, process: bytes, reader_ids: Collection[UserId], *, are_all: bool) -> None:
        """From now on the process (of 8 bytes, not the same as any id) is told. Once more changes nothing.

        ``are_all``: it holds streams of nobody else of these readers' parts (see ``Keys``), so that from now on
        ``is_entered``.
        """
        portions = self._parted(reader_ids)
        last = {part: number for number, (part, _) in enumerate(portions)}
        for number, (part, ids) in enumerate(portions):
            # Only when all are entered it is said that they are: each portion is waited for.
            says_all = int(are_all and last[part] == number)
            await self._enter.call([self._keys.live(part)], [process, _SECONDS_TO_LIVE, ids, says_all])

    async def leave(self, process: bytes, reader_ids: Collection[UserId], *, were_all: bool) -> None:
        """These have no stream in the process any more; ``were_all``: nobody of their parts has."""
        for part, ids in self._parted(reader_ids):
            await self._leave.call([self._keys.live(part)], [process, ids, int(were_all)])

    async def is_entered(self, process: bytes, parts: Iterable[int] = (0,)) -> bool:
        """Whether everything that the process entered, of these parts, can still be there."""
        asked = [
            (
                self._valkey.call(b"EXPIRE", self._keys.live(part), _SECONDS_TO_LIVE),
                self._valkey.call(b"HEXISTS", self._keys.live(part), process),
            )
            for part in parts
        ]
        answers = [(await renewed, await found) for renewed, found in asked]
        return all(renewed and found for renewed, found in answers)

    def tell_notified(self, user_ids: Iterable[UserId]) -> list[Awaitable[int]]:
        """These users' notifications are not what they were. Nothing is asked for those without a stream."""
        return [
            self._tell.call([self._keys.live(part)], [self._keys.live_channel(b"", part), pack_id(_NOTIFICATIONS), ids])
            for part, ids in self._parted(user_ids)
        ]

    def _parted(self, reader_ids: Iterable[UserId]) -> list[tuple[int, bytes]]:
        return list(self._keys.parted(b"".join(map(pack_id, reader_ids)), _READERS_PER_CALL))
