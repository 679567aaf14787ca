"""The event worker: goes round the lanes that have work, several at a time, until it is told to stop.

A few hands work at once. A free hand takes all lanes that wait, and while it works more gather for the next one: the
busier the site, the larger the batches, and the cheaper an event. Who comes after a silence is served at once, who
comes right behind another waits a moment for more: a batch costs nearly the same for one event as for forty.

Whoever appends an event says which lane has work; a poll finds what such a signal missed. Of several workers each comes
for the lanes of its share, and for those of others when something has waited there: whoever takes a lane's lock first
applies its next batch.
"""

import asyncio
from functools import partial

import msgspec
import structlog

from linnet.domain.event import TopUserCrossed
from linnet.errors import Unavailable
from linnet.ids import UserId
from linnet.stores.postgres import outbox, users
from linnet.stores.postgres.leases import find_fact, upsert_fact
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import ConcurrentUpdate
from linnet.tasks import end_tasks
from linnet.write.deps import WriteDeps
from linnet.write.fanout.popular import match_half_life
from linnet.write.outbox.lanes import LaneOptions, apply_lane_batch, apply_lanes
from linnet.write.outbox.shares import Shares
from linnet.write.rules import THRESHOLD_FACT

log = structlog.get_logger()

_AWAY_SECONDS = 0.25


class WorkerOptions(msgspec.Struct, frozen=True):
    """``hands`` is also the number of connections that a worker needs, and one more for what lies beside.

    A hand takes ``lanes_at_once`` at the most, and no sooner than ``gather_seconds`` after the one before. Whoever runs
    the worker gives it ``stop_seconds`` after a stop. Every ``beat_seconds`` it hears which others live, and takes
    what has waited for ``late_seconds`` in their lanes too.
    """

    hands: int = 3
    lanes_at_once: int = 32
    gather_seconds: float = 0.05
    poll_seconds: float = 0.25
    beat_seconds: float = 1.0
    late_seconds: float = 0.25
    stop_seconds: float = 10.0
    lane: LaneOptions = LaneOptions()


