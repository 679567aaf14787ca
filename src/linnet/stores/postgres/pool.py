"""Connections to PostgreSQL, and how a named query becomes typed rows.

A ``Session`` is one connection at work, in its own transaction or statement by statement. Rows are built positionally
into the struct that the caller names. What goes wrong comes out as an error of ``linnet.errors``: a constraint that
says something to the person is named in ``_CONSTRAINTS``, a store that is away becomes ``Unavailable``.
"""

import select
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import psycopg
from prometheus_client import Counter, Gauge
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from linnet import spans
from linnet.errors import EmailTaken, LinnetError, Unavailable, UsernameTaken
from linnet.stores.postgres.queries import Query

T = TypeVar("T")

# How long a request waits for a connection while the server is known to be away.
_AWAY_SECONDS = 0.5

POOL_SIZE = Gauge("linnet_database_pool_size", "Connections a process may have.", multiprocess_mode="livesum")
POOL_IN_USE = Gauge("linnet_database_pool_in_use", "Connections at work.", multiprocess_mode="livesum")
POOL_REFUSALS = Counter("linnet_database_pool_refusals", "Requests that got no connection in time.")

_CONSTRAINTS: dict[str, Callable[[], LinnetError]] = {
    "usernames_pkey": UsernameTaken,
    "emails_pkey": EmailTaken,
}


# Of two at once one comes first, and the other looks again.
_RETRIED_CONSTRAINTS = {"outbox_pkey", "worker_leases_pkey", "tweets_one_pin"}


class ConcurrentUpdate(Exception):
    """Two transactions met (deadlock, serialization, the same event id). Running the whole again is safe."""


class PostgresOptions(msgspec.Struct, frozen=True):
    """How to reach PostgreSQL and how long to wait for it."""

    url: str
    pool_size: int = 8
    pool_timeout_seconds: float = 2.0
    max_waiting: int = 256
    statement_timeout_seconds: float = 10.0
    connect_timeout_seconds: int = 5


def _translate(error: psycopg.Error) -> Exception:
    """The error of ours that an error of the driver means, or the error itself: then it is a bug."""
    if isinstance(error, errors.UniqueViolation):
        constraint = error.diag.constraint_name or ""
        if constraint in _CONSTRAINTS:
            return _CONSTRAINTS[constraint]()
        if constraint in _RETRIED_CONSTRAINTS:
            return ConcurrentUpdate(constraint)
        return _without_rows(error)
    if isinstance(error, errors.DeadlockDetected | errors.SerializationFailure):
        return ConcurrentUpdate(str(error))
    # A time-out of the pool is an OperationalError too; InterfaceError is what a connection says that fell meanwhile.
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Unavailable(f"PostgreSQL: {error}")
    return _without_rows(error)


def _without_rows(error: psycopg.Error) -> psycopg.Error:
    """The same error; its text goes to the log, and the detail would show the row of somebody."""
    if error.diag.message_detail:
        error.args = (error.diag.message_primary,)
    return error


