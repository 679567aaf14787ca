"""A process's own memory of what it read: small, short-lived, told at once what changed.

Memory is two generations of a dict: reading moves a value to the young one, and a full young generation becomes the old
one. So what is used stays and the rest goes, without a list to keep in order.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

from linnet.clock import Clock

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values for at most ``seconds``; about ``2 * size`` of them."""

    def __init__(self, clock: Clock, *, seconds: float, size: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._size = size
        self._young: dict[K, tuple[float, V]] = {}
        self._old: dict[K, tuple[float, V]] = {}
        self._generation = 0

    @property
    def generation(self) -> int:
        """Grows when something is forgotten: what was being read before that must not be remembered."""
        return self._generation

    def get_many(self, keys: Iterable[K]) -> tuple[dict[K, V], list[K]]:
        """What is remembered, and the keys of what is not."""
        now = self._clock.steady_seconds()
        young, old = self._young, self._old
        found: dict[K, V] = {}
        missing: list[K] = []
        for key in keys:
            kept = young.get(key)
            if kept is None:
                kept = old.get(key)
                if kept is None:
                    missing.append(key)
                    continue
                young[key] = kept
            if kept[0] > now:
                found[key] = kept[1]
            else:
                missing.append(key)
        return found, missing

    def put(self, values: Iterable[tuple[K, V]]) -> None:
        until = self._clock.steady_seconds() + self._seconds
        for key, value in values:
            self._young[key] = (until, value)
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
