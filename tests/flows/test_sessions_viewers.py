"""Who is asking is known from memory, then Valkey, then PostgreSQL; never longer than the session lives."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from linnet.domain.session import SESSION_DAYS
from linnet.ids import mint_token, token_hash, token_owner
from linnet.read.hydration.viewers import Viewer, ViewerOptions
from linnet.read.timelines.people import sessions_screen
from linnet.stores.valkey import sessions as cached_sessions
from linnet.stores.valkey.changes import Change
from tests.flows._accounts_world import Town, ValkeyServer

pytest_plugins = ["tests.flows._accounts_fixtures"]


class Cost:
    """Statements and Valkey writes since it was made."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._before = (town.db.statements, town.valkey.writes)

    @property
    def spent(self) -> tuple[int, int]:
        return self._town.db.statements - self._before[0], self._town.valkey.writes - self._before[1]


class LookUps:
    """Looks into Valkey for a token: ``begun`` is set when one comes, and it waits there until it is ``let_go``."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()
        self._find = cached_sessions.find

    async def __call__(self, *args: Any) -> Any:
        self.begun.set()
        await self.let_go.wait()
        return await self._find(*args)


@pytest.fixture
def look_ups(monkeypatch: pytest.MonkeyPatch) -> Iterator[LookUps]:
    look_ups = LookUps()
    monkeypatch.setattr(cached_sessions, "find", look_ups)
    yield look_ups
    look_ups.let_go.set()


async def test_a_warm_token_costs_nothing(town: Town) -> None:
    ada = await town.sign_up("ada")
    assert town.viewers.peek(ada.token) is None
    viewer = await town.viewers.find(ada.token)
    cost = Cost(town)
    assert await town.viewers.find(ada.token) == viewer == town.viewers.peek(ada.token)
    assert viewer == Viewer(ada.user_id, ada.session_id)
    assert cost.spent == (0, 0)


async def test_after_some_seconds_valkey_is_asked_and_postgresql_is_not(town: Town) -> None:
    ada = await town.sign_up("ada")
    await town.viewers.find(ada.token)
    town.clock.advance(3.1)
    assert town.viewers.peek(ada.token) is None
    cost = Cost(town)
    assert await town.viewers.find(ada.token)
    assert await town.another_viewers().find(ada.token), "also in another process"
    assert cost.spent == (0, 2)


async def test_lookups_of_one_token_at_once_share_a_flight(town: Town) -> None:
    ada = await town.sign_up("ada")
    cost = Cost(town)
    found = await asyncio.gather(*(town.viewers.find(ada.token) for _ in range(50)))
    assert set(found) == {Viewer(ada.user_id, ada.session_id)}
    assert cost.spent == (1, 2)


async def test_the_request_that_looks_up_for_others_may_be_given_up(town: Town, look_ups: LookUps) -> None:
    ada = await town.sign_up("ada")
    first = asyncio.create_task(town.viewers.find(ada.token))
    await look_ups.begun.wait()
    others = [asyncio.create_task(town.viewers.find(ada.token)) for _ in range(3)]
    # One turn of the event loop: they ask nobody, so in their first they come to wait for the first one's answer.
    await asyncio.sleep(0)
    first.cancel()
    others[0].cancel()
    look_ups.let_go.set()
    assert await asyncio.gather(*others[1:]) == [Viewer(ada.user_id, ada.session_id)] * 2


async def test_what_cannot_be_a_token_is_nobodys_and_costs_nothing(town: Town) -> None:
    for token in ["", "x", "x" * 43, "\0" * 43, "ü" * 43, "\ud800" * 43, "A" * 43, "x" * 100_000]:
        cost = Cost(town)
        assert town.viewers.peek(token) is None
        if token_owner(token) is None:
            assert await town.viewers.find(token) is None
            assert cost.spent == (0, 0)
        else:
            assert await town.viewers.find(token) is None


async def test_an_unknown_token_is_remembered_for_a_moment_only(town: Town) -> None:
    ada = await town.sign_up("ada")
    guessed = mint_token(ada.user_id)
    assert await town.viewers.find(guessed) is None
    cost = Cost(town)
    assert await town.viewers.find(guessed) is None
    assert cost.spent == (0, 0)
    town.clock.advance(1.1)
    assert await town.viewers.find(guessed) is None
    assert cost.spent == (1, 1)


async def test_memory_is_bounded_for_known_and_unknown_tokens(town: Town) -> None:
    ada = await town.sign_up("ada")
    viewers = town.another_viewers(ViewerOptions(known_size=2, unknown_size=2))
    people = [ada, *[await town.sign_up(f"person{number}") for number in range(4)]]
    for person in people:
        assert await viewers.find(person.token)
        assert await viewers.find(mint_token(person.user_id)) is None
    assert (len(viewers._known), len(viewers._tokens), len(viewers._unknown)) == (2, 2, 2)
    assert [viewers.peek(person.token) is not None for person in people] == [False, False, False, True, True]


async def test_a_session_nobody_used_for_90_days_is_over(town: Town) -> None:
    ada = await town.sign_up("ada")
    town.clock.advance(SESSION_DAYS * 86_400 - 1)
    assert await sessions_screen(town.read, ada.user_id, ada.session_id)
    town.clock.advance(1)
    assert await town.viewers.find(ada.token) is None
    assert await sessions_screen(town.read, ada.user_id, ada.session_id) == []


async def test_a_session_in_use_goes_on(town: Town) -> None:
    ada = await town.sign_up("ada")
    for _ in range(3):
        town.clock.advance(SESSION_DAYS * 86_400 - 1)
        await town.valkey.call("DEL", town.keys.session(ada.user_id, token_hash(ada.token)))
        assert await town.viewers.find(ada.token)
        await town.viewers.flush_last_used()


async def test_last_use_is_stored_at_most_once_in_five_minutes(town: Town) -> None:
    ada = await town.sign_up("ada")
    born_ms = town.clock.now_ms()

    async def use_after(seconds: float) -> object:
        town.clock.advance(seconds)
        cost = Cost(town)
        assert await town.viewers.find(ada.token)
        assert cost.spent[0] <= 1, "a read at most, and nothing written"
        await town.viewers.flush_last_used()
        return await town.last_used_ms(ada.session_id)

    assert await use_after(100) == born_ms
    assert await use_after(100) == born_ms
    assert await use_after(100) == born_ms + 300_000
    assert await use_after(10) == born_ms + 300_000
    # Nobody comes any more: the last use is stored all the same, once it may be.
    town.clock.advance(290)
    await town.viewers.flush_last_used()
    assert await town.last_used_ms(ada.session_id) == born_ms + 310_000
    town.clock.advance(1000)
    cost = Cost(town)
    await town.viewers.flush_last_used()
    assert cost.spent[0] == 0


async def test_last_uses_are_stored_in_the_background(town: Town) -> None:
    ada = await town.sign_up("ada")
    viewers = town.another_viewers(ViewerOptions(flush_seconds=0.0))
    town.clock.advance(301)
    assert await viewers.find(ada.token)
    running = asyncio.create_task(viewers.run())
    async with asyncio.timeout(10):
        while await town.last_used_ms(ada.session_id) != town.clock.now_ms():
            pass
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_session_that_ends_while_it_is_looked_up_is_not_remembered(town: Town, look_ups: LookUps) -> None:
    ada = await town.sign_up("ada")
    looking = asyncio.create_task(town.viewers.find(ada.token))
    await look_ups.begun.wait()
    town.viewers.on_change(Change(token_hashes=(token_hash(ada.token),)))
    look_ups.let_go.set()
    await looking
    assert town.viewers.peek(ada.token) is None


async def test_a_process_can_forget_one_user_or_all(town: Town) -> None:
    ada, bob = await town.sign_up("ada"), await town.sign_up("bob")
    assert await town.viewers.find(ada.token)
    assert await town.viewers.find(bob.token)
    town.viewers.forget_user(ada.user_id)
    assert town.viewers.peek(ada.token) is None
    assert town.viewers.peek(bob.token)
    town.viewers.forget_all()
    assert town.viewers.peek(bob.token) is None
    assert await town.viewers.find(bob.token)


async def test_without_valkey_postgresql_knows(fragile_town: Town, own_valkey: ValkeyServer) -> None:
    town = fragile_town
    ada = await town.sign_up("ada")
    own_valkey.kill()
    assert await town.viewers.find(ada.token) == Viewer(ada.user_id, ada.session_id)
    assert await town.viewers.find(mint_token(ada.user_id)) is None
