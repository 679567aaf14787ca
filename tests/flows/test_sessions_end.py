"""A person logs a device out: it is out everywhere, also when Valkey is away meanwhile."""

import asyncio

import pytest

from linnet.errors import SessionNotFound
from linnet.ids import token_hash
from linnet.read.timelines.people import sessions_screen
from linnet.stores.valkey import sessions as cached_sessions
from linnet.write.actions.sessions import end_session, log_in
from tests.flows._accounts_world import PASSWORD, ValkeyServer, World

pytest_plugins = ["tests.flows._accounts_fixtures"]


async def test_an_ended_session_is_forgotten_by_every_process(world: World) -> None:
    ada = await world.sign_up("ada")
    elsewhere = world.another_viewers()
    assert await elsewhere.find(ada.token)
    async with world.listening(elsewhere) as told:
        await end_session(world.write, ada.user_id, ada.session_id)
        await asyncio.wait_for(told.wait(), 10)
    assert elsewhere.peek(ada.token) is None
    assert await elsewhere.find(ada.token) is None
    assert await world.viewers.find(ada.token) is None


async def test_a_process_that_missed_the_signal_learns_within_seconds(world: World) -> None:
    ada = await world.sign_up("ada")
    deaf = world.another_viewers()
    assert await deaf.find(ada.token)
    await end_session(world.write, ada.user_id, ada.session_id)
    world.clock.advance(3.0)
    assert await deaf.find(ada.token) is None


async def test_only_ones_own_session_can_be_ended_and_only_once(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    with pytest.raises(SessionNotFound):
        await end_session(world.write, bob.user_id, ada.session_id)
    assert await world.viewers.find(ada.token)
    await end_session(world.write, ada.user_id, ada.session_id)
    with pytest.raises(SessionNotFound):
        await end_session(world.write, ada.user_id, ada.session_id)


async def test_devices_are_listed_newest_first_without_the_ended_ones(world: World) -> None:
    ada = await world.sign_up("ada", device="desk")
    world.clock.advance(60)
    phone = await log_in(world.write, world.passwords, login="ada", password=PASSWORD, device="phone")
    bob = await world.sign_up("bob")
    listed = await sessions_screen(world.read, ada.user_id, ada.session_id)
    assert [(session.device, session.current) for session in listed] == [("phone", False), ("desk", True)]
    assert listed[0].last_used_at == listed[0].created_at
    await end_session(world.write, ada.user_id, phone.session_id)
    listed = await sessions_screen(world.read, ada.user_id, ada.session_id)
    assert [session.device for session in listed] == ["desk"]
    assert str(bob.session_id) not in {session.id for session in listed}


async def test_who_read_the_session_before_it_ended_cannot_bring_it_back(world: World) -> None:
    ada = await world.sign_up("ada")
    await end_session(world.write, ada.user_id, ada.session_id)
    # A slow process fills in what PostgreSQL told it before the end.
    await cached_sessions.put(world.valkey, world.keys, ada.user_id, token_hash(ada.token), ada.session_id)
    assert await world.viewers.find(ada.token) is None


async def test_a_session_ended_without_valkey_is_over_and_stays_over_when_valkey_is_back(
    fragile_world: World, own_valkey: ValkeyServer
) -> None:
    world = fragile_world
    ada = await world.sign_up("ada")
    assert await world.viewers.find(ada.token)
    key = world.keys.session(ada.user_id, token_hash(ada.token))

    own_valkey.kill()
    await end_session(world.write, ada.user_id, ada.session_id)
    assert await world.another_viewers().find(ada.token) is None

    # It comes back with the copy it held; the end is announced again until it is taken.
    own_valkey.start()
    async with asyncio.timeout(20):
        while await cached_value(world, key) != b"-":
            pass
    assert await world.another_viewers().find(ada.token) is None


async def cached_value(world: World, key: bytes) -> bytes | None:
    await world.valkey.open()
    value: bytes | None = await world.valkey.call("GET", key)
    return value
