"""Servers that somebody gave to be measured: refused unless nobody uses them, and left as they were.

Scenarios write people and tweets by the thousand. So a database must be empty, down to its last table, and a Valkey
must hold no key: what is there afterwards came from here, and is taken away. A refusal changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import psycopg

from linnet.bench.table import count
from linnet.cli.failures import Failure, one_line
from linnet.embedded import ServerUrls
from linnet.ids import random_bytes
from linnet.settings import SettingsError, read_settings
from linnet.stores.postgres.jobschema import NAMESPACE
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import escape

_FIRST_TABLE = """
select n.nspname || '.' || c.relname
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (
        select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by 1 limit 1
"""
_DROPS = """
select 'drop schema if exists ' || quote_ident(n.nspname) || ' cascade' from pg_namespace n
where n.nspname = any(%(schemas)s)
union all
select 'drop table if exists ' || c.oid::regclass || ' cascade'
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p')
    and not exists (
        select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
union all
select 'drop routine if exists ' || p.oid::regprocedure || ' cascade'
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname = 'public' and p.proname = any(%(functions)s)
"""
_OUR_FUNCTIONS = ["fold_name", "name_keys"]
_OUR_SCHEMAS = [NAMESPACE, "bench"]
_KEYS_PER_CALL = 1000


class Given(msgspec.Struct, frozen=True):
    """Two servers, and the settings with which a linnet keeps to its own corner of them."""

    urls: ServerUrls
    settings: dict[str, str]


def parse_given(database_url: str, valkey_url: str) -> Given:
    """Raises ``Failure`` with a sentence when one of them is no URL of its kind."""
    settings = {"LINNET_VALKEY_PREFIX": f"bench{random_bytes(4).hex()}:"}
    urls = {"LINNET_DATABASE_URL": database_url, "LINNET_VALKEY_URL": valkey_url}
    try:
        read_settings({**settings, **urls})
    except SettingsError as error:
        said = str(error).replace("LINNET_DATABASE_URL", "--database-url").replace("LINNET_VALKEY_URL", "--valkey-url")
        raise Failure(said) from error
    return Given(ServerUrls(database_url, valkey_url), settings)


@asynccontextmanager
async def kept_clean(given: Given) -> AsyncIterator[None]:
    """Raises ``Failure`` unless both are empty; after the block they are again, however it ended."""
    await asyncio.to_thread(_refuse_used_database, given.urls.database_url)
    await _refuse_used_valkey(given.urls.valkey_url)
    try:
        yield
    finally:
        await asyncio.to_thread(_empty_database, given.urls.database_url)
        await _remove_keys(given)


def _refuse_used_database(url: str) -> None:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            first = connection.execute(_FIRST_TABLE).fetchone()
            if first is None:
                return
            people = 0
            if connection.execute("select to_regclass('public.users') is not null").fetchone() == (True,):
                people = len(connection.execute("select 1 from public.users limit 1").fetchall())
    except psycopg.OperationalError as error:
        raise Failure(one_line(f"PostgreSQL: {error}")) from error
    except psycopg.Error as error:
        raise Failure(one_line(f"the database cannot be looked at: {error}")) from error
    what = "people live in this database already" if people else f"this database has tables already ({first[0]})"
    raise Failure(f"{what}, so nothing was measured: give an empty one (`createdb linnet_bench`).")


async def _refuse_used_valkey(url: str) -> None:
    valkey = await _open_valkey(url)
    try:
        keys: int = await valkey.call(b"DBSIZE")
    finally:
        await valkey.close()
    if keys:
        held = count(keys, "key")
        raise Failure(f"this Valkey holds {held} already, so nothing was measured: give one that nobody uses.")


def _empty_database(url: str) -> None:
    """Everything that is there was made since it was found empty."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        drops = connection.execute(_DROPS, {"schemas": _OUR_SCHEMAS, "functions": _OUR_FUNCTIONS}).fetchall()
        for (statement,) in drops:
            connection.execute(statement.encode())
        left = connection.execute(_FIRST_TABLE).fetchone()
    if left is not None:
        raise Failure(f"the database was not left as it was: {left[0]} is still there.")


async def _remove_keys(given: Given) -> None:
    valkey = await _open_valkey(given.urls.valkey_url)
    pattern = escape(given.settings["LINNET_VALKEY_PREFIX"].encode()) + b"*"
    try:
        cursor = b"0"
        while True:
            cursor, keys = await valkey.call(b"SCAN", cursor, b"MATCH", pattern, b"COUNT", _KEYS_PER_CALL)
            for call in [valkey.call(b"UNLINK", key) for key in keys]:
                await call
            if cursor == b"0":
                return
    finally:
        await valkey.close()


async def _open_valkey(url: str) -> Valkey:
    """Raises ``Unavailable``, which says so in a sentence."""
    try:
        valkey = Valkey(read_settings({"LINNET_DATABASE_URL": "", "LINNET_VALKEY_URL": url}).valkey)
    except ValueError as error:
        raise Failure(one_line(f"nothing was measured: {error}")) from error
    try:
        await valkey.open()
    except BaseException:
        await valkey.close()
        raise
    return valkey
