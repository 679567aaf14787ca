"""PostgreSQL and Valkey for tests: the bundled ones, or those that the environment names.

Servers are started once per pytest process (with ``pytest -n``: once per worker) and die with it, however it ends. A
migrated template is made once; a test's database is a clone of it, made in milliseconds and dropped after the test.
"""

import asyncio
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from linnet.embedded import EmbeddedOptions, EmbeddedServers
from linnet.ids import random_bytes
from linnet.stores.postgres.migrate import migrate

_numbers = itertools.count()


class Servers(msgspec.Struct, frozen=True):
    """Where they listen. ``database_url`` is for making databases; ``template`` is a migrated, empty one."""

    database_url: str
    valkey_url: str
    template: str

    @contextmanager
    def fresh_database(self, copied_from: str = "") -> Iterator[str]:
        """The address of a migrated database, gone after the block: empty, or a copy of one that nobody is in."""
        name = f"{self.template}_{next(_numbers)}"
        template = str(conninfo_to_dict(copied_from)["dbname"]) if copied_from else self.template
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            # Copied as files it comes with PostgreSQL's own caches, and writes no log.
            connection.execute(f"create database {name} template {template} strategy file_copy".encode())
            # Locks that a history holds on purpose are no deadlocks; a real one is to be found at once.
            connection.execute(f"alter database {name} set deadlock_timeout = '20ms'".encode())
            try:
                yield make_conninfo(self.database_url, dbname=name)
            finally:
                connection.execute(f"drop database {name} with (force)".encode())


@contextmanager
def open_servers(directory: Path) -> Iterator[Servers]:
    """Servers with a template. ``LINNET_TEST_DATABASE_URL`` and ``LINNET_TEST_VALKEY_URL`` name others than bundled."""
    given = os.environ.get("LINNET_TEST_DATABASE_URL"), os.environ.get("LINNET_TEST_VALKEY_URL")
    if given[0] and given[1]:
        with _template(given[0], given[1]) as servers:
            yield servers
        return
    # A loop of their own, which stands still while tests run: nothing has to be watched as long as nothing dies.
    with asyncio.Runner() as runner:
        embedded = EmbeddedServers(directory / "data", EmbeddedOptions(durable=False))
        runner.run(embedded.__aenter__())
        try:
            _keep_still(embedded.database_url)
            with _template(given[0] or embedded.database_url, given[1] or embedded.valkey_url) as servers:
                yield servers
        finally:
            runner.run(embedded.__aexit__(None, None, None))
            shutil.rmtree(directory, ignore_errors=True)


def _keep_still(database_url: str) -> None:
    """Nothing happens by itself in this server: no statistics that change a plan, no locks that nobody asked for."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for setting in ("autovacuum = off", "max_wal_size = '256MB'"):
            connection.execute(f"alter system set {setting}".encode())
        connection.execute("select pg_reload_conf()")


@contextmanager
def _template(database_url: str, valkey_url: str) -> Iterator[Servers]:
    # Others may use the same server at the same time.
    name = f"linnet_test_{random_bytes(5).hex()}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        try:
            url = make_conninfo(database_url, dbname=name)
            migrate(url)
            # The first to come writes the caches that all copies have.
            psycopg.connect(url).close()
            yield Servers(database_url, valkey_url, name)
        finally:
            connection.execute(f"drop database {name} with (force)".encode())
