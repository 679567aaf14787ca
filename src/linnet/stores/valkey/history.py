"""What a Valkey says of its own history: a mark, renewed every second, that travels to replicas and files.

A replica, or a file, holds a beginning of what was done in a primary, in the same order. So a mark that is found there
says that everything is there which was done before the mark was made. What came after it may be missing.

A server of its own has one mark. On a cluster every part (see ``Keys``) has one, which names the shard where it was
made: keys that move between shards come in any order, so a mark that came along with them says nothing, and there it
counts as none.
"""

import struct
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from linnet.errors import Unavailable
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.stores.valkey.keys import Keys

_KEYS_PER_STEP: Final = 1000
_MARK: Final = struct.Struct(">QQ")


class Mark(msgspec.Struct, frozen=True):
    """All events below ``below_id`` were applied when this was written, at ``made_ms``."""

    below_id: int
    made_ms: int


class Marks(msgspec.Struct, frozen=True):
    """Of one primary: the marks that count, by part, and of which parts there is one that does not, or none."""

    by_part: Mapping[int, Mark]
    foreign: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()


async def find_mark(valkey: Valkey, keys: Keys) -> Mark | None:
    """Of a server of its own. None: nothing is known of what is missing there, or it was flushed."""
    return (await find_marks(valkey, keys, (0,))).by_part.get(0)


async def find_marks(primary: Valkey, keys: Keys, parts: Iterable[int]) -> Marks:
    """Raises ``Unavailable`` when a part is not this primary's any more."""
    asked = [(part, primary.call(b"GET", keys.history(part))) for part in parts]
    counting: dict[int, Mark] = {}
    foreign, missing = set(), set()
    for part, answer in asked:
        value: bytes | None = await _of_here(answer)
        if value is None:
            missing.add(part)
        elif len(value) != _MARK.size + len(primary.shard) or value[_MARK.size :] != primary.shard:
            foreign.add(part)
        else:
            counting[part] = Mark(*_MARK.unpack_from(value))
    return Marks(counting, frozenset(foreign), frozenset(missing))


async def set_mark(valkey: Valkey, keys: Keys, mark: Mark, *, only_over_another: bool = False) -> bool:
    """Of a server of its own, as ``set_marks``."""
    return await set_marks(valkey, keys, mark, (0,), only_over_another=only_over_another)


async def set_marks(
    primary: Valkey, keys: Keys, mark: Mark, parts: Iterable[int], *, only_over_another: bool = False
) -> bool:
    """``only_over_another``: False, and no mark, where there is none any more."""
    value = _MARK.pack(mark.below_id, mark.made_ms) + primary.shard
    condition = (b"XX",) if only_over_another else ()
    calls = [primary.call(b"SET", keys.history(part), value, *condition) for part in parts]
    answers = [await _of_here(call) for call in calls]
    return None not in answers


async def try_writing(primary: Valkey, keys: Keys) -> None:
    """Raises ``Unavailable`` when it takes no writes, for want of replicas for instance."""
    for part in list(primary.parts)[:1]:
        await _of_here(primary.call(b"SET", keys.history(part) + b":try", b"", b"EX", 10))


async def drop_marks(primary: Valkey, keys: Keys, parts: Iterable[int]) -> None:
    """Nothing is known any more of what is missing there."""
    for call in [primary.call(b"UNLINK", keys.history(part)) for part in parts]:
        await _of_here(call)


async def drop_caches(primary: Valkey, keys: Keys, parts: Collection[int] | None = None) -> int:
    """Forgets all rows and sessions, or those of these parts; windows stay. Returns how many keys there were."""
    return await _drop(
        primary, keys, lambda key: keys.is_cached(key) and (parts is None or keys.find_part(key) in parts)
    )


async def drop_all_but(primary: Valkey, keys: Keys, parts: Collection[int]) -> int:
    """Forgets everything, but for these parts. Returns how many keys there were."""
    if parts and not primary.shard:
        # There is no other.
        return 0
    return await _drop(primary, keys, lambda key: keys.find_part(key) not in parts)


async def _drop(primary: Valkey, keys: Keys, is_meant: Callable[[bytes], bool]) -> int:
    """In small steps, between which others are served."""
    dropped = 0
    async for page in primary.scan(keys.all_pattern(), keys_per_step=_KEYS_PER_STEP):
        calls = []
        for those in primary.parted([key for key in page if is_meant(key)], lambda key: key, most=_KEYS_PER_STEP):
            if primary.shard and keys.find_part(those[0]) not in frozenset(primary.parts):
                # Of a slot that is coming here, or was to come.
                calls.append(primary.call(b"ASKING"))
            calls.append(primary.call(b"UNLINK", *those))
        for call in calls:
            try:
                answer = await call
                dropped += answer if isinstance(answer, int) else 0
            except ValkeyReplyError as error:
                # Nobody can read them here: the server answers for their slot no more than it does to us.
                if error.word not in ("MOVED", "CLUSTERDOWN"):
                    raise
    return dropped


async def find_readers(primary: Valkey, keys: Keys, parts: Collection[int]) -> set[int]:
    """Who has a window, pull set or notes among the keys of these parts."""
    found: set[int] = set()
    async for page in primary.scan(keys.reader_pattern(), keys_per_step=_KEYS_PER_STEP):
        for key in page:
            if keys.find_part(key) in parts and (reader_id := keys.find_reader(key)) is not None:
                found.add(reader_id)
    return found


async def _of_here(answer: Awaitable[Any]) -> Any:
    try:
        return await answer
    except ValkeyReplyError as error:
        if error.word in ("MOVED", "ASK"):
            raise Unavailable(f"Valkey: a slot has moved meanwhile ({error.reply})") from None
        raise
