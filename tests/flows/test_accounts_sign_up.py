"""A person signs up: all of it or nothing, and every mistake named at once."""

import asyncio

import pytest

from linnet.errors import EmailTaken, Invalid, LinnetError, UsernameTaken
from linnet.read.timelines.people import me_screen, sessions_screen
from linnet.write.actions.accounts import LoggedIn, SignUp, sign_up
from linnet.write.actions.passwords import Passwords
from tests.flows._accounts_world import CHEAP, PASSWORD, Town

pytest_plugins = ["tests.flows._accounts_fixtures"]


def wish(username: object = "ada", email: object = "ada@example.com", **other: object) -> SignUp:
    return SignUp(**{"username": username, "email": email, "name": "Ada", "password": PASSWORD, **other})


async def test_signing_up_logs_in(town: Town) -> None:
    ada = await sign_up(town.write, town.passwords, wish("Ada_1", " Ada@Example.COM ", name="  Ada   Lovelace "))

    viewer = await town.viewers.find(ada.token)
    assert viewer is not None
    assert (viewer.user_id, viewer.session_id) == (ada.user_id, ada.session_id)
    me = await me_screen(town.read, ada.user_id)
    assert (me.username, me.name, me.email) == ("ada_1", "Ada Lovelace", "ada@example.com")
    assert me.viewer is None


async def test_every_bad_field_is_named_at_once_and_nothing_is_hashed(town: Town) -> None:
    with pytest.raises(Invalid) as refusal:
        await sign_up(town.write, town.passwords, wish("a b", "nowhere", name=" ", password="short"))
    assert [error.field for error in refusal.value.errors] == ["username", "name", "email", "password"]
    assert town.passwords.hashes == 0


async def test_nonsense_of_any_type_is_refused_by_field(town: Town) -> None:
    for nonsense in [None, 7, 1.5, True, ["ada"], {"a": 1}, b"ada", "\0", "\ud800", "x" * 100_000]:
        with pytest.raises(Invalid) as refusal:
            await sign_up(town.write, town.passwords, SignUp(username=nonsense, name=nonsense, email=nonsense))
        assert {error.field for error in refusal.value.errors} == {"username", "name", "email", "password"}
        assert len(refusal.value.errors) == 4
        with pytest.raises(Invalid) as refusal:
            await sign_up(town.write, town.passwords, wish(password=nonsense))
        assert [error.field for error in refusal.value.errors] == ["password"]
        assert town.passwords.hashes == 0


async def test_a_taken_name_or_address_is_refused_without_a_hash(town: Town) -> None:
    await town.sign_up("ada")
    assert town.passwords.hashes == 1
    with pytest.raises(UsernameTaken):
        await sign_up(town.write, town.passwords, wish("ADA", "other@example.com"))
    with pytest.raises(EmailTaken):
        await sign_up(town.write, town.passwords, wish("bob", "ADA@example.com"))
    assert town.passwords.hashes == 1
    assert await town.value("select count(*) from users") == 1


async def test_a_name_is_never_given_twice(town: Town) -> None:
    ada = await town.sign_up("ada")
    await town.erase(ada.user_id)
    with pytest.raises(UsernameTaken):
        await sign_up(town.write, town.passwords, wish("ada", "other@example.com"))


class Meeting(Passwords):
    """Lets nobody go on before all are there: past the question whether the name is taken, short of the insert."""

    def __init__(self, parties: int) -> None:
        super().__init__(CHEAP)
        self._all_there = asyncio.Barrier(parties)

    async def hash(self, password: str) -> str:
        await self._all_there.wait()
        return await super().hash(password)


async def race(town: Town, *wishes: SignUp) -> tuple[list[LoggedIn], list[LinnetError]]:
    meeting = Meeting(len(wishes))
    results = await asyncio.gather(*(sign_up(town.write, meeting, each) for each in wishes), return_exceptions=True)
    meeting.close()
    won = [result for result in results if isinstance(result, LoggedIn)]
    lost = [result for result in results if isinstance(result, LinnetError)]
    assert len(won) + len(lost) == len(wishes)
    return won, lost


async def test_of_two_who_race_for_a_name_exactly_one_gets_it(town: Town) -> None:
    won, lost = await race(town, wish(email="one@example.com"), wish(email="two@example.com"))
    assert [type(error) for error in lost] == [UsernameTaken]
    # Nothing is left of the other: the address is free, and the name's owner is the winner.
    (winner,) = won
    assert await town.value("select user_id from usernames where username = 'ada'") == winner.user_id
    for table in ("users", "usernames", "emails", "sessions"):
        assert await town.value(f"select count(*) from {table}") == 1


async def test_of_eight_who_race_for_an_address_exactly_one_gets_it(town: Town) -> None:
    won, lost = await race(town, *(wish(f"ada{number}") for number in range(8)))
    assert len(won) == 1
    assert {type(error) for error in lost} == {EmailTaken}
    assert await town.value("select count(*) from usernames") == 1


async def test_the_device_is_kept_short_and_printable(town: Town) -> None:
    for device, kept in {
        "Firefox 140 on Linux": "Firefox 140 on Linux",
        "a\0b\r\nSet-Cookie: c\ud800\u202e": "a b Set-Cookie: c",
        "x" * 1_000_000: "x" * 200,
        17: "",
        None: "",
    }.items():
        name = f"ada_{len(kept)}_{type(device).__name__}".lower()
        ada = await sign_up(town.write, town.passwords, wish(name, f"{name}@example.com", device=device))
        (session,) = await sessions_screen(town.read, ada.user_id, ada.session_id)
        assert session.device == kept
        assert session.current
