"""A process's own memory of what it read: small, short-lived, told at once what changed.

Memory is two generations of a dict: reading moves a value to the young one, and a full young generation becomes the old
one. So what is used stays and the rest goes, without a list to keep in order.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import repeat
from operator import itemgetter
from typing import Generic, TypeVar

from linnet.clock import Clock

K = TypeVar("K")
V = TypeVar("V")

_UNTIL, _VALUE = itemgetter(0), itemgetter(1)


class Memory(Generic[K, V]):
    """Values for at most ``seconds``; about ``2 * size`` of them. None is the value of what is not there."""

    def __init__(self, clock: Clock, *, seconds: float, size: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._size = size
        self._young: dict[K, tuple[float, V | None]] = {}
        self._old: dict[K, tuple[float, V | None]] = {}
        self._generation = 0

    @property
    def generation(self) -> int:
        """Grows when something is forgotten: what was being read before that must not be remembered."""
        return self._generation

    def get_many(self, keys: Collection[K]) -> tuple[dict[K, V | None], list[K]]:
        """What is remembered, and the keys of what is not."""
        now = self._clock.steady_seconds()
        young, old = self._young, self._old
        found: dict[K, V | None] = {}
        missing: list[K] = []
        for key, kept in zip(keys, map(young.get, keys), strict=True):
            if kept is None and old and (kept := old.get(key)):
                young[key] = kept
            if kept is not None and kept[0] > now:
                found[key] = kept[1]
            else:
                missing.append(key)
        return found, missing

    def pick(self, keys: Collection[K]) -> list[V] | None:
        """The values in the order of the keys (at least one); None unless all of them are remembered, and are there."""
        try:
            kept = list(map(self._young.__getitem__, keys))
        except KeyError:
            return None
        if min(map(_UNTIL, kept)) <= self._clock.steady_seconds():
            return None
        values = list(map(_VALUE, kept))
        return values if all(values) else None

    def put(self, values: Mapping[K, V | None]) -> None:
        until = self._clock.steady_seconds() + self._seconds
        self._young.update(zip(values, zip(repeat(until), values.values(), strict=False), strict=True))
        if len(self._young) > self._size:
            self._old, self._young = self._young, {}

    def forget(self, keys: Iterable[K]) -> None:
        self._generation += 1
        for key in keys:
            self._young.pop(key, None)
            self._old.pop(key, None)

    def forget_all(self) -> None:
        self._generation += 1
        self._young, self._old = {}, {}
