"""A person logs in by username or e-mail; whoever guesses learns nothing, neither from the answer nor from the work."""

import asyncio

import pytest

from linnet.errors import Invalid, WrongCredentials
from linnet.write.actions.passwords import PasswordOptions, Passwords
from linnet.write.actions.sessions import LoggedIn, log_in
from tests.flows._accounts_world import PASSWORD, Town

pytest_plugins = ["tests.flows._accounts_fixtures"]


async def enter(town: Town, login: object, password: object = PASSWORD) -> LoggedIn:
    return await log_in(town.write, town.passwords, login=login, password=password, device="test")


async def test_the_username_and_the_address_both_open(town: Town) -> None:
    ada = await town.sign_up("ada")
    for login in ["ada", "ADA", " ada ", "ada@example.com", "Ada@EXAMPLE.com"]:
        again = await enter(town, login)
        assert again.user_id == ada.user_id
        assert again.session_id != ada.session_id
        viewer = await town.viewers.find(again.token)
        assert viewer is not None
        assert viewer.session_id == again.session_id


async def test_an_unknown_name_and_a_wrong_password_take_the_same_work(town: Town) -> None:
    await town.sign_up("ada")
    gone = await town.sign_up("gone")
    await town.erase(gone.user_id)
    work = []
    for login in ("ada", "ada@example.com", "nobody", "nobody@example.com", "gone", "not a name", "@", ""):
        before = (town.db.statements, town.passwords.verifications, town.passwords.hashes)
        with pytest.raises(WrongCredentials) as refusal:
            await enter(town, login, "wrong horse")
        after = (town.db.statements, town.passwords.verifications, town.passwords.hashes)
        work.append((str(refusal.value), *(now - then for then, now in zip(before, after, strict=True))))
    assert len(set(work)) == 1
    assert work[0][1:] == (2, 1, 0)


async def test_weird_text_is_only_wrong(town: Town) -> None:
    await town.sign_up("ada")
    for weird in ["\0", "\ud800", "x" * 1_000_000, "\u202e", "'; drop table users; --", "@" * 1000, " "]:
        with pytest.raises(WrongCredentials):
            await enter(town, weird)
        with pytest.raises(WrongCredentials):
            await enter(town, "ada", weird)
        with pytest.raises(WrongCredentials):
            await enter(town, weird, weird)


async def test_what_can_be_nobodys_password_is_not_hashed_for_anybody(town: Town) -> None:
    await town.sign_up("ada")
    for login in ["ada", "nobody"]:
        with pytest.raises(WrongCredentials):
            await enter(town, login, "x" * 1001)
        assert town.passwords.verifications == 0


async def test_what_is_no_text_is_named(town: Town) -> None:
    for nonsense in [7, True, ["ada"], {"a": 1}, b"ada"]:
        with pytest.raises(Invalid) as refusal:
            await enter(town, nonsense, nonsense)
        assert [error.field for error in refusal.value.errors] == ["login", "password"]


async def test_an_account_without_a_password_cannot_be_entered(town: Town) -> None:
    await town.sign_up("ada")
    await town.sql("update users set password_hash = '!'")
    for password in ("!", "", PASSWORD):
        with pytest.raises(WrongCredentials):
            await enter(town, "ada", password)


async def test_a_log_in_brings_an_old_hash_up_to_date(town: Town) -> None:
    await town.sign_up("ada")
    dearer = Passwords(PasswordOptions(memory_kib=16, passes=1))
    # Several at once: whoever comes second finds another hash than it verified, of the same password.
    entered = await asyncio.gather(
        *(log_in(town.write, dearer, login="ada", password=PASSWORD, device="") for _ in range(3))
    )
    assert len({each.session_id for each in entered}) == 3
    assert not dearer.is_outdated(str(await town.value("select password_hash from users")))
    hashes = dearer.hashes
    await log_in(town.write, dearer, login="ada", password=PASSWORD, device="")
    assert dearer.hashes == hashes
    dearer.close()


async def test_neither_token_nor_password_is_stored(town: Town) -> None:
    ada = await town.sign_up("ada")
    row = str(await town.value("select row(u, s)::text from users u join sessions s on s.user_id = u.id"))
    assert ada.token not in row
    assert PASSWORD not in row
