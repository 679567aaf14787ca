"""Pages of rows between two ids, from whichever end one scrolls."""

from collections.abc import Callable
from typing import Any, TypeVar

from linnet.domain.timeline import Range
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import Query

T = TypeVar("T")


async def fetch_range(
    db: Reader, row_type: Callable[..., T], below: Query, above: Query, wanted: Range, **params: Any
) -> list[T]:
    """Rows newest first, also those just above a cursor, which their query finds oldest first.

    ``below`` takes ``before_id`` and ``page_size`` beside the other parameters, ``above`` takes ``after_id`` instead.
    """
    if wanted.ascending:
        rows = await db.fetch(row_type, above, after_id=wanted.after, page_size=wanted.limit, **params)
        return rows[::-1]
    return await db.fetch(row_type, below, before_id=wanted.before, page_size=wanted.limit, **params)
