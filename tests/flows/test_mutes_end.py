"""Promise: a mute that was made for a time ends by itself, and then whoever was muted is heard as if never muted."""

from collections.abc import AsyncIterator

import pytest

from linnet.clock import ManualClock
from linnet.domain.event import UserUnmuted
from linnet.stores.postgres import outbox, relations
from linnet.write.actions import blocks
from linnet.write.jobs.mutes import end_mutes
from tests.support.servers import Servers
from tests.support.world import World, open_world

HOUR = 3600


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
async def town(servers: Servers, database_url: str, clock: ManualClock) -> AsyncIterator[World]:
    """Ben and Cleo follow Ada, and read."""
    async with open_world(database_url, servers.valkey_url, clock=clock) as world:
        await world.person("ada", "ben", "cleo")
        for name in ("ben", "cleo"):
            await world.follow(name, "ada")
        await world.settle()
        for name in world.ids:
            await world.home_ids(name)
        yield world


async def mute(town: World, *, seconds: int | None) -> None:
    await blocks.mute(town.write, town.ids["ben"], town.ids["ada"], seconds=seconds)


async def test_whoever_was_muted_for_a_time_is_at_home_again_with_all_they_said(
    town: World, clock: ManualClock
) -> None:
    before = await town.post("ada", "before")
    await town.settle()
    await mute(town, seconds=HOUR)
    meanwhile = await town.post("ada", "meanwhile")
    await town.settle()
    assert await town.home_ids("ben") == []
    clock.advance(HOUR - 1)
    await end_mutes.run(town.write, {})
    assert await town.home_ids("ben") == []
    clock.advance(1)
    assert await town.home_ids("ben") == [], "the mute stands until it is ended"
    await town.assert_exact()
    await end_mutes.run(town.write, {})
    # At once, before any worker came to it, and after it, too.
    assert await town.home_ids("ben") == [meanwhile, before]
    await town.settle()
    assert await town.home_ids("ben") == [meanwhile, before]
    await town.assert_exact()


async def test_what_was_said_last_holds(town: World, clock: ManualClock) -> None:
    tweet = await town.post("ada", "hm")
    await town.settle()
    for seconds in (HOUR, 10 * HOUR):
        await mute(town, seconds=seconds)
    clock.advance(5 * HOUR)
    await end_mutes.run(town.write, {})
    assert await town.home_ids("ben") == []
    await mute(town, seconds=None)
    clock.advance(10 * HOUR)
    await end_mutes.run(town.write, {})
    assert await town.home_ids("ben") == [], "it has no end any more"
    await mute(town, seconds=1)
    assert await outbox.count(town.db) == 1, "to be muted once more is nothing new"
    clock.advance(2)
    await end_mutes.run(town.write, {})
    await town.settle()
    assert await town.home_ids("ben") == [tweet]
    await town.assert_exact()


async def test_an_end_that_comes_twice_or_too_late_ends_nothing_else(town: World, clock: ManualClock) -> None:
    """Somebody saw it among those that are over; then it was taken back, and made anew."""
    ben, ada = town.ids["ben"], town.ids["ada"]
    await town.post("ada", "hm")
    await mute(town, seconds=HOUR)
    clock.advance(HOUR)
    await blocks.unmute(town.write, ben, ada)
    await mute(town, seconds=HOUR)
    for _ in range(2):
        await blocks.end_mute(town.write, ben, ada)
    await town.settle()
    assert await town.home_ids("ben") == []
    clock.advance(HOUR)
    for _ in range(2):
        await blocks.end_mute(town.write, ben, ada)
    assert await outbox.count(town.db) == 1
    await town.settle()
    assert len(await town.home_ids("ben")) == 1
    assert len(await town.home_ids("cleo")) == 1, "others never muted anybody"
    await town.assert_exact()


async def test_whatever_dies_after_the_commit_the_event_shows_them_again(town: World, clock: ManualClock) -> None:
    """As if the process had been killed before it dropped the window: the mute's end is an event like any unmute."""
    tweet = await town.post("ada", "hm")
    await mute(town, seconds=HOUR)
    await town.settle()
    assert await town.home_ids("ben") == []
    clock.advance(HOUR)
    async with town.db.transaction() as session:
        ben, ada = town.ids["ben"], town.ids["ada"]
        assert await relations.delete_ended_mute(session, user_id=ben, muted_id=ada, now_ms=clock.now_ms())
        await outbox.append(session, outbox.NewEvent.of(UserUnmuted(ben, ada), town.write.ids.mint()))
    await town.settle()
    assert await town.home_ids("ben") == [tweet]
    await town.assert_exact()
