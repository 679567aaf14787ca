"""Carries rows from one database to another: whole tables, and later what was changed in them.

Both connections are the caller's. The source's transaction is of one moment (repeatable read), so whatever is read from
it in one transaction fits together; the target's is committed by the caller, when all of it is there.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from linnet.errors import LinnetError
from linnet.stores.postgres import jobschema
from linnet.stores.postgres.moves.residence import CHANGES

Connection = AsyncConnection[TupleRow]

# Whose rows mean nothing elsewhere: who mints ids under which number and applies events now, and which Valkey is
# believed, and why.
STAYING: Final = ("worker_leases", "event_workers", "valkey_history", "view_changes")
_FACTS: Final = "installation"
_GONE: Final = "linnet_move_gone"

_FETCH_TABLES = """
    select c.relname, k.names, k.types, array_agg(a.attname::text order by a.attnum)
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    join lateral (
        select array_agg(ka.attname::text order by p.at) as names,
            array_agg(format_type(ka.atttypid, ka.atttypmod) order by p.at) as types
        from pg_index i
        cross join lateral unnest(i.indkey::smallint[]) with ordinality p (attnum, at)
        join pg_attribute ka on ka.attrelid = i.indrelid and ka.attnum = p.attnum
        where i.indrelid = c.oid and i.indisprimary and p.at <= i.indnkeyatts
    ) k on true
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname !~ '^(_?yoyo_|schema_migrations)'
        and c.relname <> all(%s)
    group by c.relname, k.names, k.types
    order by c.relname
