"""Connections for a move: they take as long as it takes, and write rows as any server reads them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from psycopg import AsyncConnection

from linnet.errors import Conflict, LinnetError, Unavailable
from linnet.stores.postgres.locks import BACKUPS
from linnet.stores.postgres.moves.transfer import Connection
from linnet.stores.postgres.pooler import refuse_pooler

# A server may need some seconds to notice that a mover was killed.
_LOCK_TIMEOUT_MS = 15_000
# Away, full, not allowed, not able. Anything else that a server says is a bug of ours.
_REFUSALS = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.NotSupportedError,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
)


class MoveRunning(Conflict):
    """A backup, a restore or another move works on this database. Wait for it to end, then start this one again."""

    code = "move_running"


@asynccontextmanager
async def connected(url: str, *, name: str, only_looks: bool = False) -> AsyncIterator[Connection]:
    """A connection that commits each statement by itself. What a server refuses inside comes out as ``Unavailable``.

    ``name`` says which of the two servers it is, for whoever reads that it is away. Who ``only_looks`` takes no lock,
    and may come through a pooler.
    """
    where = name
    settings: dict[str, Any] = {
        "autocommit": True,
        "connect_timeout": 5,
        "application_name": "linnet move",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        # However the servers are set up: this is text between two databases. And a server is to notice when nobody is
        # there any more, because whoever moves holds locks.
        "options": "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c datestyle=ISO -c timezone=UTC"
        " -c client_encoding=UTF8 -c extra_float_digits=1 -c bytea_output=hex -c intervalstyle=postgres"
        " -c client_connection_check_interval=1000 -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5"
        " -c tcp_keepalives_count=3 -c tcp_user_timeout=20000",
    }
    try:
        async with await AsyncConnection.connect(url, **settings) as connection:
            if not only_looks:
                await refuse_pooler(connection)
            try:
                yield connection
            except psycopg.Error:
                # It may be about the other connection, which is used at the same time.
                where = name if connection.broken else "one of the two"
                raise
    except LinnetError:
        raise
    except _REFUSALS as error:
        # Without its details, which may show somebody's row.
        said = error.diag.message_primary or str(error)
        raise Unavailable(f"PostgreSQL ({where}): {said}") from error


@asynccontextmanager
async def alone(connection: Connection) -> AsyncIterator[None]:
    """Inside the block nobody else moves, backs up or restores this database, and no picture is deleted."""
    try:
        await connection.execute(f"set lock_timeout = {_LOCK_TIMEOUT_MS}".encode())
        await connection.execute("select pg_advisory_lock(%s)", (BACKUPS,))
        await connection.execute("set lock_timeout = 0")
    except psycopg.errors.LockNotAvailable as error:
        raise MoveRunning from error
    try:
        yield
    finally:
        # A connection that is lost lets go of it by itself.
        with suppress(psycopg.Error):
            await connection.rollback()
            await connection.execute("select pg_advisory_unlock(%s)", (BACKUPS,))
