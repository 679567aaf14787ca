"""Sets of ids as they lie in Valkey: 8 bytes each, in the order of the ids, which is the order of the bytes."""

import struct
from bisect import bisect_left
from collections.abc import Collection, Container

from linnet.ids import UserId
from linnet.stores.valkey.keys import pack_id


def pack_ids(ids: Collection[UserId]) -> bytes:
    """In order, so that ``PackedIds`` finds them."""
    return b"".join(map(pack_id, sorted(ids)))


def unpack_ids(packed: bytes) -> frozenset[UserId]:
    """The whole set."""
    return frozenset(map(UserId, struct.unpack(f">{len(packed) // 8}q", packed)))


class PackedIds(Container[UserId]):
    """A set that is looked into where it lies: a page asks for a few of what may be thousands."""

    __slots__ = ("_packed",)

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    def __contains__(self, some_id: object) -> bool:
        if not self._packed or not isinstance(some_id, int):
            return False
        wanted, count = pack_id(some_id), len(self)
        at = bisect_left(range(count), wanted, key=self._packed_at)
        return at < count and self._packed_at(at) == wanted

    def __len__(self) -> int:
        return len(self._packed) // 8

    def _packed_at(self, index: int) -> bytes:
        return self._packed[8 * index : 8 * index + 8]


NO_IDS = PackedIds(b"")
