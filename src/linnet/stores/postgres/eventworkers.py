"""Event workers that live, as each of them says by itself."""

from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("eventworkers")


async def beat(db: Reader, worker_id: int, *, gone_seconds: float) -> list[int]:
    """Says that a worker lives; gives all that said so in the last ``gone_seconds``, itself among them."""
    return await db.fetch(int, _sql["beat"], worker_id=worker_id, gone_seconds=gone_seconds)


async def delete(db: Reader, worker_id: int) -> None:
    await db.run(_sql["delete"], worker_id=worker_id)
