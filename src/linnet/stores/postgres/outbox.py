"""The outbox: events from the transaction that made them true to the worker that applies them."""

from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.event import Event, actor_of, encode_event, lane_of
from linnet.ids import UserId
from linnet.stores.postgres.locks import LANES
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("outbox")


class NewEvent(msgspec.Struct, frozen=True):
    """An event as its row will be. The row's id may become larger, never smaller."""

    actor_id: UserId
    id: int
    lane: int
    kind: str
    payload: str

    @classmethod
    def of(cls, event: Event, event_id: int) -> "NewEvent":
        actor_id = actor_of(event)
        return cls(actor_id, event_id, lane_of(actor_id), event.kind, encode_event(event))


class EventRow(msgspec.Struct, frozen=True):
    """An event that waits."""

    actor_id: UserId
    id: int
    kind: str
    payload: str
    attempts: int
    appended_ms: int


class ParkedEvent(msgspec.Struct, frozen=True):
    """An event that failed too often, and why."""

    actor_id: UserId
    id: int
    lane: int
    kind: str
    payload: str
    attempts: int
    reason: str
    parked_ms: int


async def append(db: Session, event: NewEvent, *, numbered: bool = False) -> None:
    """Appends an event; it is applied after all of its actor's that wait, unless its id is ``numbered`` already.

    Raises ``ConcurrentUpdate`` when two transactions of one actor chose one id: run the transaction again.
    """
    await db.run(
        _sql["append_numbered" if numbered else "append"],
        actor_id=event.actor_id,
        event_id=event.id,
        lane=event.lane,
        kind=event.kind,
        payload=event.payload,
    )


async def lock_lanes(db: Session, lanes: Collection[int]) -> list[int]:
    """Holds lanes until the transaction ends; those that another worker holds are left out."""
    return await db.fetch(int, _sql["lock_lanes"], lanes=list(lanes), first_key=LANES)


async def wait_for_lane(db: Session, lane: int) -> None:
    """Holds a lane until the transaction ends. To be called before anything else is locked."""
    await db.run(_sql["wait_for_lane"], lane=lane, first_key=LANES)


async def fetch_batch(db: Session, lanes: Collection[int], *, page_size: int) -> list[EventRow]:
    """The oldest events of lanes, without those of actors whose first one waits for a retry."""
    return await db.fetch(EventRow, _sql["fetch_batch"], lanes=list(lanes), page_size=page_size)


async def fetch_of_kinds(
    db: Reader, kinds: Collection[str], *, after: tuple[int, int], page_size: int
) -> list[EventRow]:
    """Events that wait, by actor and id; ``after`` are those of the last one seen."""
    return await db.fetch(
        EventRow,
        _sql["fetch_of_kinds"],
        kinds=list(kinds),
        after_actor_id=after[0],
        after_id=after[1],
        page_size=page_size,
    )


async def delete(db: Session, rows: Sequence[EventRow]) -> None:
    await db.run(_sql["delete"], actor_ids=[row.actor_id for row in rows], event_ids=[row.id for row in rows])


async def postpone(db: Session, row: EventRow, *, delay_seconds: float) -> None:
    await db.run(_sql["postpone"], actor_id=row.actor_id, event_id=row.id, delay_seconds=delay_seconds)


async def park(db: Session, row: EventRow, *, reason: str) -> None:
    await db.run(_sql["park"], actor_id=row.actor_id, event_id=row.id, reason=reason)


async def replay(db: Session, *, actor_id: int, event_id: int) -> bool:
    """False when no such event is parked."""
    return bool(await db.value(_sql["replay"], actor_id=actor_id, event_id=event_id))


async def fetch_parked(db: Reader, *, after: tuple[int, int] = (0, 0), page_size: int) -> list[ParkedEvent]:
    """By actor and id; ``after`` are those of the last one seen."""
    return await db.fetch(
        ParkedEvent, _sql["fetch_parked"], after_actor_id=after[0], after_id=after[1], page_size=page_size
    )


async def fetch_busy_lanes(db: Reader) -> list[int]:
    """Lanes with something due."""
    return await db.fetch(int, _sql["fetch_busy_lanes"])


async def fetch_due_lanes(db: Reader, own: Collection[int], *, late_seconds: float) -> list[int]:
    """Of ``own`` lanes those with something due; of all others those where it has been due for ``late_seconds``."""
    return await db.fetch(int, _sql["fetch_due_lanes"], own=list(own), late_seconds=late_seconds)


async def fetch_depths(db: Reader) -> dict[int, int]:
    """Events per lane, lanes without any left out."""
    rows: list[tuple[int, int]] = await db.fetch(lambda lane, count: (lane, count), _sql["fetch_depths"])
    return dict(rows)


async def count(db: Reader) -> int:
    """All events that wait."""
    return int(await db.value(_sql["count"]))
