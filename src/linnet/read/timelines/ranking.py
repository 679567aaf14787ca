"""What everybody likes best at this moment, kept in the process: one short query a second, whoever asks.

It is a list of places only. Who may see them, and whether the tweets are still there, is asked when they are shown.
"""

import asyncio
from typing import Final

import msgspec
import structlog

from linnet.clock import Clock
from linnet.errors import Unavailable
from linnet.stores.postgres import popular
from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.popular import Place, Ranked

log = structlog.get_logger()


class RankingOptions(msgspec.Struct, frozen=True):
    """``fresh_seconds``: when a list is read anew, while readers are shown the old one.

    ``stale_seconds``: when they rather wait, because nobody has asked for so long. ``size``: places kept.
    """

    fresh_seconds: float = 1.0
    stale_seconds: float = 5.0
    size: int = 200


_NEVER: Final = float("-inf")


class Ranking:
    """One per process."""

    def __init__(self, db: Database, clock: Clock, options: RankingOptions) -> None:
        self._db = db
        self._clock = clock
        self._options = options
        self._best: list[Ranked] = []
        self._read_at = _NEVER
        self._reading: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        return self._options.size

    def forget_all(self) -> None:
        """As a process that has just started."""
        self._read_at = _NEVER

    def glance(self) -> list[Ranked] | None:
        """The best tweets as they were a moment ago, without waiting; None when that is too long ago."""
        age = self._clock.steady_seconds() - self._read_at
        if age >= self._options.fresh_seconds:
            if age >= self._options.stale_seconds:
                return None
            self._start()
        return self._best

    async def fetch(self) -> list[Ranked]:
        """The best tweets, at most ``stale_seconds`` old. Raises ``Unavailable`` when nothing is known."""
        best = self.glance()
        if best is None:
            await asyncio.shield(self._start())
            best = self.glance()
        if best is None:
            raise Unavailable("PostgreSQL: the most popular tweets could not be read")
        return best

    async def settle(self) -> None:
        """Waits for a read that is under way. For tests."""
        if self._reading is not None:
            await self._reading

    def _start(self) -> asyncio.Task[None]:
        """One read at a time, which goes on when whoever asked for it goes away."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name="popular tweets")
        return self._reading

    async def _read(self) -> None:
        started = self._clock.steady_seconds()
        try:
            self._best = await popular.fetch_best(self._db, Place(), page_size=self._options.size)
            self._read_at = started
        except Unavailable as error:
            log.debug("popular tweets not read", cause=str(error))
        except Exception as error:
            log.error("popular tweets not read", exc_info=error)
