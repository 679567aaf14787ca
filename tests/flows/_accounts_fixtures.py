"""Towns, and a Valkey to kill, for tests of accounts, sessions and people."""

import pathlib
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.flows._accounts_world import Town, ValkeyServer, open_town
from tests.support.servers import Servers


@pytest.fixture
async def town(database_url: str, servers: Servers) -> AsyncIterator[Town]:
    async with open_town(database_url, servers.valkey_url) as town:
        yield town


@pytest.fixture
def own_valkey(tmp_path: pathlib.Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def fragile_town(database_url: str, own_valkey: ValkeyServer) -> AsyncIterator[Town]:
    """Its Valkey is ``own_valkey``, for the test to kill."""
    async with open_town(database_url, own_valkey.url) as town:
        yield town
        if not own_valkey.is_running:
            own_valkey.start()
        await town.valkey.open()