class EventWorker:
    """Applies events until ``stop``."""

    def __init__(self, deps: WriteDeps, options: WorkerOptions) -> None:
        self._deps = deps
        self._options = options
        self._shares = Shares(deps, beat_seconds=options.beat_seconds)
        self._woken: set[int] = set()
        self._signal = asyncio.Event()
        self._stopped = asyncio.Event()
        self._hands: set[asyncio.Task[None]] = set()
        self._in_hand: set[int] = set()
        self._again: set[int] = set()
        self._gathering_until = 0.0

    @property
    def own_lanes(self) -> frozenset[int]:
        """Those that a signal brings it for."""
        return self._shares.own

    @property
    def is_woken(self) -> bool:
        """Whether it has heard of work that it has not handed out yet."""
        return bool(self._woken)

    def wake(self, lane: int) -> None:
        """A lane has work. One that is not ours is left to whose it is; so are numbers that are no lane at all.

        They come over a channel that others may write to.
        """
        if lane in self._shares.own:
            self._wake_own(lane)

    def _wake_own(self, lane: int) -> None:
        self._woken.add(lane)
        self._signal.set()

    def stop(self) -> None:
        """``run`` finishes the batches in hand and returns."""
        self._stopped.set()
        self._signal.set()

    async def run(self) -> None:
        """Raises nothing but cancellation, which rolls batches in hand back: a store that is away is waited for."""
        sharing = asyncio.create_task(self._shares.keep(), name="shares of lanes")
        try:
            await self._run()
        except asyncio.CancelledError:
            for task in self._hands:
                task.cancel()
            if self._hands:
                await asyncio.wait(self._hands)
            raise
        finally:
            await end_tasks([sharing])
        await self._shares.leave()

    async def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                await self._match_threshold()
                await match_half_life(self._deps)
                break
            except Unavailable as error:
                log.warning("waiting for the stores", cause=str(error))
                await self._pause(_AWAY_SECONDS)
        time = asyncio.get_running_loop().time
        poll_at = time()
        while not self._stopped.is_set():
            if self._woken and (wait := self._gathering_until - time()) > 0:
                await self._gather(wait)
            # Taken before anything is waited for: who wakes a lane from now on is heard in the next round.
            lanes, self._woken = self._woken, set()
            try:
                # On time also while wakes keep coming: nobody wakes a lane for a retry, or for a worker that is gone.
                if time() >= poll_at:
                    lanes |= set(await self._fetch_due())
                    poll_at = time() + self._options.poll_seconds
                await self._hand_out(lanes)
            except Unavailable as error:
                log.warning("waiting for the stores", cause=error.cause)
                await self._pause(_AWAY_SECONDS)
            if not self._woken:
                await self._pause(poll_at - time())
        if self._hands:
            await asyncio.wait(self._hands)

    async def _fetch_due(self) -> list[int]:
        if self._shares.is_alone:
            return await outbox.fetch_busy_lanes(self._deps.db)
        own, late_seconds = self._shares.own, self._options.late_seconds
        return await outbox.fetch_due_lanes(self._deps.db, own, late_seconds=late_seconds)

    async def drain(self) -> None:
        """Applies everything that is due, in the order of the lanes. For tests and commands."""
        while lanes := await outbox.fetch_busy_lanes(self._deps.db):
            for lane in lanes:
                while await apply_lane_batch(self._deps, lane, self._options.lane) == "applied":
                    pass

    async def _gather(self, seconds: float) -> None:
        """Whatever wakes lanes meanwhile is for one batch."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass

    async def _pause(self, seconds: float) -> None:
        if self._stopped.is_set():
            return
        self._signal.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._signal.wait()
        except TimeoutError:
            pass

    async def _hand_out(self, lanes: set[int]) -> None:
        """Gives lanes to hands that are free; waits until there is one for each of them."""
        # Those in hand may be past their last look: they are looked at again when they are done.
        self._again |= lanes & self._in_hand
        waiting = sorted(lanes - self._in_hand)
        while waiting:
            while len(self._hands) >= self._options.hands:
                await asyncio.wait(self._hands, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(0)  # the callbacks of those that are done come first
                # Meanwhile more came in: the hand takes it along.
                woken, self._woken = self._woken, set()
                self._again |= woken & self._in_hand
                waiting = sorted({*waiting, *(woken - self._in_hand)})
            taken, waiting = waiting[: self._options.lanes_at_once], waiting[self._options.lanes_at_once :]
            task = asyncio.create_task(self._work(taken), name=f"lanes {taken}")
            self._hands.add(task)
            self._in_hand.update(taken)
            task.add_done_callback(partial(self._done, lanes=taken))
            self._gathering_until = asyncio.get_running_loop().time() + self._options.gather_seconds

    def _done(self, task: asyncio.Task[None], *, lanes: list[int]) -> None:
        self._hands.discard(task)
        self._in_hand.difference_update(lanes)
        for lane in lanes:
            if lane in self._again:
                self._again.discard(lane)
                self._wake_own(lane)

    async def _work(self, lanes: list[int]) -> None:
        try:
            done = await self._apply(lanes)
            # Full: they have enough for a batch of each, which is read with less effort.
            for lane in lanes if not done else ():
                await self._apply([lane])
        except ConcurrentUpdate:
            for lane in lanes:
                self._wake_own(lane)
        except Unavailable as error:
            log.warning("lanes wait for the stores", lanes=lanes, cause=error.cause)
        except Exception as error:
            log.error("lanes stopped; the next poll takes them up again", lanes=lanes, exc_info=error)

    async def _apply(self, lanes: list[int]) -> bool:
        """Applies what lanes have, batch by batch; False when several have so much that a batch was full."""
        while not self._stopped.is_set():
            found = await apply_lanes(self._deps, lanes, self._options.lane)
            if found.outcome != "applied" or found.events < self._options.lane.batch_size:
                # What came meanwhile woke its lane once more, and is worth a batch of its own when more has gathered.
                break
            if len(lanes) > 1:
                return False
        return True

    async def _match_threshold(self) -> None:
        """When the threshold of top users was changed, those who are on the wrong side now cross it."""
        deps = self._deps
        threshold = deps.options.top_user_followers
        if await find_fact(deps.db, THRESHOLD_FACT) == str(threshold):
            return
        await match_threshold(deps)
        await upsert_fact(deps.db, THRESHOLD_FACT, str(threshold))


async def match_threshold(deps: WriteDeps, *, page_size: int = 500) -> list[UserId]:
    """Lets everybody cross who stands on the wrong side of the threshold; returns who did. Scans all users."""
    threshold, crossed = deps.options.top_user_followers, list[UserId]()
    while True:
        async with deps.db.transaction() as session:
            misfits = await users.fetch_misfits(session, threshold=threshold, page_size=page_size)
            page = await users.update_top_flags(session, misfits, threshold=threshold)
            for user_id, up in page:
                await outbox.append(session, NewEvent.of(TopUserCrossed(user_id, up=up), deps.ids.mint()))
        crossed += [user_id for user_id, _ in page]
        if len(misfits) < page_size:
            return crossed
