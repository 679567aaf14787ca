"""Whoever leaves is gone at once, and then nothing of them is left but the reserved username."""

import pytest

from linnet.stores.postgres import users
from tests.flows import _leaving as leaving
from tests.support.recounts import assert_counts, assert_window
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

THRESHOLD = 2


@pytest.fixture
async def town(servers: Servers, database_url: str) -> AsyncIterator[World]:
    async with open_world(
        database_url, servers.valkey_url, options=WorldOptions(top_user_followers=THRESHOLD)
    ) as world:
        yield world


async def assert_nothing_left(town: World, life: leaving.Life) -> None:
    found = await leaving.traces(town, life)
    assert not found, "\n".join(found)
    # Dan's event, which named her, is still what happened: he posted a tweet.
    await leaving.mend(town)
    assert await leaving.traces(town, life) == []
    del town.ids["zoe"]
    await assert_counts(town.db, top_user_followers=THRESHOLD)
    await town.assert_exact()
    for name in town.ids:
        await assert_window(town, name)


async def test_nothing_is_left_in_either_store_but_the_username(town: World) -> None:
    life = await leaving.live(town)
    before = await leaving.traces(town, life)
    unseen = [what for what in leaving.needles(life) if not any(found.startswith(f"{what} in ") for found in before)]
    assert unseen == ["packed id in hex"], "what was nowhere before cannot be missed afterwards"
    await leaving.leave(town)
    await leaving.erase(town)
    await assert_nothing_left(town, life)
    assert await users.find_id_by_username(town.db, "zoe") == 0
