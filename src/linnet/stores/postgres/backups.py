"""A whole database, out to a backup and in again: every table as COPY writes it, all of one moment.

Both work on a connection of their own, since they take longer than a request may. The job queue goes as the jobs that
are not done, and not as its tables, which belong to procrastinate.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from linnet.errors import Conflict, LinnetError, Unavailable
from linnet.stores.postgres import jobs, jobschema
from linnet.stores.postgres.leases import find_fact, upsert_fact
from linnet.stores.postgres.locks import BACKUPS
from linnet.stores.postgres.pool import PostgresOptions, Session
from linnet.stores.postgres.pooler import refuse_pooler
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("backups")

_LOCK_TIMEOUT_MS = 5000
_AVATARS_AT_ONCE = 1000
_FACTS = "installation"


class BackupRunning(Conflict):
    """Another backup or restore works on this database. Wait for it to end, then start this one again."""

    code = "backup_running"


class NotEmpty(Conflict):
    """People live in this database already, and a restore would mix two places. Choose an empty one."""

    code = "not_empty"


class InUse(Conflict):
    """A process of linnet works on this database. Stop all of them, then start the restore again."""

    code = "in_use"


class Table(msgspec.Struct, frozen=True):
    """``columns`` are those that are written; others follow from them."""

    name: str
    columns: list[str]


class WaitingJob(msgspec.Struct, frozen=True):
    """A background job that is not done. ``arguments`` is JSON; ``due_ms`` is 0 when it never had to wait."""

    name: str
    lock: str
    arguments: str
    due_ms: int


class _Inhabitants(msgspec.Struct, frozen=True):
    are_people: bool
    are_processes: bool


class Dump:
    """What the database held at one moment. One call at a time."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        self._connection = connection
        self._session = Session(connection)

    async def fetch_versions(self) -> list[str]:
        """The migrations that made the tables."""
        return await self._session.fetch(str, _sql["fetch_versions"])

    async def fetch_tables(self) -> list[Table]:
        return await self._session.fetch(Table, _sql["fetch_tables"])

    async def copy_out(self, table: Table, write: Callable[[bytes], None]) -> int:
        """Gives the rows to ``write``, in blocks as COPY makes them; returns how many rows they were."""
        cursor = self._connection.cursor()
        # Which version of the job queue there is says the database that has it.
        where = sql.SQL(" where key <> {}").format(jobschema.FACT) if table.name == _FACTS else sql.SQL("")
        statement = sql.SQL("copy (select {} from {}{}) to stdout").format(
            _names(table), sql.Identifier(table.name), where
        )
        async with cursor.copy(statement) as copy:
            async for block in copy:
                write(bytes(block))
        return cursor.rowcount

    async def fetch_jobs(self) -> list[WaitingJob]:
        """Empty where there is no job queue yet."""
        if await find_fact(self._session, jobschema.FACT) is None:
            return []
        return await self._session.fetch(WaitingJob, _sql["fetch_jobs"])

    async def fetch_avatars(self) -> AsyncIterator[list[str]]:
        """Names of all pictures that people have, some at a time."""
        after = ""
        while avatars := await self._session.fetch(str, _sql["fetch_avatars"], after=after, page_size=_AVATARS_AT_ONCE):
            yield avatars
            after = avatars[-1]

    async def fetch_attachments(self) -> AsyncIterator[list[str]]:
        """What the files of all pictures of tweets are called, some at a time."""
        after = ""
        while names := await self._session.fetch(
            str, _sql["fetch_attachments"], after=after, page_size=_AVATARS_AT_ONCE
        ):
            yield names
            after = names[-1]


class Load:
    """A database that is being filled, in one transaction. One call at a time."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        self._connection = connection
        self._session = Session(connection)

    async def fetch_versions(self) -> list[str]:
        """The migrations that made the tables."""
        return await self._session.fetch(str, _sql["fetch_versions"])

    async def fetch_tables(self) -> list[Table]:
        return await self._session.fetch(Table, _sql["fetch_tables"])

    async def copy_in(self, table: Table, blocks: AsyncIterator[bytes]) -> int:
        """Takes in what ``copy_out`` gave, instead of what migrations put there; returns how many rows it was."""
        if table.name == _FACTS:
            await self._session.run(_sql["delete_facts"], kept_key=jobschema.FACT)
        else:
            await self._connection.execute(sql.SQL("truncate {}").format(sql.Identifier(table.name)))
        cursor = self._connection.cursor()
        statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table.name), _names(table))
        async with cursor.copy(statement) as copy:
            async for block in blocks:
                await copy.write(block)
        return cursor.rowcount

    async def insert_jobs(self, waiting: Sequence[WaitingJob], *, now_ms: int) -> None:
        for job in waiting:
            await jobs.insert(
                self._session,
                name=job.name,
                arguments=job.arguments,
                lock=job.lock,
                delay_seconds=max(0.0, (job.due_ms - now_ms) / 1000),
            )

    async def note_fact(self, key: str, value: str) -> None:
        """Unless the backup knows better."""
        if await find_fact(self._session, key) is None:
            await upsert_fact(self._session, key, value)


@asynccontextmanager
async def open_dump(options: PostgresOptions) -> AsyncIterator[Dump]:
    """Everything that is read in the block is of one moment. Raises ``BackupRunning`` when there is one already."""
    # Locked before the moment itself: a picture that is named then is not deleted until the block ends.
    async with _connected(options) as connection, _locked(connection):
        await connection.execute("begin transaction isolation level repeatable read, read only")
        yield Dump(connection)


@asynccontextmanager
async def open_load(options: PostgresOptions) -> AsyncIterator[Load]:
    """All that is written in the block is there after it, or nothing is.

    Raises ``NotEmpty`` or ``InUse`` when this is no place to restore into, ``BackupRunning`` when another one works.
    """
    async with _connected(options) as connection, _locked(connection), connection.transaction():
        found = await Session(connection).find(_Inhabitants, _sql["find_inhabitants"])
        if found is not None and found.are_people:
            raise NotEmpty
        if found is not None and found.are_processes:
            raise InUse
        yield Load(connection)


def _names(table: Table) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, table.columns))


@asynccontextmanager
async def _connected(options: PostgresOptions) -> AsyncIterator[AsyncConnection[TupleRow]]:
    settings: dict[str, Any] = {
        "autocommit": True,
        "connect_timeout": options.connect_timeout_seconds,
        "application_name": "linnet backup",
        # However the server is set up: this is text between two databases.
        "options": "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c datestyle=ISO -c timezone=UTC"
        " -c client_encoding=UTF8 -c extra_float_digits=1 -c bytea_output=hex -c intervalstyle=postgres",
    }
    try:
        async with await AsyncConnection.connect(options.url, **settings) as connection:
            yield connection
    except LinnetError:
        raise
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL: {error}") from error


@asynccontextmanager
async def _locked(connection: AsyncConnection[TupleRow]) -> AsyncIterator[None]:
    await refuse_pooler(connection)
    try:
        await connection.execute(f"set lock_timeout = {_LOCK_TIMEOUT_MS}".encode())
        await connection.execute(_sql["lock_backups"].text.encode(), {"lock_key": BACKUPS})
        await connection.execute("set lock_timeout = 0")
    except psycopg.errors.LockNotAvailable as error:
        raise BackupRunning from error
    try:
        yield
    finally:
        # A connection that is lost lets go of it by itself.
        with suppress(psycopg.Error):
            await connection.rollback()
            await connection.execute(_sql["unlock_backups"].text.encode(), {"lock_key": BACKUPS})