"""


class Differs(LinnetError):
    """What arrived is not what was sent."""

    code = "move_differs"


class Table(msgspec.Struct, frozen=True):
    """``columns`` are those that are written, ``keys`` those of its primary key, with their types."""

    name: str
    keys: list[str]
    key_types: list[str]
    columns: list[str]

    @property
    def identifier(self) -> sql.Composable:
        return sql.Identifier("public", self.name)

    @property
    def listed(self) -> sql.Composable:
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))

    @property
    def condition(self) -> sql.Composable:
        """Which rows go along: what the job queue is made by, says the database that has it."""
        if self.name == _FACTS:
            return sql.SQL("t.key <> {}").format(sql.Literal(jobschema.FACT))
        return sql.SQL("true")

    @property
    def typed_keys(self) -> sql.Composable:
        """The key of a row, from the array of text that it is noted as."""
        return sql.SQL(", ").join(
            sql.SQL("(g.key[{}])::{} as {}").format(sql.Literal(at), sql.SQL(kind), sql.Identifier(name))
            for at, (name, kind) in enumerate(zip(self.keys, self.key_types, strict=True), start=1)
        )

    @property
    def is_same_row(self) -> sql.Composable:
        same = (sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in self.keys)
        return sql.SQL(" and ").join(same)

    @property
    def written(self) -> sql.Composable:
        return sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in self.columns)


class Fingerprint(msgspec.Struct, frozen=True):
    """How many rows, and a sum over all that stands in them; the same in whatever order they lie."""

    rows: int
    digest: int


async def fetch_tables(connection: Connection) -> list[Table]:
    """Every table of a place whose rows go along, by name."""
    cursor = await connection.execute(_FETCH_TABLES, (list(STAYING),))
    return [Table(name, keys, types, columns) for name, keys, types, columns in await cursor.fetchall()]


async def copy_table(source: Connection, target: Connection, table: Table) -> int:
    """All rows, instead of whatever the target has; returns how many."""
    await target.execute(sql.SQL("delete from {} t where {}").format(table.identifier, table.condition))
    rows = sql.SQL("select {} from {} t where {}").format(table.written, table.identifier, table.condition)
    return await _carry(source, rows, target, table.identifier, table.listed)


async def apply_changes(source: Connection, target: Connection, tables: Sequence[Table]) -> int:
    """Makes the target what the source's moment is, in every row that was noted as changed; returns how many.

    First everything goes that was changed, then it comes as it is now: so no row meets another one that has left its
    place meanwhile. Raises ``Differs`` when what arrived is not what was sent.
    """
    changed = await _fetch_changed(source)
    work = [table for table in tables if table.name in changed]
    for table in work:
        gone = sql.Identifier(f"{_GONE}_{table.name}")
        await target.execute(sql.SQL("create temp table {} (key text[]) on commit drop").format(gone))
        keys = sql.SQL("select distinct key from {} where tab = {}").format(sql.SQL(CHANGES), sql.Literal(table.name))
        await _carry(source, keys, target, gone, sql.SQL("key"))
        await target.execute(sql.SQL("analyze {}").format(gone))
        await target.execute(
            sql.SQL("delete from {} t using (select {} from {} g) k where {} and {}").format(
                table.identifier, table.typed_keys, gone, table.is_same_row, table.condition
            )
        )
    rows = 0
    for table in work:
        noted = _noted(table)
        now = sql.SQL("select {} from {} t join {} k on {} where {}").format(
            table.written, table.identifier, noted, table.is_same_row, table.condition
        )
        rows += await _carry(source, now, target, table.identifier, table.listed)
        gone = sql.Identifier(f"{_GONE}_{table.name}")
        arrived = sql.SQL("(select {} from {} g)").format(table.typed_keys, gone)
        _compare(table, await _fingerprint(source, table, noted), await _fingerprint(target, table, arrived))
    return rows


async def verify_table(source: Connection, target: Connection, table: Table) -> int:
    """Compares every row; returns how many there are. Raises ``Differs``."""
    theirs = await _fingerprint(source, table, None)
    _compare(table, theirs, await _fingerprint(target, table, None))
    return theirs.rows


async def count_changes(source: Connection, *, most: int) -> int:
    """How many changes wait to be applied, counted up to a bound."""
    cursor = await source.execute(f"select count(*) from (select from {CHANGES} limit %s) c".encode(), (most,))
    return await one_number(cursor)


async def forget_changes(source: Connection) -> None:
    """Those that stand in this moment: they were applied. Later ones stay."""
    await source.execute(f"delete from {CHANGES}".encode())


async def fetch_avatars(source: Connection, *, after: str, page_size: int) -> list[str]:
    """Names of pictures that somebody has, by name."""
    cursor = await source.execute(
        "select name from (select avatar as name from users where avatar > %s"
        " union select header from users where header > %s) pictures order by name limit %s",
        (after, after, page_size),
    )
    return [str(avatar) for (avatar,) in await cursor.fetchall()]


async def fetch_changed_avatars(source: Connection) -> list[str]:
    """Those of people of whom something was noted as changed."""
    cursor = await source.execute(
        f"select distinct pictures.name from users u"
        f" join (select distinct key[1]::bigint as id from {CHANGES} where tab = 'users') k on k.id = u.id"
        " cross join lateral unnest(array[u.avatar, u.header]) as pictures (name)"
        " where pictures.name is not null".encode()
    )
    return [str(avatar) for (avatar,) in await cursor.fetchall()]


async def fetch_attachments(source: Connection, *, after: str, page_size: int) -> list[str]:
    """What the files of pictures of tweets are called, in order."""
    cursor = await source.execute(
        "select name from attachments where name > %s and state = 'ready' order by name limit %s", (after, page_size)
    )
    return [str(name) for (name,) in await cursor.fetchall()]


async def fetch_changed_attachments(source: Connection) -> list[str]:
    """Those of which something was noted as changed, as that their files came."""
    cursor = await source.execute(
        f"select distinct a.name from attachments a"
        f" join (select distinct key[1]::bigint as owner_id, key[2]::bigint as id from {CHANGES}"
        " where tab = 'attachments') k on k.owner_id = a.owner_id and k.id = a.id"
        " where a.state = 'ready'".encode()
    )
    return [str(name) for (name,) in await cursor.fetchall()]


async def one_number(cursor: Any) -> int:
    """The only column of the only row."""
    row = await cursor.fetchone()
    return int(row[0])


async def _fetch_changed(source: Connection) -> set[str]:
    cursor = await source.execute(f"select distinct tab from {CHANGES}".encode())
    return {str(name) for (name,) in await cursor.fetchall()}


def _noted(table: Table) -> sql.Composable:
    return sql.SQL("(select distinct {} from {} g where g.tab = {})").format(
        table.typed_keys, sql.SQL(CHANGES), sql.Literal(table.name)
    )


async def _fingerprint(connection: Connection, table: Table, keys: sql.Composable | None) -> Fingerprint:
    """Of the rows with these keys, or of all."""
    only = sql.SQL("") if keys is None else sql.SQL("join {} k on {}").format(keys, table.is_same_row)
    # md5 is the same in all versions of PostgreSQL, which its own hash functions need not be.
    statement = sql.SQL(
        "select count(*), coalesce(sum(('x' || left(md5(row({})::text), 16))::bit(64)::bigint::numeric), 0)"
        " from {} t {} where {}"
    ).format(table.written, table.identifier, only, table.condition)
    row = await (await connection.execute(statement)).fetchone()
    return Fingerprint(0, 0) if row is None else Fingerprint(int(row[0]), int(row[1]))


def _compare(table: Table, theirs: Fingerprint, ours: Fingerprint) -> None:
    if theirs != ours:
        what = f"{ours.rows:,} rows and not {theirs.rows:,}" if theirs.rows != ours.rows else "other rows"
        raise Differs(f"The table {table.name} has {what} where it was moved to. Nothing is open there yet.")


async def _carry(
    source: Connection, rows: sql.Composable, target: Connection, into: sql.Composable, columns: sql.Composable
) -> int:
    """As COPY writes them, from the one to the other; returns how many."""
    reading, writing = source.cursor(), target.cursor()
    async with (
        reading.copy(sql.SQL("copy ({}) to stdout").format(rows)) as out,
        writing.copy(sql.SQL("copy {} ({}) from stdin").format(into, columns)) as into_it,
    ):
        async for block in out:
            await into_it.write(block)
    return writing.rowcount
