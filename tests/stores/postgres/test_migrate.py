"""Migrations: once each, by one process at a time, and never on a schema that is newer."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from linnet.errors import Unavailable
from linnet.ids import random_bytes
from linnet.stores.postgres.migrate import SchemaMismatch, check_schema, known_versions, migrate
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


def test_an_empty_database_is_brought_up_to_this_version_once(empty_url: str) -> None:
    assert migrate(empty_url) == known_versions()
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
    assert sorted(applied, key=len) == [[], [], [], known_versions()]


def test_a_migration_that_was_killed_is_done_by_the_next(empty_url: str) -> None:
    migrate(empty_url)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        # What yoyo leaves behind when it is killed: its lock is a row.
        connection.execute("insert into yoyo_lock (locked, ctime, pid) values (1, now(), 12345)")
        connection.execute("delete from schema_migrations")
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    assert migrate(empty_url) == known_versions()
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("insert into yoyo_lock (locked, ctime, pid) values (1, now(), 12345)")
    assert migrate(empty_url) == []


def test_a_server_that_is_away_is_said_to_be_away(servers: Servers) -> None:
    nowhere = make_conninfo(servers.database_url, host="/nowhere", hostaddr="")
    for asking in (check_schema, migrate):
        with pytest.raises(Unavailable) as refused:
            asking(nowhere)
        assert refused.value.cause.startswith("PostgreSQL: ")
