"""One's own profile: what one says of oneself, the two pictures, and with what one's apps begin a post."""

from functools import partial
from typing import Any, Final

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.params import Params
from linnet.api.mastodon.rendering import LOCATION, credentials_of, profile_of
from linnet.errors import PictureUnreadable
from linnet.read.timelines.people import count_requesters, me_screen
from linnet.read.timelines.preferences import preferences_screen
from linnet.write.actions.avatars import Use, put_avatar, remove_avatar
from linnet.write.actions.preferences import put_preferences
from linnet.write.actions.profiles import edit_profile

_USES: Final[tuple[Use, ...]] = ("avatar", "header")


async def verify_credentials(call: Call) -> Answer:
    """One's own account."""
    me = await me_screen(call.read, call.me)
    chosen = await preferences_screen(call.read, call.me)
    return answer(credentials_of(call, me, chosen, await count_requesters(call.read, call.me)))


async def update_credentials(call: Call) -> Answer:
    """Changes what of it linnet has. The rest stays as it is, and is not minded."""
    await _update(call)
    return await verify_credentials(call)


async def _update(call: Call) -> None:
    params = await call.body(more_bytes=len(_USES) * call.write.pictures.rules.max_bytes)
    for use in _USES:
        if params.has(use) and use not in params.files:
            raise PictureUnreadable
    await edit_profile(call.write, call.me, _wish(params))
    await _prefer(call, params)
    for use in _USES:
        if (picture := params.files.get(use)) is not None:
            await put_avatar(call.write, call.me, partial(_given, picture), use=use)
    call.read.forget_person(call.me)


def _wish(params: Params) -> dict[str, object]:
    wish: dict[str, object] = {}
    if params.has("display_name"):
        wish["name"] = params.text("display_name")
    if params.has("note"):
        wish["bio"] = params.text("note") or None
    for flag in ("bot", "discoverable", "indexable", "locked"):
        if params.has(flag):
            wish[flag] = params.flag(flag)
    fields = _fields_in(params)
    if fields is not None:
        # Apps send back all that they show, where somebody is among it.
        places = [field["value"] for field in fields if field["name"] == LOCATION]
        wish["location"] = places[0] if places else None
        wish["fields"] = [field for field in fields if field["name"] != LOCATION]
    return wish


def _fields_in(params: Params) -> list[dict[str, str]] | None:
    """None: they stay as they are."""
    records = params.records("fields_attributes")
    return [{part: record.text(part) for part in ("name", "value")} for record in records] or None


async def _prefer(call: Call, params: Params) -> None:
    wish: dict[str, Any] = {}
    if params.text("source[privacy]"):
        wish["visibility"] = params.text("source[privacy]")
    if params.has("source[sensitive]"):
        wish["sensitive"] = params.flag("source[sensitive]")
    if params.has("source[language]"):
        wish["language"] = params.text("source[language]")
    if wish:
        await put_preferences(call.write, call.me, **wish)


async def _given(picture: bytes) -> bytes:
    return picture


async def get_profile(call: Call) -> Answer:
    """What one says of oneself, as one wrote it."""
    return answer(profile_of(call, await me_screen(call.read, call.me)))


async def patch_profile(call: Call) -> Answer:
    """Changes what of it linnet has. The rest stays as it is, which the answer says."""
    await _update(call)
    return await get_profile(call)


async def delete_avatar(call: Call) -> Answer:
    """Back to the picture that is drawn. Quiet when it is so already."""
    return await _removed(call, "avatar")


async def delete_header(call: Call) -> Answer:
    """Quiet when there is none."""
    return await _removed(call, "header")


async def _removed(call: Call, use: Use) -> Answer:
    await remove_avatar(call.write, call.me, use=use)
    call.read.forget_person(call.me)
    return await verify_credentials(call)


async def get_preferences(call: Call) -> Answer:
    """With what a post begins, and that nothing is folded."""
    chosen = await preferences_screen(call.read, call.me)
    return answer(
        {
            "posting:default:visibility": chosen.visibility,
            "posting:default:sensitive": chosen.sensitive,
            "posting:default:language": chosen.language,
            "posting:default:quote_policy": "public",
            "reading:expand:media": "default",
            "reading:expand:spoilers": False,
        }
    )


_WRITE: Final = ("write:accounts",)

ROUTES = (
    Route("GET", "/api/v1/accounts/verify_credentials", verify_credentials, ("read:accounts", "profile")),
    Route("PATCH", "/api/v1/accounts/update_credentials", update_credentials, _WRITE, limit="profile"),
    Route("GET", "/api/v1/preferences", get_preferences, ("read:accounts",)),
    Route("GET", "/api/v1/profile", get_profile, ("profile", "read:accounts")),
    Route("PATCH", "/api/v1/profile", patch_profile, _WRITE, limit="profile"),
    Route("DELETE", "/api/v1/profile/avatar", delete_avatar, _WRITE),
    Route("DELETE", "/api/v1/profile/header", delete_header, _WRITE),
)
