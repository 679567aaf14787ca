"""Connections to PostgreSQL, and how a named query becomes typed rows.

A ``Session`` is one connection at work, in its own transaction or statement by statement. Rows are built positionally
into the struct that the caller names. What goes wrong comes out as an error of ``linnet.errors``: a constraint that
says something to the person is named in ``faults``, a store that is away becomes ``Unavailable``.

Nobody waits for ever: the server ends statements that take long, and if it does not do so in time either, the
connection is cut here. A process that serves people also watches PostgreSQL (``Database.watched``).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, TypeVar

import msgspec
import psycopg
import structlog
from prometheus_client import Counter, Gauge
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from linnet import spans
from linnet.errors import Unavailable
from linnet.stores.postgres.arrays import fast_arrays
from linnet.stores.postgres.faults import ConcurrentUpdate, TooSlow, run_again, translate
from linnet.stores.postgres.options import PostgresOptions
from linnet.stores.postgres.pooler import adapt
from linnet.stores.postgres.queries import Query
from linnet.stores.postgres.turnstile import Pass, Turnstile
from linnet.stores.postgres.watch import Watch, cut, has_to_say
from linnet.tasks import end_tasks

__all__ = ["ConcurrentUpdate", "Database", "PostgresOptions", "Reader", "Session", "TooSlow", "run_again"]

T = TypeVar("T")

log = structlog.get_logger()

# How long a request waits for a connection while the server is known to be away.
_AWAY_SECONDS = 0.5
# How often somebody who waits for a new connection looks up.
_GLANCE_SECONDS = 0.1
# What the server may take beyond the time-out of a statement to say so.
_MARGIN_SECONDS = 2.0

POOL_SIZE = Gauge("linnet_database_pool_size", "Connections a process may have.", multiprocess_mode="livesum")
POOL_IN_USE = Gauge("linnet_database_pool_in_use", "Connections at work.", multiprocess_mode="livesum")
POOL_REFUSALS = Counter("linnet_database_pool_refusals", "Requests that got no connection in time.")


class _Connection(AsyncConnection[TupleRow]):
    """One of the pool's. ``kept`` is the cursor of whoever has it; every statement's rows are read before the next."""

    @cached_property
    def kept(self) -> psycopg.AsyncCursor[TupleRow]:
        return self.cursor(binary=True)


class Session:
    """One connection. Not for two tasks at once."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        # Where tables lie on several nodes, rows of several owners cannot be locked in one statement.
        self.is_distributed = False
        # One for all statements: making a cursor costs as much CPU as a short statement.
        self._cursor = connection.kept if isinstance(connection, _Connection) else connection.cursor(binary=True)

    async def _execute(self, query: Query, params: Mapping[str, Any]) -> psycopg.AsyncCursor[TupleRow]:
        await self._cursor.execute(query.text, params)
        return self._cursor

    async def fetch(self, row_type: Callable[..., T], query: Query, /, **params: Any) -> list[T]:
        """All rows, each given to ``row_type`` positionally."""
        try:
            cursor = await self._execute(query, params)
            return [row_type(*row) for row in await cursor.fetchall()]
        except psycopg.Error as error:
            raise translate(error) from error

    async def find(self, row_type: Callable[..., T], query: Query, /, **params: Any) -> T | None:
        """The only row, or None."""
        try:
            cursor = await self._execute(query, params)
            row = await cursor.fetchone()
            return None if row is None else row_type(*row)
        except psycopg.Error as error:
            raise translate(error) from error

    async def value(self, query: Query, /, **params: Any) -> Any:
        """The first column of the only row, or None."""
        try:
            cursor = await self._execute(query, params)
            row = await cursor.fetchone()
            return None if row is None else row[0]
        except psycopg.Error as error:
            raise translate(error) from error

    async def run(self, query: Query, /, **params: Any) -> int:
        """How many rows were touched."""
        try:
            return (await self._execute(query, params)).rowcount
        except psycopg.Error as error:
            raise translate(error) from error


