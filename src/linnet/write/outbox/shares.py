"""Which lanes an event worker looks after, among all event workers that live.

Whoever wakes a lane wakes every worker. So that not all of them come for it, each has a share: the lanes whose number,
divided by how many workers there are, leaves its own place among them. Shares are about who comes first and nothing
else: a lane's lock decides who applies it (``lanes.py``), and what has waited for a moment is anybody's.
"""

import asyncio
from contextlib import suppress

import structlog
from prometheus_client import Gauge

from linnet.domain.event import LANES
from linnet.errors import Unavailable
from linnet.stores.postgres import eventworkers
from linnet.write.deps import WriteDeps

log = structlog.get_logger()

OWN_LANES = Gauge("linnet_worker_lanes", "Lanes that an event worker looks after.")

# So many beats that were not heard say that a worker is gone.
_MISSED_BEATS = 3
_LEAVE_TIMEOUT_SECONDS = 1.0


def share_of(worker_id: int, all_ids: list[int]) -> frozenset[int]:
    """The lanes of one of them. Together they have every lane once, and nobody has two more than another."""
    return frozenset(range(sorted(all_ids).index(worker_id), LANES, len(all_ids)))


class Shares:
    """The share of one worker. All lanes are its own until it has heard of others."""

    def __init__(self, deps: WriteDeps, *, beat_seconds: float) -> None:
        self._deps = deps
        self._beat_seconds = beat_seconds
        self._id: int | None = None
        self.own: frozenset[int] = frozenset(range(LANES))

    @property
    def is_alone(self) -> bool:
        return len(self.own) == LANES

    async def keep(self) -> None:
        """Says that this worker lives, and hears who else does, until cancelled."""
        while True:
            try:
                await self._beat()
            except Unavailable as error:
                # Nobody can be asked for lanes either.
                log.debug("no beat", cause=error.cause)
            except Exception as error:
                # The share stays what it was; others make up for what is not right about it.
                log.error("a worker could not say that it lives", exc_info=error)
            await asyncio.sleep(self._beat_seconds)

    async def leave(self) -> None:
        """The others need not find out."""
        if self._id is not None:
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(_LEAVE_TIMEOUT_SECONDS):
                    await eventworkers.delete(self._deps.db, self._id)

    async def _beat(self) -> None:
        if self._id is None:
            self._id = self._deps.ids.mint()
        living = await eventworkers.beat(
            self._deps.db, self._id, gone_seconds=max(1.0, _MISSED_BEATS * self._beat_seconds)
        )
        own = share_of(self._id, living)
        if own != self.own:
            log.info("shares of lanes", workers=len(living), lanes=len(own))
        self.own = own
        OWN_LANES.set(len(own))