class Session:
    """One connection. Not for two tasks at once."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    async def _execute(self, query: Query, params: Mapping[str, Any]) -> psycopg.AsyncCursor[TupleRow]:
        cursor = self._connection.cursor(binary=True)
        await cursor.execute(query.text, params)
        return cursor

    async def fetch(self, row_type: Callable[..., T], query: Query, /, **params: Any) -> list[T]:
        """All rows, each given to ``row_type`` positionally."""
        try:
            cursor = await self._execute(query, params)
            return [row_type(*row) for row in await cursor.fetchall()]
        except psycopg.Error as error:
            raise _translate(error) from error

    async def find(self, row_type: Callable[..., T], query: Query, /, **params: Any) -> T | None:
        """The only row, or None."""
        try:
            cursor = await self._execute(query, params)
            row = await cursor.fetchone()
            return None if row is None else row_type(*row)
        except psycopg.Error as error:
            raise _translate(error) from error

    async def value(self, query: Query, /, **params: Any) -> Any:
        """The first column of the only row, or None."""
        try:
            cursor = await self._execute(query, params)
            row = await cursor.fetchone()
            return None if row is None else row[0]
        except psycopg.Error as error:
            raise _translate(error) from error

    async def run(self, query: Query, /, **params: Any) -> int:
        """How many rows were touched."""
        try:
            return (await self._execute(query, params)).rowcount
        except psycopg.Error as error:
            raise _translate(error) from error


class Database:
    """The pool of one process. ``statements`` counts what was sent, for the round-trip budgets of the tests."""

    def __init__(self, options: PostgresOptions) -> None:
        self.options = options
        self._pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            options.url,
            kwargs={
                "autocommit": True,
                "connect_timeout": options.connect_timeout_seconds,
                "application_name": "linnet",
                # A server that can be reached no more says so to nobody: without these a query would wait for hours.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 20_000,
                "options": f"-c statement_timeout={round(options.statement_timeout_seconds * 1000)}"
                " -c idle_in_transaction_session_timeout=60000",
            },
            min_size=1,
            max_size=options.pool_size,
            max_waiting=options.max_waiting,
            timeout=options.pool_timeout_seconds,
            open=False,
            check=None,
            # Attempts get rarer; whoever asks after the last one of these begins anew, and finds a server that is back.
            reconnect_timeout=2.0,
        )
        self._is_away = False
        self.statements = 0

    async def open(self) -> None:
        """Connects once; raises ``Unavailable`` when that fails."""
        await self._pool.open()
        POOL_SIZE.set(self.options.pool_size)
        async with self.session() as session:
            await session.value(_PING)

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection where each statement commits by itself."""
        try:
            async with self._connection() as connection:
                yield _CountingSession(connection, self)
        except psycopg.Error as error:
            raise _translate(error) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Read committed: commits at the end of the block, rolls back when it raises."""
        try:
            async with self._connection() as connection, connection.transaction():
                yield _CountingSession(connection, self)
        except psycopg.Error as error:
            raise _translate(error) from error

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Session]:
        """Everything read in the block is of one moment, the moment of the first statement."""
        async with self.transaction() as session:
            await session.run(_SNAPSHOT)
            yield session

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        with spans.part("postgresql"):
            connection = await self._take()
            POOL_IN_USE.inc()
            try:
                async with connection:
                    yield connection
            finally:
                POOL_IN_USE.dec()
                self._is_away = connection.broken
                await self._pool.putconn(connection)

    async def _take(self) -> AsyncConnection[TupleRow]:
        """A connection that the server has not closed while nobody used it, as it does when it is started again.

        Who knows that the server is away does not wait for long.
        """
        options = self.options
        while True:
            patience = min(options.pool_timeout_seconds, _AWAY_SECONDS) if self._is_away else None
            try:
                connection = await self._pool.getconn(patience)
            except (PoolTimeout, TooManyRequests):
                POOL_REFUSALS.inc()
                raise
            if not _has_to_say(connection.fileno()):
                return connection
            self._is_away = True
            await connection.close()
            # The pool makes another one in its place.
            await self._pool.putconn(connection)

    async def fetch(self, row_type: Callable[..., T], query: Query, /, **params: Any) -> list[T]:
        async with self.session() as session:
            return await session.fetch(row_type, query, **params)

    async def find(self, row_type: Callable[..., T], query: Query, /, **params: Any) -> T | None:
        async with self.session() as session:
            return await session.find(row_type, query, **params)

    async def value(self, query: Query, /, **params: Any) -> Any:
        async with self.session() as session:
            return await session.value(query, **params)

    async def run(self, query: Query, /, **params: Any) -> int:
        async with self.session() as session:
            return await session.run(query, **params)


class _CountingSession(Session):
    def __init__(self, connection: AsyncConnection[TupleRow], database: Database) -> None:
        super().__init__(connection)
        self._database = database

    async def _execute(self, query: Query, params: Mapping[str, Any]) -> psycopg.AsyncCursor[TupleRow]:
        self._database.statements += 1
        if spans.listener is not None:
            spans.listener.mark(query.name)
        return await super()._execute(query, params)


def _has_to_say(fd: int) -> bool:
    """Whether there is something to be read, asked without a round trip: on a connection at rest, that it ended."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


Reader = Session | Database
"""Where a single statement may run: in the caller's transaction, or by itself."""

_PING = Query("pool.ping", (), "value", "select 1")
_SNAPSHOT = Query("pool.snapshot", (), "none", "set transaction isolation level repeatable read, read only")


async def run_again(attempt: Callable[[], Awaitable[T]], *, times: int = 5) -> T:
    """Runs a whole transaction again when it met another one; gives up as ``Unavailable``."""
    for _ in range(times - 1):
        try:
            return await attempt()
        except ConcurrentUpdate:
            continue
    try:
        return await attempt()
    except ConcurrentUpdate as error:
        raise Unavailable(f"PostgreSQL: {error}") from error
