"""Migrations: once each, by one process at a time, and never on a schema that is newer."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from procrastinate.schema import SchemaManager
from psycopg.conninfo import make_conninfo

from linnet.errors import Unavailable
from linnet.ids import random_bytes
from linnet.stores.postgres import jobschema
from linnet.stores.postgres.migrate import SchemaMismatch, check_schema, known_versions, migrate
from linnet.stores.postgres.queries import load_queries
from tests.support.servers import Servers


@pytest.fixture
def empty_url(servers: Servers) -> Iterator[str]:
    """A database in which nobody made anything."""
    name = f"test_migrate_{random_bytes(5).hex()}"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(f"create database {name} template template0".encode())
        try:
            yield make_conninfo(servers.database_url, dbname=name)
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


def add_version(url: str, version: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into schema_migrations (migration_hash, migration_id, applied_at_utc) values (%s, %s, now())",
            (version, version),
        )


def everything() -> list[str]:
    """What a new database is given."""
    return [*known_versions(), f"job queue {jobschema.known_versions()[-1]}"]


def test_an_empty_database_is_brought_up_to_this_version_once(empty_url: str) -> None:
    assert migrate(empty_url) == everything()
    assert migrate(empty_url) == []
    check_schema(empty_url)
    assert known_versions() == sorted(known_versions())


def test_a_database_without_a_schema_is_refused_with_the_command_to_run(empty_url: str) -> None:
    with pytest.raises(SchemaMismatch) as refused:
        check_schema(empty_url)
    assert "linnet db migrate" in str(refused.value)
    assert "older" in str(refused.value)
    assert str(refused.value).count("\n") == 0


def test_a_newer_schema_is_neither_served_nor_migrated(database_url: str) -> None:
    add_version(database_url, "9999.later")
    for refusing in (check_schema, migrate):
        with pytest.raises(SchemaMismatch) as refused:
            refusing(database_url)
        assert "9999.later" in str(refused.value)
        assert "newer" in str(refused.value)


def test_several_processes_migrate_at_once_and_one_does_it(empty_url: str) -> None:
    applied: list[list[str]] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            applied.append(migrate(empty_url))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(applied, key=len) == [[], [], [], everything()]


def test_a_migration_that_was_killed_is_done_by_the_next(empty_url: str) -> None:
    migrate(empty_url)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        # What yoyo leaves behind when it is killed: its lock is a row.
        connection.execute("insert into yoyo_lock (locked, ctime, pid) values (1, now(), 12345)")
        connection.execute("delete from schema_migrations")
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    assert migrate(empty_url) == everything()
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("insert into yoyo_lock (locked, ctime, pid) values (1, now(), 12345)")
    assert migrate(empty_url) == []


def test_a_server_that_is_away_is_said_to_be_away(servers: Servers) -> None:
    nowhere = make_conninfo(servers.database_url, host="/nowhere", hostaddr="")
    for asking in (check_schema, migrate):
        with pytest.raises(Unavailable) as refused:
            asking(nowhere)
        assert refused.value.cause.startswith("PostgreSQL: ")


# The job queue's tables, which procrastinate brings


def set_queue(url: str, version: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update installation set value = %s where key = %s", (version, jobschema.FACT))


def test_the_job_queue_comes_along_in_a_namespace_of_its_own(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'linnet_jobs'").fetchall()
        assert ("procrastinate_jobs",) in tables
        strays = connection.execute(
            "select relname from pg_class"
            " where starts_with(relname, 'procrastinate') and relnamespace <> 'linnet_jobs'::regnamespace"
        )
        assert strays.fetchall() == []
        # In a transaction of ours, whose search path is not theirs.
        insert = load_queries("jobs")["insert"].text
        connection.execute(insert.encode(), {"job_name": "x", "lock_key": "x", "arguments": "{}", "delay_seconds": 0.0})
        assert connection.execute("select count(*) from linnet_jobs.procrastinate_events").fetchone() == (1,)


def test_the_queue_s_versions_are_those_of_the_installed_procrastinate() -> None:
    files = Path(SchemaManager.get_migrations_path()).glob("*.sql")
    assert jobschema.known_versions() == sorted(path.stem for path in files)


def test_a_queue_that_is_newer_is_neither_served_nor_migrated(database_url: str) -> None:
    set_queue(database_url, "99.00.00_01_later")
    for refusing in (check_schema, migrate):
        with pytest.raises(SchemaMismatch) as refused:
            refusing(database_url)
        assert "newer procrastinate (99.00.00_01_later)" in str(refused.value)


def test_an_older_queue_is_brought_up_change_by_change(empty_url: str) -> None:
    migrate(empty_url)
    made_at_once = described_queue(empty_url)
    # As the very first procrastinate would find it.
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("drop schema linnet_jobs cascade")
        connection.execute("create schema linnet_jobs")
    set_queue(empty_url, "")
    with pytest.raises(SchemaMismatch) as refused:
        check_schema(empty_url)
    assert "older" in str(refused.value)
    assert "linnet db migrate" in str(refused.value)
    assert migrate(empty_url) == [f"job queue {version}" for version in jobschema.known_versions()]
    check_schema(empty_url)
    assert described_queue(empty_url) == made_at_once


def described_queue(url: str) -> list[tuple[str, ...]]:
    """Tables with their columns, and functions with where they look for them."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select table_name::text, string_agg(column_name, ' ' order by column_name)"
            " from information_schema.columns where table_schema = 'linnet_jobs' group by table_name"
            " union all select proname, array_to_string(proconfig, ' ') from pg_proc"
            " where pronamespace = 'linnet_jobs'::regnamespace order by 1, 2"
        ).fetchall()
