"""Tweets that are to be posted later."""

import msgspec

from linnet.domain.scheduled import Scheduled, ScheduledDraft
from linnet.domain.timeline import Range
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range

_sql = load_queries("scheduled")
_drafts = msgspec.json.Decoder(ScheduledDraft)


class Counts(msgspec.Struct, frozen=True):
    """How many somebody has, and how many of them for some time."""

    waiting: int
    then: int


async def lock(db: Session, user_id: UserId) -> bool:
    """Others who would schedule for the same person wait. False for somebody who is leaving."""
    return bool(await db.run(_sql["lock"], user_id=user_id))


async def insert(db: Session, new: Scheduled) -> None:
    draft = msgspec.json.encode(new.draft).decode()
    await db.run(_sql["insert"], user_id=new.user_id, id=new.id, due_ms=new.due_ms, draft=draft)


async def count(db: Session, user_id: UserId, *, except_id: int, from_ms: int, until_ms: int) -> Counts:
    found = await db.find(
        Counts, _sql["count"], user_id=user_id, except_id=except_id, from_ms=from_ms, until_ms=until_ms
    )
    return found or Counts(0, 0)


async def find(db: Reader, user_id: UserId, scheduled_id: int) -> Scheduled | None:
    return await db.find(_read, _sql["find"], user_id=user_id, id=scheduled_id)


async def fetch(db: Reader, user_id: UserId, wanted: Range) -> list[Scheduled]:
    """Somebody's, the newest first."""
    return await fetch_range(db, _read, _sql["fetch"], _sql["fetch_above"], wanted, user_id=user_id)


async def update_due(db: Session, user_id: UserId, scheduled_id: int, due_ms: int) -> bool:
    """It waits again, whatever became of it. False when it is not there."""
    return bool(await db.run(_sql["update_due"], user_id=user_id, id=scheduled_id, due_ms=due_ms))


async def delete(db: Session, user_id: UserId, scheduled_id: int) -> bool:
    """False when it was not there."""
    return bool(await db.run(_sql["delete"], user_id=user_id, id=scheduled_id))


async def claim(db: Session, one: Scheduled) -> bool:
    """Whether this transaction is the one that posts it: nobody else ever is, unless it is rolled back."""
    return bool(await db.run(_sql["claim"], user_id=one.user_id, id=one.id, due_ms=one.due_ms))


async def fail(db: Reader, one: Scheduled, failure: str) -> None:
    """It does not wait any more."""
    await db.run(_sql["fail"], user_id=one.user_id, id=one.id, due_ms=one.due_ms, failure=failure)


async def fetch_due(db: Reader, *, now_ms: int, after: tuple[int, int], page_size: int) -> list[Scheduled]:
    """Anybody's whose time has come, by time, behind (due_ms, id)."""
    after_ms, after_id = after
    return await db.fetch(
        _read, _sql["fetch_due"], now_ms=now_ms, after_ms=after_ms, after_id=after_id, page_size=page_size
    )


def _read(user_id: UserId, scheduled_id: int, due_ms: int, draft: str, failure: str | None) -> Scheduled:
    return Scheduled(user_id, scheduled_id, due_ms, _drafts.decode(draft), failure)
