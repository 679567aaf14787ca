"""The end that is gone to: an empty database that fills, and is nobody's until all of it is there."""

from collections.abc import Mapping, Sequence

import psycopg

from linnet.errors import Conflict
from linnet.ids import TIME_SHIFT, WORKERS
from linnet.stores.postgres import jobs
from linnet.stores.postgres.backups import WaitingJob
from linnet.stores.postgres.jobschema import NAMESPACE as JOBS
from linnet.stores.postgres.leases import find_fact, upsert_fact
from linnet.stores.postgres.moves.residence import FILLING, NAMESPACE
from linnet.stores.postgres.moves.transfer import Connection, Table, copy_table, one_number
from linnet.stores.postgres.pool import Session

OLDEST_VERSION = 160_000
_COPIED = f"{NAMESPACE}.copied"
_NOTE_COPIED = f"""
    insert into {_COPIED} (tab, rows) values (%s, %s) on conflict (tab) do update set rows = excluded.rows
"""


class NotEmpty(Conflict):
    """People live in the database that is to be moved to, and two places would be mixed. Choose an empty one."""

    code = "not_empty"


class InUse(Conflict):
    """A process of linnet works on the database that is to be moved to. Stop it, or choose another one."""

    code = "in_use"


class Unsuitable(Conflict):
    """The database that is to be moved to cannot hold a place."""

    code = "unsuitable"


class SameDatabase(Conflict):
    """The database that is to be moved to is the one that the place lives in."""

    code = "same_database"


async def refuse_same(source: Connection, target: Connection, *, number: int) -> None:
    """Raises ``SameDatabase``. ``number`` is one that nobody else thinks of."""
    await source.execute("select pg_advisory_lock(%s)", (number,))
    try:
        cursor = await target.execute("select pg_try_advisory_lock(%s)", (number,))
        if not await one_number(cursor):
            raise SameDatabase
        await target.execute("select pg_advisory_unlock(%s)", (number,))
    finally:
        await source.execute("select pg_advisory_unlock(%s)", (number,))


async def check_suitable(target: Connection) -> None:
    """Before anything is made there. Raises ``Unsuitable``."""
    cursor = await target.execute(
        "select current_setting('server_version_num')::int, getdatabaseencoding(),"
        " current_setting('transaction_read_only') = 'on', current_user::text,"
        " has_database_privilege(current_database(), 'create')"
        " and coalesce(has_schema_privilege(to_regnamespace('public')::oid, 'create'), false)"
    )
    version, encoding, is_read_only, role, may_create = await cursor.fetchone() or (0, "", True, "", False)
    if version < OLDEST_VERSION:
        raise Unsuitable(
            f"The server to move to is PostgreSQL {version // 10_000}, and linnet needs {OLDEST_VERSION // 10_000}"
            " or a later one."
        )
    if encoding != "UTF8":
        raise Unsuitable(f"The database to move to is in {encoding}, and not in UTF8: make another one.")
    if is_read_only:
        raise Unsuitable("The database to move to can only be read: a replica, or told so.")
    if not may_create:
        raise Unsuitable(
            f"The role {role} may not make tables in the database to move to: let it own the database, and the schema"
            " public in it."
        )
    cursor = await target.execute(
        "select count(*) from pg_class where relnamespace = to_regnamespace('public')"
        " and relkind in ('r', 'v', 'p', 'm') and to_regclass('public.schema_migrations') is null"
    )
    if await one_number(cursor):
        raise Unsuitable("The database to move to holds tables of something else: make one for linnet alone.")


async def find_arrival(target: Connection) -> str | None:
    """The number of the move that fills this database; None when none does."""
    cursor = await target.execute("select to_regclass(%s) is not null", (FILLING,))
    if not await one_number(cursor):
        return None
    row = await (await target.execute(f"select move_id from {FILLING}".encode())).fetchone()
    return None if row is None else str(row[0])


async def is_settled(target: Connection) -> bool:
    """Whether a place is here, and not on its way."""
    cursor = await target.execute(
        "select to_regclass('public.installation') is not null and to_regclass(%s) is null", (FILLING,)
    )
    return bool(await one_number(cursor))


async def refuse_inhabited(target: Connection) -> None:
    """For a database with our tables. Raises ``NotEmpty`` or ``InUse``."""
    cursor = await target.execute(
        "select exists (select from users), exists (select from worker_leases where expires_at > now())"
    )
    are_people, are_processes = await cursor.fetchone() or (False, False)
    if are_people:
        raise NotEmpty
    if are_processes:
        raise InUse


