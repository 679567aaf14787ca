"""A list that is the same for everybody, kept in the process: one short read now and then, whoever asks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import structlog

from linnet.clock import Clock
from linnet.errors import Unavailable

log = structlog.get_logger()

T = TypeVar("T")

_NEVER: Final = float("-inf")


class Kept(Generic[T]):
    """``fresh_seconds``: when the list is read anew, while readers are shown the old one.

    ``stale_seconds``: when they rather wait, because nobody has asked for so long.
    """

    def __init__(
        self,
        clock: Clock,
        name: str,
        read: Callable[[], Awaitable[list[T]]],
        *,
        fresh_seconds: float,
        stale_seconds: float,
    ) -> None:
        self._clock = clock
        self._name = name
        self._read_list = read
        self._fresh_seconds = fresh_seconds
        self._stale_seconds = stale_seconds
        self._list: list[T] = []
        self._read_at = _NEVER
        self._reading: asyncio.Task[None] | None = None

    def forget_all(self) -> None:
        """As a process that has just started."""
        self._read_at = _NEVER

    def glance(self) -> list[T] | None:
        """The list as it was a moment ago, without waiting; None when that is too long ago."""
        age = self._clock.steady_seconds() - self._read_at
        if age >= self._fresh_seconds:
            if age >= self._stale_seconds:
                return None
            self._start()
        return self._list

    async def fetch(self) -> list[T]:
        """The list, at most ``stale_seconds`` old. Raises ``Unavailable`` when nothing is known."""
        found = self.glance()
        if found is None:
            await asyncio.shield(self._start())
            found = self.glance()
        if found is None:
            raise Unavailable(f"PostgreSQL: {self._name} could not be read")
        return found

    async def fetch_beside(self) -> list[T]:
        """The same for what stands beside a page, and must not take the page along: nothing when nothing is known."""
        try:
            return await self.fetch()
        except Unavailable:
            return []

    async def settle(self) -> None:
        """Waits for a read that is under way. For tests."""
        if self._reading is not None:
            await self._reading

    def _start(self) -> asyncio.Task[None]:
        """One read at a time, which goes on when whoever asked for it goes away."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name=self._name)
        return self._reading

    async def _read(self) -> None:
        started = self._clock.steady_seconds()
        try:
            self._list = await self._read_list()
            self._read_at = started
        except Unavailable as error:
            log.debug("not read", what=self._name, cause=str(error))
        except Exception as error:
            log.error("not read", what=self._name, exc_info=error)
