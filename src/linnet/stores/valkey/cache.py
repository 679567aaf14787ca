"""The shared cache of tweets and profiles: what the views need of a row, by id.

A value carries the version of its row, and an older one never replaces a newer: neither a slow reader that fills in
what it read before a change, nor two workers that write in the other order, can bring an old state back. A row that is
about to change is kept as a bare new version, which nobody can fill in but who has read it; a row that is gone as the
newest version of all.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from linnet.ids import MAX_ID
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.scripts import lua

T = TypeVar("T")

GONE = b""
_STALE = b"\0"
_VERSION_BYTES = 8
_GONE_VERSION = MAX_ID


class CacheOptions(msgspec.Struct, frozen=True):
    """How long a value is kept after it was written."""

    seconds_to_live: int = 6 * 3600


class Cache:
    """Values by key. Losing any or all of them costs reads of the truth and nothing else."""

    def __init__(self, valkey: Valkey, options: CacheOptions) -> None:
        self._valkey = valkey
        self._options = options
        self._put = valkey.script(lua("put"))

    @property
    def history(self) -> int | None:
        """Which history of Valkey this is: what was read of the truth in another one may not be put into it."""
        return self._valkey.history

    def ask(self, keys: Sequence[bytes]) -> Awaitable[list[bytes | None]]:
        """Asks for the values of at least one key; sent when called, not when awaited. ``read`` reads the answer."""
        return self._valkey.fetch(keys)

    @staticmethod
    def read(answer: list[bytes | None]) -> list[bytes | None]:
        """In the order of the keys: a value, ``GONE`` for a row known not to be there, None when nothing is known."""
        return [
            None if value is None or value[_VERSION_BYTES:] == _STALE else value[_VERSION_BYTES:] for value in answer
        ]

    @staticmethod
    def decode(
        ids: Sequence[int], answer: list[bytes | None], decode: Callable[[bytes], T]
    ) -> tuple[dict[int, T | None], list[int]]:
        """What is known by id, None of a row that is not there, and of which ids nothing is.

        For values of more than one byte, of many ids: everything here is done for each tweet of a page.
        """
        known: dict[int, T | None] = {
            some_id: decode(value[_VERSION_BYTES:])
            for some_id, value in zip(ids, answer, strict=True)
            if value is not None and len(value) > _VERSION_BYTES + len(_STALE)
        }
        if len(known) == len(ids):
            return known, []
        unknown: list[int] = []
        for some_id, value in zip(ids, answer, strict=True):
            if value is not None and len(value) == _VERSION_BYTES:
                known[some_id] = None
            elif some_id not in known:
                unknown.append(some_id)
        return known, unknown

    async def put(self, values: Sequence[tuple[bytes, int, bytes]]) -> None:
        """Stores (key, version, value) unless something newer is there."""
        calls = [
            self._put.call(
                [key for key, _, _ in part],
                [
                    self._options.seconds_to_live,
                    *(version.to_bytes(_VERSION_BYTES, "big") + value for _, version, value in part),
                ],
            )
            for part in self._valkey.parted(values, lambda value: value[0], most=100)
        ]
        for call in calls:
            await call

    async def put_stale(self, versions: Sequence[tuple[bytes, int]]) -> None:
        """Says of (key, version) that only this version or a newer one may be cached from now on.

        To be said before the transaction that makes the version commits: then no moment is left for an old value.
        """
        await self.put([(key, version, _STALE) for key, version in versions])

    async def put_gone(self, keys: Sequence[bytes]) -> None:
        """Says of rows that they are not there and never will be again."""
        await self.put([(key, _GONE_VERSION, GONE) for key in keys])
