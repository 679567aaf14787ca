"""Jobs in the queue: put there in a transaction of ours, listed, given back and cleared away.

``jobrunner.py`` runs them.
"""

from typing import Any

import msgspec

from linnet.stores.postgres.locks import STALLED_JOBS
from linnet.stores.postgres.pool import Database, Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("jobs")


class RunnerOptions(msgspec.Struct, frozen=True):
    """``stalled_seconds`` without a heartbeat mean that a worker is gone; on a stop a job has ``grace_seconds``."""

    at_once: int = 2
    poll_seconds: float = 2.0
    heartbeat_seconds: float = 5.0
    stalled_seconds: float = 30.0
    grace_seconds: float = 10.0


class QueuedJob(msgspec.Struct, frozen=True):
    """A job that is not done. ``arguments`` is JSON; ``due_ms`` is 0 when it never had to wait."""

    id: int
    name: str
    arguments: str
    status: str
    attempts: int
    due_ms: int


async def insert(db: Session, *, name: str, arguments: str, lock: str, delay_seconds: float = 0.0) -> int:
    """Queues a job in the caller's transaction: it runs if that commits, and never if it does not.

    Of two jobs with the same ``lock`` the later one waits for the earlier one.
    """
    return int(
        await db.value(
            _sql["insert"], job_name=name, lock_key=lock, arguments=arguments, delay_seconds=float(delay_seconds)
        )
    )


async def retry_stalled(db: Database, *, stalled_seconds: float) -> int:
    """Gives back the jobs whose worker was killed, or cannot reach PostgreSQL; returns how many."""
    async with db.transaction() as session:
        # The look must begin after the lock is had: else two processes could give one job back twice, and the second
        # time would take it from the worker that runs it by now.
        if not await session.value(_sql["lock_stalled"], lock_key=STALLED_JOBS):
            return 0
        await session.run(_sql["delete_replaced"], stalled_seconds=stalled_seconds)
        return int(await session.value(_sql["retry_stalled"], stalled_seconds=stalled_seconds))


async def retry_failed(db: Reader, job_id: int) -> bool:
    """False when no job of that number was given up."""
    return await db.value(_sql["retry_failed"], job_id=job_id) is not None


async def fetch_page(db: Reader, *, after_id: int = 0, page_size: int) -> list[QueuedJob]:
    return await db.fetch(QueuedJob, _sql["fetch_page"], after_id=after_id, page_size=page_size)


async def count_by_status(db: Reader) -> dict[str, int]:
    """Jobs by ``todo``, ``doing``, ``failed``; what there is none of is left out."""
    rows: list[tuple[str, int]] = await db.fetch(_pair, _sql["count_by_status"])
    return dict(rows)


async def delete_given_up(db: Reader, *, days: int, page_size: int) -> int:
    return await db.run(_sql["delete_given_up"], days=days, page_size=page_size)


def _pair(status: str, count: int) -> tuple[str, Any]:
    return status, count
