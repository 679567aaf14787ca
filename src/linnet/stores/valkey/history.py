"""What a Valkey says of its own history: a mark, renewed every second, that travels to replicas and files.

A replica, or a file, holds a beginning of what was done in a primary, in the same order. So a mark that is found there
says that everything is there which was done before the mark was made. What came after it may be missing.
"""

import struct
from collections.abc import Callable
from typing import Final

import msgspec

from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys

_KEYS_PER_STEP: Final = 1000


class Mark(msgspec.Struct, frozen=True):
    """All events below ``below_id`` were applied when this was written, at ``made_ms``."""

    below_id: int
    made_ms: int


async def find_mark(valkey: Valkey, keys: Keys) -> Mark | None:
    """None: nothing is known of what is missing there, or it was flushed."""
    value: bytes | None = await valkey.call(b"GET", keys.history())
    return None if value is None or len(value) != 16 else Mark(*struct.unpack(">QQ", value))


async def set_mark(valkey: Valkey, keys: Keys, mark: Mark, *, only_over_another: bool = False) -> bool:
    """``only_over_another``: False, and no mark, where there is none any more."""
    value = struct.pack(">QQ", mark.below_id, mark.made_ms)
    condition = (b"XX",) if only_over_another else ()
    return await valkey.call(b"SET", keys.history(), value, *condition) is not None


async def try_writing(valkey: Valkey, keys: Keys) -> None:
    """Raises ``Unavailable`` when it takes no writes, for want of replicas for instance."""
    await valkey.call(b"SET", keys.history() + b":try", b"", b"EX", 10)


async def drop_mark(valkey: Valkey, keys: Keys) -> None:
    """Nothing is known any more of what is missing there."""
    await valkey.call(b"UNLINK", keys.history())


async def drop_caches(valkey: Valkey, keys: Keys) -> int:
    """Forgets all rows and sessions; windows stay. Returns how many keys there were."""
    return await _drop(valkey, keys, keys.is_cached)


async def drop_everything(valkey: Valkey, keys: Keys) -> int:
    """As if it was never used. Returns how many keys there were."""
    return await _drop(valkey, keys, lambda key: True)


async def _drop(valkey: Valkey, keys: Keys, is_meant: Callable[[bytes], bool]) -> int:
    """In small steps, between which others are served."""
    dropped, cursor = 0, b"0"
    while True:
        cursor, page = await valkey.call(b"SCAN", cursor, b"MATCH", keys.all_pattern(), b"COUNT", _KEYS_PER_STEP)
        meant = [key for key in page if is_meant(key)]
        if meant:
            dropped += await valkey.call(b"UNLINK", *meant)
        if cursor == b"0":
            return dropped
