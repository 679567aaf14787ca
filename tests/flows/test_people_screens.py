"""Anybody can look at anybody; only the owner sees what is private."""

import msgspec
import pytest

from linnet.errors import UserNotFound
from linnet.ids import UserId
from linnet.read.timelines.people import me_screen, user_by_username_screen, user_screen
from linnet.read.views.users import UserViewerView
from tests.flows._accounts_world import Town

pytest_plugins = ["tests.flows._accounts_fixtures"]


def stands(*, following: bool = False, followed_by: bool = False) -> UserViewerView:
    return UserViewerView(following=following, followed_by=followed_by, blocking=False, muting=False)


async def test_a_profile_says_how_the_viewer_stands_to_it(town: Town) -> None:
    ada, bob, eve = [await town.sign_up(name) for name in ("ada", "bob", "eve")]
    await town.follow(ada.user_id, bob.user_id)
    for screen in (
        await user_screen(town.read, ada.user_id, bob.user_id),
        await user_by_username_screen(town.read, ada.user_id, "BOB"),
    ):
        assert (screen.id, screen.username, screen.name) == (str(bob.user_id), "bob", "Bob")
        assert screen.viewer == stands(following=True)
    assert (await user_screen(town.read, bob.user_id, ada.user_id)).viewer == stands(followed_by=True)
    assert (await user_screen(town.read, eve.user_id, ada.user_id)).viewer == stands()
    assert (await user_screen(town.read, ada.user_id, ada.user_id)).viewer is None
    assert (await user_screen(town.read, None, ada.user_id)).viewer is None


async def test_a_profile_holds_nothing_private(town: Town) -> None:
    ada, bob = await town.sign_up("ada"), await town.sign_up("bob")
    await town.sql("update users set phone = '+49 30 123456'")
    shown = msgspec.json.encode(await user_screen(town.read, bob.user_id, ada.user_id)).decode()
    assert "example.com" not in shown
    assert "123456" not in shown
    assert "argon2" not in shown
    me = await me_screen(town.read, ada.user_id)
    assert (me.email, me.phone) == ("ada@example.com", "+49 30 123456")
    assert "argon2" not in msgspec.json.encode(me).decode()


async def test_who_does_not_exist_is_not_found(town: Town) -> None:
    await town.sign_up("ada")
    for name in ["nobody", "", " ", "@ada", "ada@example.com", "a/b", "\0", "\ud800", "x" * 10_000]:
        with pytest.raises(UserNotFound):
            await user_by_username_screen(town.read, None, name)
        with pytest.raises(UserNotFound):
            await user_screen(town.read, None, UserId(4711))


async def test_who_is_gone_is_not_found(town: Town) -> None:
    ada = await town.sign_up("ada")
    await town.erase(ada.user_id)
    with pytest.raises(UserNotFound):
        await user_by_username_screen(town.read, None, "ada")
    with pytest.raises(UserNotFound):
        await user_screen(town.read, None, ada.user_id)
    with pytest.raises(UserNotFound):
        await me_screen(town.read, ada.user_id)