async def note_arrival(target: Connection, move_id: str) -> None:
    """From now on nobody starts here until ``open_up``. Raises ``NotEmpty`` or ``InUse``."""
    async with target.transaction():
        await target.execute(f"create schema {NAMESPACE}".encode())
        await target.execute(f"create table {FILLING} (move_id text not null)".encode())
        await target.execute(f"insert into {FILLING} (move_id) values (%s)".encode(), (move_id,))
        await target.execute(f"create table {_COPIED} (tab text primary key, rows bigint not null)".encode())
        # Whoever starts here asks for this lock before it works: it is here already, or it finds the note.
        await target.execute("lock table worker_leases in exclusive mode")
        await refuse_inhabited(target)


async def fetch_copied(target: Connection) -> set[str]:
    """The tables that are there, as they were at some moment since the move began."""
    cursor = await target.execute(f"select tab from {_COPIED}".encode())
    return {str(name) for (name,) in await cursor.fetchall()}


async def take_table(source: Connection, target: Connection, table: Table) -> int:
    """Copies a table; it is there as a whole and noted as such, or not at all. Returns its rows."""
    async with target.transaction():
        rows = await copy_table(source, target, table)
        await target.execute(
            _NOTE_COPIED.encode(),
            (table.name, rows),
        )
    return rows


async def forget_copied(target: Connection, table: str) -> None:
    """It is to be copied again."""
    await target.execute(f"delete from {_COPIED} where tab = %s".encode(), (table,))


async def find_newest_ms(source: Connection) -> int:
    """No id of a row that is sorted by it was minted in a later millisecond, nor was the server's clock there."""
    cursor = await source.execute(
        "select greatest((extract(epoch from clock_timestamp()) * 1000)::bigint, ids.newest >> %s)"
        " from (select greatest("
        "(select max(id) from tweets), (select max(id) from users), (select max(id) from outbox), 0) as newest) ids",
        (TIME_SHIFT,),
    )
    return await one_number(cursor)


async def take_leases(source: Connection, target: Connection, *, after_ms: int) -> None:
    """Nobody mints an id here that was minted there, nor one that is sorted before those, whatever clocks say.

    A number that somebody had goes on behind the bound that it was given; all numbers begin after ``after_ms``. In a
    transaction of the caller's.
    """
    rows = await (await source.execute("select worker, holder, from_ms, until_ms from worker_leases")).fetchall()
    await target.execute("delete from worker_leases")
    async with target.cursor().copy(
        "copy worker_leases (worker, holder, from_ms, until_ms, expires_at) from stdin"
    ) as to:
        for row in rows:
            await to.write_row((*row, "-infinity"))
    await target.execute(
        "insert into worker_leases as l (worker, holder, from_ms, until_ms, expires_at)"
        " select n, '', 0, %s, '-infinity' from generate_series(0, %s) n"
        " on conflict (worker) do update set until_ms = greatest(l.until_ms, excluded.until_ms)",
        (after_ms + 1, WORKERS - 1),
    )


async def take_jobs(target: Connection, waiting: Sequence[WaitingJob], *, now_ms: int) -> None:
    """These jobs and no others. In a transaction of the caller's."""
    await target.execute(f"delete from {JOBS}.procrastinate_jobs".encode())
    session = Session(target)
    for job in waiting:
        await jobs.insert(
            session,
            name=job.name,
            arguments=job.arguments,
            lock=job.lock,
            delay_seconds=max(0.0, (job.due_ms - now_ms) / 1000),
        )


async def refuse_processes(target: Connection) -> None:
    """Raises ``InUse`` when somebody began to work here who did not see the note."""
    cursor = await target.execute("select exists (select from worker_leases where expires_at > now())")
    if await one_number(cursor):
        raise InUse


async def open_up(target: Connection, facts: Mapping[str, str]) -> None:
    """All of it is there: whoever comes may live here. ``facts`` are noted where the place says nothing of them."""
    async with target.transaction():
        session = Session(target)
        for key, value in facts.items():
            if await find_fact(session, key) is None:
                await upsert_fact(session, key, value)
        await target.execute(f"drop schema {NAMESPACE} cascade".encode())


async def analyze(target: Connection, table: Table) -> None:
    """So that the first queries are planned for what is there. It is no loss when it may not be done."""
    try:
        await target.execute(b"analyze " + table.identifier.as_bytes(target))
    except psycopg.errors.InsufficientPrivilege:
        return
