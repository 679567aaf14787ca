"""The next batch of one lane, or of several: taken, applied and deleted in one transaction.

A lane's lock belongs to that transaction, so that whoever loses the connection loses the lane with it: no two workers
ever apply one lane's events at once, and a killed worker's lanes are free in the moment its connections are gone.

What a batch costs is nearly the same for one event as for a hundred. So lanes that have a little each share a batch:
of each lane it holds the oldest events, which is all that the order within a lane asks for.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
import structlog
from prometheus_client import Counter, Histogram

from linnet import spans
from linnet.domain.event import decode_event
from linnet.errors import Unavailable
from linnet.stores.postgres import outbox
from linnet.stores.postgres.outbox import EventRow
from linnet.stores.postgres.pool import TooSlow
from linnet.write.deps import WriteDeps
from linnet.write.failover.confirming import confirm_history
from linnet.write.fanout.batch import Applied, announce, apply_batch
from linnet.write.fanout.sorting import Numbered

log = structlog.get_logger()

DELIVERY_LAG = Histogram(
    "linnet_delivery_lag_seconds",
    "From the commit of an event to the end of its effects.",
    buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 15, 60, 300),
)
EVENTS = Counter("linnet_events", "Events by what became of them.", ["outcome"])
DELIVERIES = Counter("linnet_deliveries", "Entries that windows took.")


class LaneOptions(msgspec.Struct, frozen=True):
    """``max_attempts`` before an event is parked; a retry waits ``retry_seconds``, four times as long each time.

    An event whose statements ran into their time-out waits ``slow_retry_seconds`` instead: the server may just be busy,
    and one that is so for a quarter of an hour is not to park everybody's events.
    """

    batch_size: int = 256
    max_attempts: int = 5
    retry_seconds: float = 0.25
    slow_retry_seconds: float = 10.0


Outcome = Literal["applied", "empty", "held"]


class Round(msgspec.Struct, frozen=True):
    """What became of a batch, and how many events were in it."""

    outcome: Outcome
    events: int


async def apply_lanes(deps: WriteDeps, lanes: Sequence[int], options: LaneOptions) -> Round:
    """Applies the oldest events of these lanes. When the batch fails, each lane is applied by itself.

    ``"held"``: other workers have all of the lanes. Raises ``Unavailable`` when a store is away or somebody else holds
    a lock, which is no event's fault. A statement of its own that takes too long is.
    """
    if len(lanes) == 1:
        return await _apply_one_lane(deps, lanes[0], options)
    tried: list[EventRow] = []
    try:
        return Round(await _apply(deps, lanes, options.batch_size, tried), len(tried))
    except Exception as error:
        if _is_nobodys_fault(error):
            raise
        log.warning("a batch failed, its lanes are applied one by one", lanes=lanes, exc_info=error)
    rounds = [await _apply_one_lane(deps, lane, options) for lane in lanes]
    return Round("applied", sum(found.events for found in rounds))


async def apply_lane_batch(deps: WriteDeps, lane: int, options: LaneOptions) -> Outcome:
    """``apply_lanes`` for one lane: when the batch fails, its events are applied one by one to find the one."""
    return (await apply_lanes(deps, [lane], options)).outcome


async def _apply_one_lane(deps: WriteDeps, lane: int, options: LaneOptions) -> Round:
    tried: list[EventRow] = []
    try:
        return Round(await _apply(deps, [lane], options.batch_size, tried), len(tried))
    except Exception as error:
        if _is_nobodys_fault(error):
            raise
        log.warning("a batch failed, its events are applied one by one", lane=lane, exc_info=error)
    for applied in range(options.batch_size):
        outcome = await _apply_one(deps, lane, options)
        if outcome != "applied":
            return Round(outcome, applied)
    return Round("applied", options.batch_size)


async def _apply(deps: WriteDeps, lanes: Sequence[int], page_size: int, tried: list[EventRow]) -> Outcome:
    """``tried`` says, also when it raises, which events it was about."""
    with spans.whole("apply events") as span:
        outcome = await _apply_batch(deps, lanes, page_size, tried)
        span.note(linnet__lanes=len(lanes), linnet__events=len(tried), linnet__outcome=outcome)
        return outcome


async def _apply_batch(deps: WriteDeps, lanes: Sequence[int], page_size: int, tried: list[EventRow]) -> Outcome:
    history = deps.valkey.history
    async with deps.db.transaction() as session:
        locked = await outbox.lock_lanes(session, lanes)
        if not locked:
            return "held"
        rows = await outbox.fetch_batch(session, locked, page_size=page_size)
        if not rows:
            return "empty"
        tried += rows
        batch = [Numbered(row.id, decode_event(row.kind, row.payload)) for row in rows]
        applied = await apply_batch(deps, session, batch)
        await outbox.delete(session, rows)
        await confirm_history(deps, session, history)
    await _committed(deps, rows, applied)
    return "applied"


async def _committed(deps: WriteDeps, rows: list[EventRow], applied: Applied) -> None:
    now_ms = deps.clock.now_ms()
    for row in rows:
        DELIVERY_LAG.observe(max(0, now_ms - row.appended_ms) / 1000)
    EVENTS.labels("applied").inc(len(rows))
    DELIVERIES.inc(applied.deliveries)
    await announce(deps, applied)


async def _apply_one(deps: WriteDeps, lane: int, options: LaneOptions) -> Outcome:
    tried: list[EventRow] = []
    try:
        return await _apply(deps, [lane], 1, tried)
    except Exception as error:
        if _is_nobodys_fault(error):
            raise
        if not tried:
            raise
        return await _set_aside(deps, lane, options, tried[0], error)


def _is_nobodys_fault(error: Exception) -> bool:
    return isinstance(error, Unavailable) and not isinstance(error, TooSlow)


def _reason(error: Exception) -> str:
    """For whoever looks at what was parked."""
    said = error.cause if isinstance(error, Unavailable) else str(error)
    return f"{type(error).__name__}: {said}"[:1000]


async def _set_aside(deps: WriteDeps, lane: int, options: LaneOptions, row: EventRow, error: Exception) -> Outcome:
    """An event failed: it waits for its next attempt, or is parked. Others of the lane go on."""
    async with deps.db.transaction() as session:
        if not await outbox.lock_lanes(session, [lane]):
            return "held"
        if row.attempts + 1 >= options.max_attempts:
            await outbox.park(session, row, reason=_reason(error))
            EVENTS.labels("parked").inc()
            log.error("event parked", actor_id=row.actor_id, event_id=row.id, kind=row.kind, exc_info=error)
        else:
            first_seconds = options.slow_retry_seconds if isinstance(error, TooSlow) else options.retry_seconds
            delay_seconds = first_seconds * 4**row.attempts
            await outbox.postpone(session, row, delay_seconds=delay_seconds)
            EVENTS.labels("failed").inc()
            log.warning("event failed", actor_id=row.actor_id, event_id=row.id, kind=row.kind, exc_info=error)
    return "applied"
