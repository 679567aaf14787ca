"""All that two stores hold, to look for what should be gone."""

from collections.abc import AsyncIterator, Iterator

import psycopg

from linnet.stores.valkey.client import Valkey


def dump_postgres(url: str) -> Iterator[tuple[str, bytes]]:
    """Every row of every table as text, and where it stands; bytes are in hex."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema') order by 1"
        ).fetchall()
        assert ("public.users",) in tables
        assert ("linnet_jobs.procrastinate_jobs",) in tables
        for (table,) in tables:
            for (row,) in connection.execute(f"select t::text from {table} t".encode()):
                yield f"row of {table}", row.encode()


async def dump_valkey(valkey: Valkey, prefix: bytes) -> AsyncIterator[tuple[str, bytes]]:
    """Every key that begins so, and everything in it."""
    async for keys in valkey.scan(prefix + b"*", keys_per_step=1000):
        for key in keys:
            yield "key", key
            kind = (await valkey.call(b"TYPE", key)).decode()
            if kind == "none":
                continue
            command = {
                "string": (b"GET", key),
                "list": (b"LRANGE", key, 0, -1),
                "hash": (b"HGETALL", key),
                "set": (b"SMEMBERS", key),
                "zset": (b"ZRANGE", key, 0, -1),
            }[kind]
            yield f"{kind} {key!r}", _flat(await valkey.call(*command))


def _flat(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return b"\x1f".join(_flat(part) for part in value)
    if isinstance(value, dict):
        return b"\x1f".join(_flat(part) for pair in value.items() for part in pair)
    return str(value).encode()
