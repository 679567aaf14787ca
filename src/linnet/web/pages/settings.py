"""One's own account: profile, picture, password, devices, people kept away, leaving."""

from typing import Any

from litestar import Response

from linnet.domain.timeline import Range
from linnet.errors import Invalid, LinnetError, WrongPassword
from linnet.ids import SessionId
from linnet.read.timelines.people import blocked_page, me_screen, muted_page, sessions_screen
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, parse_id
from linnet.web.pages.accounts import errors_by_field
from linnet.web.pages.layout import show
from linnet.web.sessions import ended_cookie
from linnet.write.actions.accounts import change_password
from linnet.write.actions.erasure import delete_account
from linnet.write.actions.profiles import edit_profile
from linnet.write.actions.sessions import end_session

_PEOPLE_SHOWN = 100
_PROFILE_FIELDS = ("name", "bio", "location", "phone")


async def settings(ask: Ask) -> Response[Any]:
    """All of it on one page."""
    return await _show(ask)


async def _show(
    ask: Ask, *, errors: dict[str, str] | None = None, section: str = "", fields: dict[str, str] | None = None
) -> Response[Any]:
    read, actor = ask.services.read, ask.actor
    account = await me_screen(read, actor.user_id)
    shown = {name: getattr(account, name) or "" for name in _PROFILE_FIELDS}
    return await show(
        ask,
        "settings.html",
        title="Settings",
        status=422 if errors else 200,
        account=account,
        fields={**shown, **(fields or {})},
        devices=await sessions_screen(read, actor.user_id, actor.session_id),
        blocked=(await blocked_page(read, actor.user_id, Range(_PEOPLE_SHOWN))).items,
        muted=(await muted_page(read, actor.user_id, Range(_PEOPLE_SHOWN))).items,
        errors=errors or {},
        section=section,
        done=ask.query("done"),
    )


async def save_profile(ask: Ask) -> Response[Any]:
    """What was typed is kept when some of it is not right."""
    form = await ask.form()
    fields = {name: form.get(name, "") for name in _PROFILE_FIELDS}
    wish: dict[str, object] = {name: value if name == "name" else value or None for name, value in fields.items()}
    try:
        await edit_profile(ask.services.write, ask.actor.user_id, wish)
    except Invalid as error:
        return await _show(ask, errors=errors_by_field(error), section="profile", fields=fields)
    return go_to("/settings?done=profile#s-profile")


async def save_password(ask: Ask) -> Response[Any]:
    """Ends all other sessions."""
    form = await ask.form()
    services, actor = ask.services, ask.actor
    try:
        await change_password(
            services.write,
            services.passwords,
            actor.user_id,
            actor.session_id,
            old=form.get("old_password", ""),
            new=form.get("new_password", ""),
        )
    except (Invalid, WrongPassword) as error:
        return await _show(ask, errors=_password_errors(error), section="password")
    services.viewers.forget_user(actor.user_id)
    return go_to("/settings?done=password#s-password")


def _password_errors(error: LinnetError) -> dict[str, str]:
    return {"old_password": error.sentence} if isinstance(error, WrongPassword) else errors_by_field(error)


async def end_device(ask: Ask) -> Response[Any]:
    """Logs another device out, or this one."""
    form = await ask.form()
    actor = ask.actor
    session_id = parse_id(form.get("session_id", "")) or 0
    await end_session(ask.services.write, actor.user_id, SessionId(session_id))
    ask.services.viewers.forget_user(actor.user_id)
    if session_id == actor.session_id:
        return go_to("/", ended_cookie(secure=ask.is_secure))
    return go_to("/settings?done=devices#s-devices")


async def leave(ask: Ask) -> Response[Any]:
    """Deletes the account."""
    form = await ask.form()
    services, actor = ask.services, ask.actor
    try:
        await delete_account(services.write, services.passwords, actor.user_id, password=form.get("password", ""))
    except (Invalid, WrongPassword) as error:
        sentence = error.sentence if isinstance(error, WrongPassword) else "Please type your password."
        return await _show(ask, errors={"password": sentence}, section="leave")
    services.viewers.forget_user(actor.user_id)
    return go_to("/", ended_cookie(secure=ask.is_secure))


PAGES = (
    PageRoute("GET", "/settings", settings),
    PageRoute("POST", "/settings/profile", save_profile, limit="profile"),
    PageRoute("POST", "/settings/password", save_password, limit="password"),
    PageRoute("POST", "/settings/devices", end_device),
    PageRoute("POST", "/settings/leave", leave, limit="password"),
)
