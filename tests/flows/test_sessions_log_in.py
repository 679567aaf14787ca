"""A person logs in by username or e-mail; whoever guesses learns nothing, neither from the answer nor from the work."""

import asyncio

import pytest

from linnet.errors import Invalid, WrongCredentials
from linnet.write.actions.passwords import PasswordOptions, Passwords
from linnet.write.actions.sessions import LoggedIn, log_in
from tests.flows._accounts_world import PASSWORD, World

pytest_plugins = ["tests.flows._accounts_fixtures"]


async def enter(world: World, login: object, password: object = PASSWORD) -> LoggedIn:
    return await log_in(world.write, world.passwords, login=login, password=password, device="test")


@pytest.mark.parametrize("login", ["ada", "ADA", " ada ", "ada@example.com", "Ada@EXAMPLE.com"])
async def test_the_username_and_the_address_both_open(world: World, login: str) -> None:
    ada = await world.sign_up("ada")
    again = await enter(world, login)
    assert again.user_id == ada.user_id
    assert again.session_id != ada.session_id
    viewer = await world.viewers.find(again.token)
    assert viewer is not None
    assert viewer.session_id == again.session_id


async def test_an_unknown_name_and_a_wrong_password_take_the_same_work(world: World) -> None:
    await world.sign_up("ada")
    gone = await world.sign_up("gone")
    await world.erase(gone.user_id)
    work = []
    for login in ("ada", "ada@example.com", "nobody", "nobody@example.com", "gone", "not a name", "@", ""):
        before = (world.db.statements, world.passwords.verifications, world.passwords.hashes)
        with pytest.raises(WrongCredentials) as refusal:
            await enter(world, login, "wrong horse")
        after = (world.db.statements, world.passwords.verifications, world.passwords.hashes)
        work.append((str(refusal.value), *(now - then for then, now in zip(before, after, strict=True))))
    assert len(set(work)) == 1
    assert work[0][1:] == (2, 1, 0)


@pytest.mark.parametrize(
    "weird", ["\0", "\ud800", "x" * 1_000_000, "\u202e", "'; drop table users; --", "@" * 1000, " "]
)
async def test_weird_text_is_only_wrong(world: World, weird: str) -> None:
    await world.sign_up("ada")
    with pytest.raises(WrongCredentials):
        await enter(world, weird)
    with pytest.raises(WrongCredentials):
        await enter(world, "ada", weird)
    with pytest.raises(WrongCredentials):
        await enter(world, weird, weird)


@pytest.mark.parametrize("login", ["ada", "nobody"])
async def test_what_can_be_nobodys_password_is_not_hashed_for_anybody(world: World, login: str) -> None:
    await world.sign_up("ada")
    with pytest.raises(WrongCredentials):
        await enter(world, login, "x" * 1001)
    assert world.passwords.verifications == 0


@pytest.mark.parametrize("nonsense", [7, True, ["ada"], {"a": 1}, b"ada"])
async def test_what_is_no_text_is_named(world: World, nonsense: object) -> None:
    with pytest.raises(Invalid) as refusal:
        await enter(world, nonsense, nonsense)
    assert [error.field for error in refusal.value.errors] == ["login", "password"]


async def test_an_account_without_a_password_cannot_be_entered(world: World) -> None:
    await world.sign_up("ada")
    await world.sql("update users set password_hash = '!'")
    for password in ("!", "", PASSWORD):
        with pytest.raises(WrongCredentials):
            await enter(world, "ada", password)


async def test_a_log_in_brings_an_old_hash_up_to_date(world: World) -> None:
    await world.sign_up("ada")
    dearer = Passwords(PasswordOptions(memory_kib=16, passes=1))
    # Several at once: whoever comes second finds another hash than it verified, of the same password.
    entered = await asyncio.gather(
        *(log_in(world.write, dearer, login="ada", password=PASSWORD, device="") for _ in range(3))
    )
    assert len({each.session_id for each in entered}) == 3
    assert not dearer.is_outdated(str(await world.value("select password_hash from users")))
    hashes = dearer.hashes
    await log_in(world.write, dearer, login="ada", password=PASSWORD, device="")
    assert dearer.hashes == hashes
    dearer.close()


async def test_neither_token_nor_password_is_stored(world: World) -> None:
    ada = await world.sign_up("ada")
    row = str(await world.value("select row(u, s)::text from users u join sessions s on s.user_id = u.id"))
    assert ada.token not in row
    assert PASSWORD not in row
