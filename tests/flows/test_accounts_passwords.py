"""Passwords are hashed beside the event loop, a few at a time."""

import asyncio

import pytest

from linnet.errors import Unavailable
from linnet.write.actions.passwords import PasswordOptions, Passwords

CHEAP = PasswordOptions(memory_kib=8, passes=1)


async def test_a_hash_knows_its_password_and_no_other() -> None:
    passwords = Passwords(CHEAP)
    encoded = await passwords.hash(" pässwörd \N{BIRD}")
    assert encoded.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await passwords.verify(encoded, " pässwörd \N{BIRD}")
    for other in ("pässwörd \N{BIRD}", " pässwörd \N{BIRD} ", " PÄSSWÖRD \N{BIRD}", ""):
        assert not await passwords.verify(encoded, other)
    assert await passwords.hash("same") != await passwords.hash("same")
    passwords.close()


@pytest.mark.parametrize("encoded", ["", "!", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", "x" * 1000])
async def test_what_is_no_hash_is_nobodys_password(encoded: str) -> None:
    passwords = Passwords(CHEAP)
    assert not await passwords.verify(encoded, encoded)
    assert passwords.verifications == 1
    passwords.close()


async def test_nobodys_password_costs_what_a_password_costs() -> None:
    passwords = Passwords(PasswordOptions(memory_kib=16, passes=2))
    encoded = await passwords.hash("correct horse")
    assert encoded.rsplit("$", 2)[0] == passwords._nobodys.rsplit("$", 2)[0]
    assert list(map(len, encoded.split("$"))) == list(map(len, passwords._nobodys.split("$")))
    assert not await passwords.verify_nobody("correct horse")
    assert passwords.verifications == 1
    passwords.close()


async def test_other_parameters_make_a_hash_outdated() -> None:
    passwords, dearer = Passwords(CHEAP), Passwords(PasswordOptions(memory_kib=16, passes=1))
    encoded = await passwords.hash("correct horse")
    assert not passwords.is_outdated(encoded)
    assert dearer.is_outdated(encoded)
    assert await dearer.verify(encoded, "correct horse")
    passwords.close()
    dearer.close()


async def test_more_than_fit_in_the_line_are_turned_away_at_once() -> None:
    passwords = Passwords(PasswordOptions(memory_kib=8, passes=1, threads=1, max_waiting=2))
    results = await asyncio.gather(*(passwords.hash("correct horse") for _ in range(8)), return_exceptions=True)
    assert [type(result) for result in results] == [str] * 3 + [Unavailable] * 5
    assert await passwords.hash("correct horse"), "the line moves on"
    passwords.close()


async def test_those_who_leave_the_line_make_room() -> None:
    passwords = Passwords(PasswordOptions(memory_kib=8, passes=1, threads=1, max_waiting=2))
    leaving = [asyncio.create_task(passwords.hash("correct horse")) for _ in range(3)]
    # One turn of the event loop, in which each of them gets in line and waits.
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await passwords.hash("correct horse")
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    assert all(await asyncio.gather(*(passwords.hash("correct horse") for _ in range(3))))
    passwords.close()
