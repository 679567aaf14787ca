"""Servers and worlds for tests of accounts, sessions and people."""

import asyncio
import os
import pathlib
import uuid
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio
from psycopg.conninfo import make_conninfo

from linnet.embedded import EmbeddedOptions, EmbeddedServers
from linnet.stores.postgres.migrate import migrate
from tests.flows._accounts_world import ValkeyServer, World, opened_world


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL that was given, or the bundled one."""
    if given := os.environ.get("LINNET_TEST_DATABASE_URL"):
        yield given
        return
    with asyncio.Runner() as runner:
        servers = EmbeddedServers(tmp_path_factory.mktemp("data"), EmbeddedOptions(durable=False))
        runner.run(servers.__aenter__())
        yield servers.database_url
        runner.run(servers.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[tuple[str, str]]:
    """A migrated database to clone, and the server's address."""
    name = f"accounts_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        try:
            migrate(make_conninfo(postgres_url, dbname=name))
            yield postgres_url, name
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def database_url(postgres_template: tuple[str, str]) -> Iterator[str]:
    url, template = postgres_template
    name = f"{template}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}".encode())
        try:
            yield make_conninfo(url, dbname=name)
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture(scope="session")
def shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_valkey(tmp_path: pathlib.Path) -> Iterator[ValkeyServer]:
    """For tests that kill it."""
    server = ValkeyServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest_asyncio.fixture
async def world(database_url: str, shared_valkey: ValkeyServer) -> AsyncIterator[World]:
    async with opened_world(database_url, shared_valkey.url) as world:
        yield world


@pytest_asyncio.fixture
async def fragile_world(database_url: str, own_valkey: ValkeyServer) -> AsyncIterator[World]:
    """Its Valkey is ``own_valkey``."""
    async with opened_world(database_url, own_valkey.url) as world:
        yield world
