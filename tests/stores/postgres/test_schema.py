"""All migrations together make the schema that was reviewed: ``schema.sql`` beside this file.

The file is what PostgreSQL says of its own catalog. After a migration was added, ``LINNET_WRITE_SCHEMA=1 pytest`` on
this file writes it anew, and the difference is what there is to review.
"""

import os
from pathlib import Path

import psycopg
import pytest

SNAPSHOT = Path(__file__).with_name("schema.sql")
# yoyo's record of what was applied is yoyo's own.
_OURS = """
    select c.oid, c.relname, c.reloptions from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relname !~ '^(_?yoyo_|schema_migrations)'
"""
_COLUMNS = f"""
    select t.relname, a.attname, format_type(a.atttypid, a.atttypmod)
        || case when a.attnotnull then ' not null' else '' end
        || case a.attgenerated
            when 's' then ' generated always as ' || pg_get_expr(d.adbin, d.adrelid) || ' stored'
            else coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
        end
    from ({_OURS}) t
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    order by t.relname, a.attnum
"""
_CONSTRAINTS = f"""
    select t.relname, c.conname, pg_get_constraintdef(c.oid)
    from ({_OURS}) t join pg_constraint c on c.conrelid = t.oid
    where c.contype <> 'n'
    order by t.relname, c.contype <> 'p', c.conname
"""
_INDEXES = f"""
    select pg_get_indexdef(i.indexrelid)
    from ({_OURS}) t join pg_index i on i.indrelid = t.oid join pg_class x on x.oid = i.indexrelid
    where not exists (select from pg_constraint c where c.conindid = i.indexrelid)
    order by t.relname, x.relname
"""
_OPTIONS = f"select t.relname, array_to_string(t.reloptions, ', ') from ({_OURS}) t where t.reloptions is not null"
_OTHERS = """
    select c.relkind::text || ' ' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind not in ('r', 'p', 'i') and c.relname !~ '^_?yoyo_'
    union all
    select 'function ' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'public'
    union all
    select 'trigger ' || t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
    join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and not t.tgisinternal
    union all
    select 'extension ' || e.extname from pg_extension e where e.extname <> 'plpgsql'
    order by 1
"""


def described(url: str) -> str:
    """The schema as SQL that makes it."""
    lines: list[str] = []
    with psycopg.connect(url) as connection:
        tables: dict[str, list[str]] = {}
        for table, column, definition in connection.execute(_COLUMNS.encode()):
            tables.setdefault(table, []).append(f"    {column} {definition}")
        for table, name, definition in connection.execute(_CONSTRAINTS.encode()):
            tables[table].append(f"    constraint {name} {definition}")
        for table, parts in tables.items():
            lines += [f"create table {table} (", ",\n".join(parts), ");"]
        lines += [f"{row[0]};" for row in connection.execute(_INDEXES.encode())]
        for table, options in connection.execute(_OPTIONS.encode()):
            lines.append(f"alter table {table} set ({options});")
        lines += [f"-- also: {row[0]}" for row in connection.execute(_OTHERS.encode())]
    return "\n".join(lines) + "\n"


def test_all_migrations_together_make_the_reviewed_schema(database_url: str) -> None:
    made = described(database_url)
    if os.environ.get("LINNET_WRITE_SCHEMA"):
        SNAPSHOT.write_text(made, "utf-8")
    assert made == SNAPSHOT.read_text("utf-8")


@pytest.mark.parametrize(
    "change",
    [
        "alter table tweets add column mood text",
        "alter table users alter column bio drop not null",
        "alter table users alter column bio set default 'x'",
        "alter table users alter column is_top type text using is_top::text",
        "drop index tweets_newest",
        "create index more on tweets (text)",
        "alter table users add constraint named check (name <> '')",
        "alter table outbox reset (autovacuum_vacuum_threshold)",
        "create table more (id bigint)",
        "create view more as select 1 as one",
        "create sequence more",
    ],
)
def test_a_schema_that_differs_is_caught(database_url: str, change: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(change.encode())
    assert described(database_url) != SNAPSHOT.read_text("utf-8")


def test_tables_that_grow_are_owned_by_a_user(database_url: str) -> None:
    # Their rows can be distributed by the first column of the primary key; nothing refers across owners.
    of_the_installation = {"installation", "valkey_history", "worker_leases", "usernames", "emails", "tags"}
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_CONSTRAINTS.encode()).fetchall()
    owners = {"user_id", "author_id", "owner_id", "actor_id", "id"}
    for table, name, definition in rows:
        assert not definition.startswith("FOREIGN KEY"), f"{name} refers to rows of another owner"
        if table not in of_the_installation and definition.startswith(("PRIMARY KEY", "UNIQUE")):
            first = definition.partition("(")[2].split(",")[0].rstrip(")").split(")")[0]
            assert first in owners, f"{name} begins with {first}"
