"""The event worker: goes round the lanes that have work, several at a time, until it is told to stop.

Whoever appends an event says which lane has work; a poll finds what such a signal missed. Several workers share the
lanes without knowing each other: whoever takes a lane's lock first applies its next batch.
"""

import asyncio

import msgspec
import structlog

from linnet.domain.event import LANES, TopUserCrossed
from linnet.errors import Unavailable
from linnet.ids import UserId
from linnet.stores.postgres import outbox, users
from linnet.stores.postgres.leases import find_fact, upsert_fact
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import ConcurrentUpdate
from linnet.write.deps import WriteDeps
from linnet.write.outbox.lanes import LaneOptions, apply_lane_batch

log = structlog.get_logger()

_AWAY_SECONDS = 0.25
_THRESHOLD_FACT = "top_user_followers"


class WorkerOptions(msgspec.Struct, frozen=True):
    """``lanes_at_once`` is also the number of connections that a worker needs, and one more for what lies beside."""

    lanes_at_once: int = 4
    poll_seconds: float = 0.25
    lane: LaneOptions = LaneOptions()


class EventWorker:
    """Applies events until ``stop``."""

    def __init__(self, deps: WriteDeps, options: WorkerOptions) -> None:
        self._deps = deps
        self._options = options
        self._woken: set[int] = set()
        self._signal = asyncio.Event()
        self._stopping = False
        self._running: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()

    def wake(self, lane: int) -> None:
        """A lane has work. Numbers that are no lane are ignored: they come over a channel that others may write to."""
        if 0 <= lane < LANES:
            self._woken.add(lane)
            self._signal.set()

    def stop(self) -> None:
        """``run`` finishes the batches in hand and returns."""
        self._stopping = True
        self._signal.set()

    async def run(self) -> None:
        """Raises nothing but cancellation: a store that is away is waited for."""
        while not self._stopping:
            try:
                await self._match_threshold()
                break
            except (Unavailable, ConcurrentUpdate) as error:
                log.warning("waiting for the stores", cause=str(error))
                await self._pause(_AWAY_SECONDS)
        time = asyncio.get_running_loop().time
        poll_at = time()
        while not self._stopping:
            # Taken before anything is waited for: who wakes a lane from now on is heard in the next round.
            lanes, self._woken = self._woken, set()
            try:
                # On time also while wakes keep coming: nobody wakes a lane for a retry, or for a worker that is gone.
                if time() >= poll_at:
                    lanes |= set(await outbox.fetch_busy_lanes(self._deps.db))
                    poll_at = time() + self._options.poll_seconds
                for lane in lanes:
                    await self._start(lane)
            except Unavailable as error:
                log.warning("waiting for the stores", cause=error.cause)
                await self._pause(_AWAY_SECONDS)
            if not self._woken:
                await self._pause(poll_at - time())
        if self._running:
            await asyncio.wait(self._running.values())

    async def drain(self) -> None:
        """Applies everything that is due, in the order of the lanes. For tests and commands."""
        while lanes := await outbox.fetch_busy_lanes(self._deps.db):
            for lane in lanes:
                while await apply_lane_batch(self._deps, lane, self._options.lane) == "applied":
                    pass

    async def _pause(self, seconds: float) -> None:
        if self._stopping:
            return
        self._signal.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._signal.wait()
        except TimeoutError:
            pass

    async def _start(self, lane: int) -> None:
        if lane in self._running:
            # It may be past its last look: it is looked at again when it is done.
            self._again.add(lane)
            return
        while len(self._running) >= self._options.lanes_at_once:
            await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)  # the callbacks of those that are done come first
        task = asyncio.create_task(self._work(lane), name=f"lane {lane}")
        self._running[lane] = task
        task.add_done_callback(lambda _: self._done(lane))

    def _done(self, lane: int) -> None:
        del self._running[lane]
        if lane in self._again:
            self._again.discard(lane)
            self.wake(lane)

    async def _work(self, lane: int) -> None:
        try:
            while not self._stopping:
                if await apply_lane_batch(self._deps, lane, self._options.lane) != "applied":
                    return
        except ConcurrentUpdate:
            self.wake(lane)
        except Unavailable as error:
            log.warning("a lane waits for the stores", lane=lane, cause=error.cause)
        except Exception as error:
            log.error("a lane stopped; the next poll takes it up again", lane=lane, exc_info=error)

    async def _match_threshold(self) -> None:
        """When the threshold of top users was changed, those who are on the wrong side now cross it."""
        deps = self._deps
        threshold = deps.options.top_user_followers
        if await find_fact(deps.db, _THRESHOLD_FACT) == str(threshold):
            return
        await match_threshold(deps)
        await upsert_fact(deps.db, _THRESHOLD_FACT, str(threshold))


async def match_threshold(deps: WriteDeps, *, page_size: int = 500) -> list[UserId]:
    """Lets everybody cross who stands on the wrong side of the threshold; returns who did. Scans all users."""
    crossed: list[UserId] = []
    while True:
        async with deps.db.transaction() as session:
            page = await users.update_top_flags(session, threshold=deps.options.top_user_followers, page_size=page_size)
            for user_id, up in page:
                await outbox.append(session, NewEvent.of(TopUserCrossed(user_id, up=up), deps.ids.mint()))
        crossed += [user_id for user_id, _ in page]
        if len(page) < page_size:
            return crossed
