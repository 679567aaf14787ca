"""A person logs a device out: it is out everywhere, also when Valkey is away meanwhile."""

import asyncio

import pytest

from linnet.domain.user import Session
from linnet.errors import SessionNotFound
from linnet.ids import token_hash
from linnet.read.timelines.people import sessions_screen
from linnet.stores.valkey import sessions as cached_sessions
from linnet.write.actions.sessions import end_session, log_in
from tests.flows._accounts_world import PASSWORD, PATIENCE_SECONDS, Town, ValkeyServer

pytest_plugins = ["tests.flows._accounts_fixtures"]


async def test_an_ended_session_is_forgotten_by_every_process(town: Town) -> None:
    ada = await town.sign_up("ada")
    elsewhere = town.another_viewers()
    assert await elsewhere.find(ada.token)
    async with town.listening(elsewhere) as told:
        await end_session(town.write, ada.user_id, ada.session_id)
        await asyncio.wait_for(told.wait(), PATIENCE_SECONDS)
    assert elsewhere.peek(ada.token) is None
    assert await elsewhere.find(ada.token) is None
    assert await town.viewers.find(ada.token) is None


async def test_a_process_that_missed_the_signal_learns_within_seconds(town: Town) -> None:
    ada = await town.sign_up("ada")
    deaf = town.another_viewers()
    assert await deaf.find(ada.token)
    await end_session(town.write, ada.user_id, ada.session_id)
    town.clock.advance(3.0)
    assert await deaf.find(ada.token) is None


async def test_only_ones_own_session_can_be_ended_and_only_once(town: Town) -> None:
    ada, bob = await town.sign_up("ada"), await town.sign_up("bob")
    with pytest.raises(SessionNotFound):
        await end_session(town.write, bob.user_id, ada.session_id)
    assert await town.viewers.find(ada.token)
    await end_session(town.write, ada.user_id, ada.session_id)
    with pytest.raises(SessionNotFound):
        await end_session(town.write, ada.user_id, ada.session_id)


async def test_devices_are_listed_newest_first_without_the_ended_ones(town: Town) -> None:
    ada = await town.sign_up("ada", device="desk")
    town.clock.advance(60)
    phone = await log_in(town.write, town.passwords, login="ada", password=PASSWORD, device="phone")
    bob = await town.sign_up("bob")
    listed = await sessions_screen(town.read, ada.user_id, ada.session_id)
    assert [(session.device, session.current) for session in listed] == [("phone", False), ("desk", True)]
    assert listed[0].last_used_at == listed[0].created_at
    await end_session(town.write, ada.user_id, phone.session_id)
    listed = await sessions_screen(town.read, ada.user_id, ada.session_id)
    assert [session.device for session in listed] == ["desk"]
    assert str(bob.session_id) not in {session.id for session in listed}


async def test_who_read_the_session_before_it_ended_cannot_bring_it_back(town: Town) -> None:
    ada = await town.sign_up("ada")
    await end_session(town.write, ada.user_id, ada.session_id)
    # A slow process fills in what PostgreSQL told it before the end.
    session = Session(ada.session_id, ada.user_id, "", 0)
    await cached_sessions.put(town.valkey, town.keys, token_hash(ada.token), session)
    assert await town.viewers.find(ada.token) is None


async def test_a_session_ended_without_valkey_is_over_and_stays_over_when_valkey_is_back(
    fragile_town: Town, own_valkey: ValkeyServer
) -> None:
    town = fragile_town
    ada = await town.sign_up("ada")
    assert await town.viewers.find(ada.token)
    key = town.keys.session(ada.user_id, token_hash(ada.token))

    own_valkey.kill()
    await end_session(town.write, ada.user_id, ada.session_id)
    assert await town.another_viewers().find(ada.token) is None

    # It comes back with the copy it held, and an event waits that takes it back.
    own_valkey.start()
    await town.valkey.open()
    assert await cached_value(town, key) != b"-"
    await town.world.settle()
    assert await cached_value(town, key) == b"-"
    assert await town.another_viewers().find(ada.token) is None


async def cached_value(town: Town, key: bytes) -> bytes | None:
    await town.valkey.open()
    value: bytes | None = await town.valkey.call("GET", key)
    return value
