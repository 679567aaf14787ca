"""What event workers of this process applied, so that a test can look at it, and wait for it without sleeping."""

import asyncio
from typing import Any

import pytest

from linnet.stores.postgres.outbox import EventRow
from linnet.write.outbox import lanes

PATIENCE_SECONDS = 60.0


class AppliedEvents:
    """Batches in the order of their commits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[list[EventRow]] = []
        self._changed = asyncio.Event()
        committed = lanes._committed

        async def noting(deps: Any, rows: list[EventRow], applied: Any) -> None:
            await committed(deps, rows, applied)
            self.batches.append(list(rows))
            self._changed.set()

        monkeypatch.setattr(lanes, "_committed", noting)

    @property
    def rows(self) -> list[EventRow]:
        return [row for batch in self.batches for row in batch]

    def of(self, actor_id: int) -> list[EventRow]:
        return [row for row in self.rows if row.actor_id == actor_id]

    async def reach(self, count: int) -> None:
        """Waits until so many events were applied."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.rows) < count:
                self._changed.clear()
                await self._changed.wait()
