"""Building a window inside the read that misses it, and never losing a tweet that comes in between.

The order is everything: first the building marker, so that pushes from now on land in the window; then the snapshot of
the truth; then the merge, which counts only if the marker is still there. A tweet committed before the snapshot is in
it, one committed after finds the marker. Whatever changes what the reader may see drops the window with the marker.
"""

import asyncio
from typing import Literal

import msgspec
from prometheus_client import Counter, Histogram

from linnet.clock import Clock
from linnet.domain.timeline import Entry
from linnet.ids import MAX_ID, UserId, first_id_at, random_bytes
from linnet.stores.postgres import home
from linnet.stores.postgres.pool import Database
from linnet.stores.valkey.windows import Windows

REBUILDS = Counter("linnet_window_rebuilds", "Windows built from the truth, by outcome.", ["outcome"])
REBUILD_SECONDS = Histogram(
    "linnet_window_rebuild_seconds",
    "How long a rebuild took.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)

Outcome = Literal["built", "elsewhere", "no_slot", "lost"]


class RebuildOptions(msgspec.Struct, frozen=True):
    """``at_once``: rebuilds in one process at a time; further reads are answered from the truth."""

    at_once: int = 4
    tries: int = 3


class Rebuilder:
    """Builds windows: one at a time per reader, a few at a time per process."""

    def __init__(self, db: Database, windows: Windows, clock: Clock, options: RebuildOptions) -> None:
        self._db = db
        self._windows = windows
        self._clock = clock
        self._options = options
        self._running: dict[UserId, asyncio.Future[Outcome]] = {}

    async def rebuild(self, reader_id: UserId) -> Outcome:
        """``"built"``: there is a window now. ``"elsewhere"``: another process builds it. Else answer from the truth.

        Raises ``Unavailable`` when a store is away.
        """
        running = self._running.get(reader_id)
        if running is not None:
            return await asyncio.shield(running)
        if len(self._running) >= self._options.at_once:
            REBUILDS.labels("no_slot").inc()
            return "no_slot"
        outcome: Outcome = "lost"
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._running[reader_id] = future
        started = self._clock.steady_seconds()
        try:
            outcome = await self._build(reader_id)
        finally:
            del self._running[reader_id]
            future.set_result(outcome)
        REBUILDS.labels(outcome).inc()
        REBUILD_SECONDS.observe(self._clock.steady_seconds() - started)
        return outcome

    async def _build(self, reader_id: UserId) -> Outcome:
        for _ in range(self._options.tries):
            token = random_bytes(8)
            if not await self._windows.begin(reader_id, token):
                return "elsewhere"
            entries, followed = await self.read_snapshot(reader_id)
            complete = len(entries) < self._windows.options.max_entries
            merged = await self._windows.merge(
                reader_id,
                token,
                entries,
                complete=complete,
                pulled=followed.pulled,
                kept_away=followed.kept_away,
                aside=followed.aside,
                tags=followed.tags,
            )
            if merged:
                return "built"
        return "lost"

    async def read_snapshot(self, reader_id: UserId) -> tuple[list[Entry], home.Followed]:
        """The newest entries, and who is followed and who kept away, at one moment."""
        async with self._db.snapshot() as session:
            followed = await home.fetch_followed(session, reader_id)
            entries = await home.fetch_below(
                session,
                home.sources_at_home(reader_id, followed),
                before_id=MAX_ID,
                newest_id=first_id_at(self._clock.now_ms() + 1000),
                page_size=self._windows.options.max_entries,
            )
        return entries, followed
