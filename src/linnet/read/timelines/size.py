"""Screen: how large the place is, for whoever asks what it is.

Not older than some minutes, and counted by one for all.
"""

import asyncio
from contextlib import suppress
from typing import Final

from linnet.errors import Unavailable
from linnet.read.deps import ReadDeps
from linnet.stores.postgres import instance
from linnet.stores.postgres.instance import Size, Week

_FRESH_SECONDS: Final = 300.0
_ACTIVE_DAYS: Final = 30
_WEEKS: Final = 12


class SizeOfPlace:
    """One per application."""

    def __init__(self) -> None:
        self._size = Size(0, 0, 0)
        self._fresh_until = float("-inf")
        self._weeks: list[Week] = []
        self._weeks_fresh_until = float("-inf")
        self._reading = asyncio.Lock()

    async def fetch(self, deps: ReadDeps) -> Size:
        if deps.clock.steady_seconds() >= self._fresh_until:
            async with self._reading:
                if deps.clock.steady_seconds() >= self._fresh_until:
                    since_ms = deps.clock.now_ms() - _ACTIVE_DAYS * 86_400_000
                    # Where counting takes too long, or nobody can be asked, the last answer is as good as any.
                    with suppress(Unavailable):
                        self._size = await instance.count(deps.db, active_since_ms=since_ms)
                    self._fresh_until = deps.clock.steady_seconds() + _FRESH_SECONDS
        return self._size

    async def fetch_weeks(self, deps: ReadDeps) -> list[Week]:
        """What was done in the last twelve weeks, this one first."""
        if deps.clock.steady_seconds() >= self._weeks_fresh_until:
            async with self._reading:
                if deps.clock.steady_seconds() >= self._weeks_fresh_until:
                    with suppress(Unavailable):
                        self._weeks = await instance.fetch_weeks(deps.db, now_ms=deps.clock.now_ms(), weeks=_WEEKS)
                    self._weeks_fresh_until = deps.clock.steady_seconds() + _FRESH_SECONDS
        return self._weeks
