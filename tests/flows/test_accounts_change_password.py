"""A person changes the password: the old one is needed, and whoever else was logged in is not any more."""

import asyncio

import pytest

from linnet.errors import Invalid, Unauthenticated, WrongCredentials, WrongPassword
from linnet.write.actions.accounts import LoggedIn, change_password
from linnet.write.actions.passwords import PasswordOptions, Passwords
from linnet.write.actions.sessions import log_in
from tests.flows._accounts_world import CHEAP, PASSWORD, PATIENCE_SECONDS, Town

pytest_plugins = ["tests.flows._accounts_fixtures"]

NEW = " brand new "


async def change(town: Town, who: LoggedIn, *, old: object = PASSWORD, new: object = NEW) -> None:
    await change_password(town.write, town.passwords, who.user_id, who.session_id, old=old, new=new)


async def enter(town: Town, password: str) -> LoggedIn:
    return await log_in(town.write, town.passwords, login="ada", password=password, device="")


async def test_the_new_password_opens_and_the_old_one_does_not(town: Town) -> None:
    ada = await town.sign_up("ada")
    await change(town, ada)
    await enter(town, NEW)
    for wrong in (PASSWORD, NEW.strip()):
        with pytest.raises(WrongCredentials):
            await enter(town, wrong)


async def test_other_sessions_end_and_this_one_stays(town: Town) -> None:
    ada = await town.sign_up("ada")
    phone = await enter(town, PASSWORD)
    elsewhere = town.another_viewers()
    assert await elsewhere.find(phone.token)
    assert await elsewhere.find(ada.token)
    async with town.listening(elsewhere) as told:
        await change(town, ada)
        await asyncio.wait_for(told.wait(), PATIENCE_SECONDS)
    assert elsewhere.peek(phone.token) is None
    assert await elsewhere.find(phone.token) is None
    assert await elsewhere.find(ada.token)


async def test_a_wrong_old_password_changes_nothing(town: Town) -> None:
    ada = await town.sign_up("ada")
    for wrong in ["wrong horse", "", PASSWORD + " ", "\ud800", "\0", "x" * 1_000_000]:
        phone = await enter(town, PASSWORD)
        with pytest.raises(WrongPassword):
            await change(town, ada, old=wrong)
        assert await town.viewers.find(phone.token)
        await enter(town, PASSWORD)


async def test_a_bad_new_password_is_refused_by_field_before_anything_is_hashed(town: Town) -> None:
    ada = await town.sign_up("ada")
    for new in ["short", PASSWORD, "ada@example.com", "x" * 1001, "\ud800" * 8, 12345678, None]:
        with pytest.raises(Invalid) as refusal:
            await change(town, ada, new=new)
        assert [error.field for error in refusal.value.errors] == ["new_password"]
        assert (town.passwords.verifications, town.passwords.hashes) == (0, 1)


async def test_what_is_no_text_is_named_in_both_fields(town: Town) -> None:
    ada = await town.sign_up("ada")
    with pytest.raises(Invalid) as refusal:
        await change(town, ada, old=[], new={})
    assert [error.field for error in refusal.value.errors] == ["old_password", "new_password"]


async def test_of_two_changes_at_once_only_one_wins(town: Town) -> None:
    ada = await town.sign_up("ada")
    phone = await enter(town, PASSWORD)
    results = await asyncio.gather(
        change(town, ada, new="from the desk"), change(town, phone, new="from the phone"), return_exceptions=True
    )
    (lost,) = [result for result in results if result is not None]
    assert isinstance(lost, WrongPassword)
    won, lost_session = (ada, phone) if results[0] is None else (phone, ada)
    await enter(town, "from the desk" if won is ada else "from the phone")
    assert await town.viewers.find(won.token)
    assert await town.viewers.find(lost_session.token) is None


async def test_a_log_in_that_hashes_the_same_password_anew_does_not_stop_a_change(town: Town) -> None:
    ada = await town.sign_up("ada")
    dearer = Passwords(PasswordOptions(memory_kib=16, passes=1))
    results = await asyncio.gather(
        change(town, ada),
        *(log_in(town.write, dearer, login="ada", password=PASSWORD, device="") for _ in range(3)),
        return_exceptions=True,
    )
    assert results[0] is None
    for result in results[1:]:
        # Before the change: in, and out again with it. After it: never in.
        assert isinstance(result, LoggedIn | WrongCredentials)
        if isinstance(result, LoggedIn):
            assert await town.viewers.find(result.token) is None
    dearer.close()


class Pausing(Passwords):
    """Verifies, and goes on only when told to."""

    def __init__(self) -> None:
        super().__init__(CHEAP)
        self.verified, self.go_on = asyncio.Event(), asyncio.Event()

    async def verify(self, encoded: str, password: str) -> bool:
        is_right = await super().verify(encoded, password)
        self.verified.set()
        await self.go_on.wait()
        return is_right


async def test_a_log_in_with_the_old_password_does_not_outlive_the_change(town: Town) -> None:
    ada = await town.sign_up("ada")
    pausing = Pausing()
    thief = asyncio.create_task(log_in(town.write, pausing, login="ada", password=PASSWORD, device=""))
    await pausing.verified.wait()
    await change(town, ada)
    pausing.go_on.set()
    with pytest.raises(WrongCredentials):
        await thief
    assert await town.value("select count(*) from sessions") == 1
    pausing.close()


async def test_a_change_on_the_ground_of_an_older_password_comes_too_late(town: Town) -> None:
    ada = await town.sign_up("ada")
    pausing = Pausing()
    late = asyncio.create_task(
        change_password(town.write, pausing, ada.user_id, ada.session_id, old=PASSWORD, new="too late, too late")
    )
    await pausing.verified.wait()
    await change(town, ada)
    pausing.go_on.set()
    with pytest.raises(WrongPassword):
        await late
    await enter(town, NEW)
    pausing.close()


async def test_whose_account_is_gone_is_not_logged_in(town: Town) -> None:
    ada = await town.sign_up("ada")
    await town.erase(ada.user_id)
    with pytest.raises(Unauthenticated):
        await change(town, ada)
