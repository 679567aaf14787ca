"""Deletes what has had its time: sessions nobody used for long, idempotency keys that do not count any more."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from linnet.clock import Clock
from linnet.read.hydration.viewers import unused_since_ms
from linnet.stores.postgres import sessions, tweets
from linnet.stores.postgres.pool import Database

log = structlog.get_logger()


class PruneOptions(msgspec.Struct, frozen=True):
    """A round deletes at most ``pages`` times ``page_size`` rows of each kind, so that it never holds much up."""

    every_seconds: float = 300.0
    page_size: int = 1000
    pages: int = 20


class Pruner:
    """Several at once do no harm."""

    def __init__(self, db: Database, clock: Clock, options: PruneOptions) -> None:
        self._db = db
        self._clock = clock
        self._options = options

    async def run(self) -> None:
        """A round now and then, until cancelled."""
        while True:
            try:
                await self.prune()
            except Exception as error:
                log.warning("not pruned this time", cause=repr(error))
            await asyncio.sleep(self._options.every_seconds)

    async def prune(self) -> int:
        """One round; returns how many rows are gone."""
        size = self._options.page_size
        return await self._page_by_page(lambda: tweets.delete_old_keys(self._db, page_size=size)) + (
            await self._page_by_page(
                lambda: sessions.delete_expired(self._db, unused_since_ms=unused_since_ms(self._clock), page_size=size)
            )
        )

    async def _page_by_page(self, delete_page: Callable[[], Awaitable[int]]) -> int:
        deleted = 0
        for _ in range(self._options.pages):
            page = await delete_page()
            deleted += page
            if page < self._options.page_size:
                break
        return deleted
