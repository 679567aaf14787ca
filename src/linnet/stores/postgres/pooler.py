"""Whether a connection leads to PostgreSQL itself, or to a pooler that stands in between.

A pooler (PgBouncer in transaction mode) gives each transaction another connection of PostgreSQL. What lasts longer than
a transaction (a statement that was prepared, a setting, a lock of the session) is somebody else's the next moment. Web
processes keep nothing of that kind but prepared statements, and do without; everybody else goes to PostgreSQL itself.
"""

from typing import Any

from psycopg import AsyncConnection, Connection

from linnet.errors import Conflict

# A pooler has numbers of its own for those who connect to it.
_ASK = "select pg_backend_pid()"


class ThroughPooler(Conflict):
    """LINNET_DATABASE_URL leads to PgBouncer, and only `linnet web` works through it: name PostgreSQL itself here."""

    code = "through_pooler"


async def adapt(connection: AsyncConnection[Any]) -> bool:
    """Whether it leads through a pooler; if so nothing is prepared on it from now on."""
    cursor = await connection.execute(_ASK, prepare=False)
    row = await cursor.fetchone()
    is_pooled = row is None or row[0] != connection.info.backend_pid
    if is_pooled:
        connection.prepare_threshold = None
    return is_pooled


async def refuse_pooler(connection: AsyncConnection[Any]) -> None:
    """For who takes locks of the session. Raises ``ThroughPooler``."""
    if await adapt(connection):
        raise ThroughPooler


def refuse_pooler_at_once(connection: Connection[Any]) -> None:
    """The same for a connection that waits for each answer."""
    row = connection.execute(_ASK, prepare=False).fetchone()
    if row is None or row[0] != connection.info.backend_pid:
        raise ThroughPooler