class Database:
    """The pool of one process. ``statements`` counts what was sent, for the round-trip budgets of the tests."""

    def __init__(self, options: PostgresOptions, refusals: Counter = POOL_REFUSALS) -> None:
        self.options = options
        self._refusals = refusals
        self._pool: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            options.url,
            kwargs={**options.parameters, "application_name": "linnet", "context": fast_arrays()},
            min_size=1,
            max_size=options.pool_size,
            timeout=options.pool_timeout_seconds,
            open=False,
            connection_class=_Connection,
            configure=self._configure,
            check=None,
            # Attempts get rarer; whoever asks after the last one of these begins anew, and finds a server that is back.
            reconnect_timeout=2.0,
        )
        self._turnstile = Turnstile(options.pool_size, options.write_connections, options.max_waiting)
        self._held: set[_Held] = set()
        self._watch: Watch | None = None
        self._lost_one = False
        # Why nobody is let in, as long as the server is known to be away.
        self._away: str | None = None
        # Whether a pooler stands in between, which is known once it is open.
        self.is_pooled = False
        # Whether this is Citus, known from then on too. Its extension alone says so: distributing comes right after.
        self.is_distributed = False
        self.statements = 0

    @property
    def is_away(self) -> bool:
        """Whether the watcher found that PostgreSQL does not answer. False also when nobody watches."""
        return self._away is not None

    async def open(self) -> None:
        """Connects once; raises ``Unavailable`` when that fails."""
        await self._pool.open()
        POOL_SIZE.set(self.options.pool_size)
        async with self.session() as session:
            self.is_distributed = bool(await session.value(_PING))

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Inside the block everybody is turned away at once while PostgreSQL does not answer."""
        options = self.options
        watching = options.watch
        if self.is_pooled:
            # The watcher's question stands in the pooler's line, behind those of others.
            patience_seconds = max(watching.patience_seconds, options.pool_timeout_seconds)
            watching = msgspec.structs.replace(watching, patience_seconds=patience_seconds)
        self._watch = Watch(options.url, options.parameters, watching, on_away=self._turn_away, on_back=self._let_in)
        tasks = [
            asyncio.create_task(self._watch.run(), name="watch of PostgreSQL"),
            asyncio.create_task(self._cut_the_late(), name="statements without an answer"),
        ]
        try:
            yield
        finally:
            self._watch = None
            self._away = None
            await end_tasks(tasks)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection where each statement commits by itself."""
        try:
            async with self._connection() as held:
                yield _WatchedSession(held, self)
        except psycopg.Error as error:
            raise translate(error) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Read committed: commits at the end of the block, rolls back when it raises."""
        try:
            async with self._connection() as held, held.connection.transaction():
                try:
                    yield _WatchedSession(held, self)
                finally:
                    # The commit has its own time.
                    held.begin()
        except psycopg.Error as error:
            raise translate(error) from error

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Session]:
        """Everything read in the block is of one moment, the moment of the first statement."""
        async with self.transaction() as session:
            await session.run(_SNAPSHOT)
            yield session

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["_Held"]:
        with spans.part("postgresql"):
            held = await self._acquire()
            try:
                async with held.connection:
                    yield held
            finally:
                await self._release(held)

    async def _alone(self, statement: Callable[..., Awaitable[T]], *args: Any, **params: Any) -> T:
        """Runs one of ``Session``'s statements by itself: as in ``session()``, without its two context managers.

        It commits or fails as a whole, so there is nothing to end but the loan of the connection.
        """
        with spans.part("postgresql"):
            try:
                held = await self._acquire()
                try:
                    return await statement(_WatchedSession(held, self), *args, **params)
                finally:
                    await self._release(held)
            except psycopg.Error as error:
                raise translate(error) from error

    async def _acquire(self) -> "_Held":
        loop = asyncio.get_running_loop()
        granted = await self._enter()
        try:
            connection = await self._take(loop.time() + self.options.pool_timeout_seconds)
        except BaseException:
            self._turnstile.leave(granted)
            raise
        held = _Held(connection, granted, loop)
        self._held.add(held)
        POOL_IN_USE.inc()
        return held

    async def _release(self, held: "_Held") -> None:
        POOL_IN_USE.dec()
        self._held.discard(held)
        try:
            self._lost_one = held.connection.broken
            if self._lost_one and self._watch is not None:
                self._watch.doubt()
            await self._pool.putconn(held.connection)
        finally:
            self._turnstile.leave(held.granted)

    async def _configure(self, connection: AsyncConnection[TupleRow]) -> None:
        self.is_pooled = await adapt(connection)

    async def _enter(self) -> Pass:
        self._refuse_while_away()
        try:
            return await self._turnstile.enter(self.options.pool_timeout_seconds)
        except Unavailable:
            self._refusals.inc()
            raise

    async def _take(self, patience_ends: float) -> AsyncConnection[TupleRow]:
        """A connection that the server has not closed while nobody used it, as it does when it is started again.

        Who knows that the server is away does not wait for long.
        """
        time = asyncio.get_running_loop().time
        if self._lost_one:
            patience_ends = min(patience_ends, time() + _AWAY_SECONDS)
        while True:
            self._refuse_while_away()
            # In short turns, and not in one: the server may be found to be away meanwhile.
            patience = min(max(patience_ends - time(), 0.001), _GLANCE_SECONDS)
            try:
                connection = await self._pool.getconn(patience)
            except PoolTimeout:
                if time() < patience_ends:
                    continue
                self._refusals.inc()
                raise
            if not has_to_say(connection.fileno()):
                return connection
            self._lost_one = True
            patience_ends = min(patience_ends, time() + _AWAY_SECONDS)
            await connection.close()
            # The pool makes another one in its place.
            await self._pool.putconn(connection)

    def _refuse_while_away(self) -> None:
        if self._away is not None:
            self._refusals.inc()
            raise Unavailable(f"PostgreSQL is away: {self._away}")

    def _turn_away(self, cause: str) -> None:
        self._away = cause
        self._turnstile.refuse_all(f"PostgreSQL is away: {cause}")
        for held in self._held:
            cut(held.connection)

    async def _let_in(self) -> None:
        # Those at rest may lead nowhere any more, and would say so to the next who take them, late.
        await self._pool.drain()
        self._away = None

    async def _cut_the_late(self) -> None:
        """The server ends a statement that takes too long. One that it does not end either was never answered."""
        longest = self.options.statement_timeout_seconds + _MARGIN_SECONDS
        while True:
            await asyncio.sleep(_MARGIN_SECONDS / 2)
            for held in self._held:
                if held.is_late(longest):
                    log.warning("a statement got no answer: its connection is cut")
                    cut(held.connection)

    async def fetch(self, row_type: Callable[..., T], query: Query, /, **params: Any) -> list[T]:
        return await self._alone(Session.fetch, row_type, query, **params)

    async def find(self, row_type: Callable[..., T], query: Query, /, **params: Any) -> T | None:
        return await self._alone(Session.find, row_type, query, **params)

    async def value(self, query: Query, /, **params: Any) -> Any:
        return await self._alone(Session.value, query, **params)

    async def run(self, query: Query, /, **params: Any) -> int:
        return await self._alone(Session.run, query, **params)


class _Held:
    """A connection at work, and since when with what it is doing."""

    __slots__ = ("_began", "_time", "connection", "granted")

    def __init__(self, connection: AsyncConnection[TupleRow], granted: Pass, loop: asyncio.AbstractEventLoop) -> None:
        self.connection = connection
        self.granted = granted
        self._time = loop.time
        self._began = loop.time()

    def begin(self) -> None:
        self._began = self._time()

    def is_late(self, longest_seconds: float) -> bool:
        connection = self.connection.pgconn
        return (
            connection.transaction_status == TransactionStatus.ACTIVE and self._time() - self._began > longest_seconds
        )


class _WatchedSession(Session):
    """Counts what it sends, and notes when."""

    def __init__(self, held: _Held, database: Database) -> None:
        super().__init__(held.connection)
        self.is_distributed = database.is_distributed
        self._held = held
        self._database = database

    async def _execute(self, query: Query, params: Mapping[str, Any]) -> psycopg.AsyncCursor[TupleRow]:
        self._database.statements += 1
        if spans.listener is not None:
            spans.listener.mark(query.name)
        self._held.begin()
        return await super()._execute(query, params)


Reader = Session | Database
"""Where a single statement may run: in the caller's transaction, or by itself."""

_PING = Query("pool.ping", (), "value", "select exists (select from pg_extension where extname = 'citus')")
_SNAPSHOT = Query("pool.snapshot", (), "none", "set transaction isolation level repeatable read, read only")
