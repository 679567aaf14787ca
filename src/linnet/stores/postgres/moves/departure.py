"""The end that is left: what is changed there is noted, and in the end nothing can be changed there any more.

Every statement that changes rows notes their keys in ``linnet_move.changes``, in its own transaction (triggers do it,
whatever process or release writes). So each change takes a lock of that one table, shared with all others that change
something, and holds it to its end. That makes of it a gate: whoever locks the table for themselves waits for all who
have changed something, and lets nobody else through. If they go away, the others go on; if they note that the place has
moved, everybody who waited, and everybody later, is told so by the database itself.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import psycopg
from psycopg import sql

from linnet.errors import Conflict
from linnet.stores.postgres.faults import MOVED_STATE
from linnet.stores.postgres.jobschema import NAMESPACE as JOBS
from linnet.stores.postgres.moves.residence import CHANGES, MOVED, NAMESPACE
from linnet.stores.postgres.moves.transfer import Connection, Table, one_number

_JOB_TABLE = "procrastinate_jobs"
_TRIGGER = "linnet_move"
_LOCK_TIMEOUT_MS = 2000
_ATTEMPTS = 30

_MAKE_CHANGES = f"""
    create table {CHANGES} (id bigint generated always as identity, tab text not null, key text[] not null)
"""
_MAKE_DEPARTURE = f"""
    create table {NAMESPACE}.departure (move_id text not null default '', destination text not null)
"""
_REFUSE = f"""
    if to_regclass('{MOVED}') is not null then
        raise exception using errcode = '{MOVED_STATE}', message = 'this place has moved to another database';
    end if;
    return null;
"""


class GateBusy(Conflict):
    """Somebody works on a table for long, and nobody else can be let through meanwhile. Try again later."""

    code = "gate_busy"


class Departure(msgspec.Struct, frozen=True):
    """A move that was begun: its number, and where to, as it may be printed. ``has_moved``: it is over."""

    move_id: str
    destination: str
    has_moved: bool


async def find_departure(source: Connection) -> Departure | None:
    """The move that this database is left by, if any."""
    cursor = await source.execute("select to_regclass(%s) is not null", (f"{NAMESPACE}.departure",))
    if not await one_number(cursor):
        return None
    cursor = await source.execute(
        f"select move_id, destination, to_regclass('{MOVED}') is not null from {NAMESPACE}.departure".encode()
    )
    row = await cursor.fetchone()
    return None if row is None else Departure(*row)


async def note_departure(source: Connection, destination: str) -> None:
    """Makes what changes are noted in; nothing is noted yet."""
    async with source.transaction():
        await source.execute(f"create schema {NAMESPACE}".encode())
        await source.execute(_MAKE_CHANGES.encode())
        await source.execute(_MAKE_DEPARTURE.encode())
        await source.execute(f"insert into {NAMESPACE}.departure (destination) values (%s)".encode(), (destination,))


async def note_number(source: Connection, move_id: str) -> None:
    """From now on this is the move that the database is left by."""
    await source.execute(f"update {NAMESPACE}.departure set move_id = %s".encode(), (move_id,))


async def watch(source: Connection, tables: Sequence[Table]) -> None:
    """From now on every change of these tables is noted, and what was changed before is committed.

    Goes on where it was broken off. Each table is locked by itself, and never for long: raises ``GateBusy`` when one is
    not to be had.
    """
    watched = await _fetch_watched(source)
    for table in tables:
        if table.name not in watched:
            await _patiently(source, _watching(table))
    if _JOB_TABLE not in watched:
        await _patiently(source, _guarding_jobs())


@asynccontextmanager
async def closed_gate(source: Connection, *, patience_ms: int) -> AsyncIterator[None]:
    """Inside the block nobody can change anything, and all that was changed before is committed.

    The block is one transaction. Those who want to change something wait; they go on when it is rolled back, and when
    ``note_moved`` was called in it, they are refused. Raises ``GateBusy`` when somebody does not come to an end.
    """
    async with source.transaction():
        try:
            await source.execute(f"set local lock_timeout = {patience_ms:d}".encode())
            await source.execute(f"lock table {CHANGES} in share row exclusive mode".encode())
        except psycopg.errors.LockNotAvailable as error:
            raise GateBusy from error
        yield


async def note_moved(source: Connection) -> None:
    """Nothing can be changed here any more, once the transaction commits."""
    await source.execute(
        f"create table {MOVED} as select move_id, destination, now() as at from {NAMESPACE}.departure".encode()
    )


async def forget_departure(source: Connection) -> None:
    """Everything can be changed again, and nothing is noted. Done again it goes on where it was broken off."""
    cursor = await source.execute("select to_regnamespace(%s) is not null", (NAMESPACE,))
    if not await one_number(cursor):
        return
    cursor = await source.execute(
        "select t.tgname, t.tgrelid::regclass::text from pg_trigger t where t.tgname like %s", (f"{_TRIGGER}%",)
    )
    # One by one: whoever locks two tables at once may meet somebody who has one of them and wants the other.
    for trigger, table in await cursor.fetchall():
        drop = sql.SQL("drop trigger if exists {} on {}").format(sql.Identifier(trigger), sql.SQL(table))
        await _patiently(source, [drop])
    await _patiently(source, [sql.SQL(f"drop schema {NAMESPACE} cascade")])


async def _fetch_watched(source: Connection) -> set[str]:
    """A table's triggers come in one transaction, so one of them says that all are there."""
    cursor = await source.execute(
        "select distinct c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid where t.tgname like %s",
        (f"{_TRIGGER}%",),
    )
    return {str(name) for (name,) in await cursor.fetchall()}


async def _patiently(source: Connection, statements: Sequence[sql.SQL | sql.Composed]) -> None:
    """In one transaction, as soon as the lock is to be had. Others wait behind us for it: so not for long at a time."""
    for _ in range(_ATTEMPTS):
        try:
            async with source.transaction():
                await source.execute(f"set local lock_timeout = {_LOCK_TIMEOUT_MS}".encode())
                for statement in statements:
                    await source.execute(statement)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            continue
        return
    raise GateBusy


def _watching(table: Table) -> list[sql.SQL | sql.Composed]:
    """Statements that note each change of a table's rows."""
    keys = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in table.keys)
    rows = sql.SQL("select {}, array[{}] from changed").format(sql.Literal(table.name), keys)
    former = sql.SQL(" union select {}, array[{}] from former").format(sql.Literal(table.name), keys)
    found: list[sql.SQL | sql.Composed] = []
    for event, seen, noted in (
        ("insert", "new table as changed", rows),
        ("delete", "old table as changed", rows),
        # The key itself may be what changes.
        ("update", "old table as former new table as changed", rows + former),
    ):
        function = sql.Identifier(NAMESPACE, f"{event}_{table.name}")
        body = sql.SQL("begin insert into {} (tab, key) {}; if not found then return null; end if; {} end").format(
            sql.SQL(CHANGES), noted, sql.SQL(_REFUSE)
        )
        found += [
            sql.SQL("create function {}() returns trigger language plpgsql as {}").format(
                function, sql.Literal(body.as_string(None))
            ),
            sql.SQL("create trigger {} after {} on {} referencing {} for each statement execute function {}()").format(
                sql.Identifier(f"{_TRIGGER}_{event}"), sql.SQL(event), table.identifier, sql.SQL(seen), function
            ),
        ]
    return found


def _guarding_jobs() -> list[sql.SQL | sql.Composed]:
    """Jobs are moved as jobs, all at once in the end: their changes are not noted, and pass through the gate."""
    return [
        sql.SQL("create function {}() returns trigger language plpgsql as {}").format(
            sql.Identifier(NAMESPACE, "jobs"),
            sql.Literal(f"begin lock table {CHANGES} in row exclusive mode; {_REFUSE} end"),
        ),
        sql.SQL(
            "create trigger {} before insert or update or delete on {} for each statement execute function {}()"
        ).format(sql.Identifier(_TRIGGER), sql.Identifier(JOBS, _JOB_TABLE), sql.Identifier(NAMESPACE, "jobs")),
    ]
