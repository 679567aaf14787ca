"""One's own account: profile, picture, password, devices, people kept away, leaving."""

from contextlib import suppress
from functools import partial
from typing import Any, Final

from litestar import Response

from linnet.domain.profiles import MAX_FIELDS
from linnet.domain.scopes import meanings
from linnet.domain.timeline import Range
from linnet.errors import (
    Invalid,
    Limited,
    LinnetError,
    PictureTooLarge,
    PictureUnreadable,
    TooManyFeaturedTags,
    WrongPassword,
)
from linnet.ids import SessionId
from linnet.read.timelines.featured import featured_tags
from linnet.read.timelines.people import blocked_page, count_requesters, me_screen, muted_page, sessions_screen
from linnet.read.timelines.preferences import preferences_screen
from linnet.read.timelines.pushes import subscription_of
from linnet.read.views.pages import PageView
from linnet.read.views.users import UserView
from linnet.web.answers import go_to, leave_to
from linnet.web.asking import Ask, PageRoute, parse_id
from linnet.web.forms import FormTooLarge
from linnet.web.pages.accounts import end_quietly, errors_by_field
from linnet.web.pages.errors import plainly
from linnet.web.pages.layout import show, with_query
from linnet.write.actions.accounts import change_password
from linnet.write.actions.avatars import Use, put_avatar, remove_avatar
from linnet.write.actions.erasure import delete_account
from linnet.write.actions.featured import feature_tag, unfeature_by_name
from linnet.write.actions.preferences import put_preferences
from linnet.write.actions.profiles import edit_profile

# More of them are on a page of their own.
_PEOPLE_SHOWN: Final = 5
_PROFILE_FIELDS: Final = ("name", "bio", "location", "phone")
_FLAGS: Final = ("bot", "discoverable", "indexable")


async def settings(ask: Ask) -> Response[Any]:
    """All of it on one page."""
    return await _show(ask)


async def _show(
    ask: Ask,
    *,
    section: str = "",
    error: LinnetError | None = None,
    errors: dict[str, str] | None = None,
    fields: dict[str, str] | None = None,
) -> Response[Any]:
    """``section`` has the form that ``error`` is about; ``errors`` are its sentences by field."""
    read, actor = ask.services.read, ask.actor
    account = await me_screen(read, actor.user_id)
    shown = {name: getattr(account, name) or "" for name in _PROFILE_FIELDS}
    for place in range(MAX_FIELDS):
        field = account.fields[place] if place < len(account.fields) else None
        shown |= {f"label_{place}": field.name if field else "", f"entry_{place}": field.value if field else ""}
    shown |= {flag: "yes" if getattr(account, flag) else "" for flag in _FLAGS}
    usual = await preferences_screen(read, actor.user_id)
    blocked = await blocked_page(read, actor.user_id, Range(_PEOPLE_SHOWN))
    muted = await muted_page(read, actor.user_id, Range(_PEOPLE_SHOWN))
    requests_count = await count_requesters(read, actor.user_id)
    featured = await featured_tags(read, actor.user_id, actor.user_id)
    write = ask.services.write
    push_key = await write.push_key.public() if write.options.push.enabled else ""
    sessions = await sessions_screen(read, actor.user_id, actor.session_id)
    return await show(
        ask,
        "settings.html",
        title="Settings",
        error=error,
        beside=False,
        account=account,
        fields={"tag": "", "language": usual.language or "", **shown, **(fields or {})},
        usual=usual,
        featured=featured,
        devices=[session for session in sessions if session.scopes is None],
        apps=[(app, meanings(frozenset(app.scopes))) for app in sessions if app.scopes is not None],
        blocked=blocked,
        muted=muted,
        requests_count=requests_count,
        push_key=push_key,
        is_told=bool(push_key) and await subscription_of(read, actor.user_id, actor.session_id) is not None,
        max_picture_bytes=_max_picture_bytes(ask),
        errors=errors or {},
        section=section,
        done=ask.query("done"),
    )


async def save_profile(ask: Ask) -> Response[Any]:
    """What was typed is kept when some of it is not right."""
    form = await ask.form()
    actor = ask.actor
    fields = {name: form.get(name, "") for name in _PROFILE_FIELDS}
    wish: dict[str, object] = {name: value if name == "name" else value or None for name, value in fields.items()}
    pairs = [(form.get(f"label_{place}", ""), form.get(f"entry_{place}", "")) for place in range(MAX_FIELDS)]
    wish["fields"] = [{"name": label, "value": entry} for label, entry in pairs]
    # A box that is not ticked is not sent.
    wish |= {flag: form.get(flag) == "yes" for flag in _FLAGS}
    fields |= {flag: form.get(flag, "") for flag in _FLAGS}
    for place, (label, entry) in enumerate(pairs):
        fields |= {f"label_{place}": label, f"entry_{place}": entry}
    try:
        ask.admit()
        await edit_profile(ask.services.write, actor.user_id, wish)
    except (Invalid, Limited) as error:
        ask.did_nothing = isinstance(error, Invalid)
        return await _show(ask, section="profile", error=error, errors=errors_by_field(error), fields=fields)
    ask.services.read.forget_person(actor.user_id)
    return go_to("/settings?done=profile#s-profile")


async def save_followers(ask: Ask) -> Response[Any]:
    """Whether one is asked before somebody follows. A box that is not ticked is not sent."""
    form = await ask.form()
    actor = ask.actor
    await edit_profile(ask.services.write, actor.user_id, {"locked": form.get("locked") == "yes"})
    ask.services.read.forget_person(actor.user_id)
    return go_to("/settings?done=followers#s-followers")


async def save_writing(ask: Ask) -> Response[Any]:
    """With what one begins a post, here and in apps. A box that is not ticked is not sent."""
    form = await ask.form()
    try:
        await put_preferences(
            ask.services.write,
            ask.actor.user_id,
            visibility=form.get("visibility", "public"),
            sensitive=form.get("sensitive") == "yes",
            language=form.get("language", "").strip(),
        )
    except Invalid as error:
        typed = {"language": form.get("language", "")}
        return await _show(ask, section="writing", error=error, errors=errors_by_field(error), fields=typed)
    ask.services.read.forget_person(ask.actor.user_id)
    return go_to("/settings?done=writing#s-writing")


async def save_picture(use: Use, ask: Ask) -> Response[Any]:
    """A picture, or a word on why it cannot be one."""
    actor = ask.actor
    try:
        ask.admit()
        await put_avatar(ask.services.write, actor.user_id, partial(_picture, ask), use=use)
    except (Invalid, Limited, FormTooLarge, PictureTooLarge, PictureUnreadable) as error:
        ask.did_nothing = not isinstance(error, Limited)
        sentence = _too_large(ask) if isinstance(error, FormTooLarge) else plainly(error)
        return await _show(ask, section=use, error=error, errors={"picture": sentence})
    ask.services.read.forget_person(actor.user_id)
    return go_to(f"/settings?done={use}#s-{use}")


async def _picture(ask: Ask) -> bytes:
    most = _max_picture_bytes(ask)
    content = await ask.file("picture", max_bytes=most)
    if not content:
        raise Invalid.field("picture", "Please choose a picture first.")
    if len(content) > most:
        raise Invalid.field("picture", _too_large(ask))
    return content


def _max_picture_bytes(ask: Ask) -> int:
    return ask.services.write.pictures.rules.max_bytes


def _too_large(ask: Ask) -> str:
    return f"This picture is too large. It may have up to {_max_picture_bytes(ask) // 1024 // 1024} MB."


async def drop_picture(use: Use, ask: Ask) -> Response[Any]:
    """Back to the bird, or to nothing above it."""
    await ask.form()
    actor = ask.actor
    await remove_avatar(ask.services.write, actor.user_id, use=use)
    ask.services.read.forget_person(actor.user_id)
    return go_to(f"/settings?done=no-{use}#s-{use}")


async def save_password(ask: Ask) -> Response[Any]:
    """Ends all other sessions."""
    form = await ask.form()
    services, actor = ask.services, ask.actor
    try:
        ask.admit()
        await change_password(
            services.write,
            services.passwords,
            actor.user_id,
            actor.session_id,
            old=form.get("old_password", ""),
            new=form.get("new_password", ""),
        )
    except (Invalid, WrongPassword, Limited) as error:
        ask.did_nothing = isinstance(error, Invalid)
        errors = {"old_password": error.sentence} if isinstance(error, WrongPassword) else errors_by_field(error)
        return await _show(ask, section="password", error=error, errors=errors)
    services.viewers.forget_user(actor.user_id)
    return go_to("/settings?done=password#s-password")


async def end_device(ask: Ask) -> Response[Any]:
    """Logs another device out, or this one; or an app."""
    form = await ask.form()
    actor = ask.actor
    session_id = parse_id(form.get("session_id", ""))
    if session_id is not None:
        await end_quietly(ask, actor.user_id, SessionId(session_id))
    if session_id == actor.session_id:
        return leave_to("/", secure=ask.is_secure)
    section = "apps" if form.get("list") == "apps" else "devices"
    return go_to(f"/settings?done={section}#s-{section}")


async def show_tag(ask: Ask) -> Response[Any]:
    """On one's page."""
    form = await ask.form()
    tag = form.get("tag", "")
    try:
        await feature_tag(ask.services.write, ask.actor.user_id, tag)
    except (Invalid, TooManyFeaturedTags) as error:
        ask.did_nothing = True
        errors = errors_by_field(error) if isinstance(error, Invalid) else {"": plainly(error)}
        return await _show(ask, section="tags", error=error, errors=errors, fields={"tag": tag})
    return go_to("/settings#s-tags")


async def remove_tag(ask: Ask) -> Response[Any]:
    """From one's page. What is no tag is not there either."""
    form = await ask.form()
    with suppress(Invalid):
        await unfeature_by_name(ask.services.write, ask.actor.user_id, form.get("tag", ""))
    return go_to("/settings#s-tags")


async def blocked(ask: Ask) -> Response[Any]:
    """All whom one blocks."""
    page = await blocked_page(ask.services.read, ask.actor.user_id, ask.range())
    return await _show_kept_away(ask, page, title="Blocked", undo="unblock", empty="You block nobody.")


async def muted(ask: Ask) -> Response[Any]:
    """All whom one mutes."""
    page = await muted_page(ask.services.read, ask.actor.user_id, ask.range())
    return await _show_kept_away(ask, page, title="Muted", undo="unmute", empty="You mute nobody.")


async def _show_kept_away(ask: Ask, page: PageView[UserView], *, title: str, undo: str, empty: str) -> Response[Any]:
    older = None if page.next is None else with_query(ask.here_path, before=page.next)
    return await show(
        ask,
        "people.html",
        title=title,
        beside=False,
        people=page.items,
        older=older,
        up=("/settings#s-away", "Settings"),
        undo=undo,
        empty=empty,
    )


async def leave(ask: Ask) -> Response[Any]:
    """Deletes the account."""
    form = await ask.form()
    services, actor = ask.services, ask.actor
    try:
        ask.admit()
        await delete_account(services.write, services.passwords, actor.user_id, password=form.get("password", ""))
    except (Invalid, WrongPassword, Limited) as error:
        ask.did_nothing = isinstance(error, Invalid)
        sentence = "Please type your password." if isinstance(error, Invalid) else plainly(error)
        return await _show(ask, section="leave", error=error, errors={"password": sentence})
    services.viewers.forget_user(actor.user_id)
    services.read.forget_person(actor.user_id)
    return leave_to("/", secure=ask.is_secure)


async def back_to_settings(ask: Ask) -> Response[Any]:
    """After a form that was refused its own address stands in the browser: asking for it again leads to the form."""
    return go_to("/settings")


_FORMS: Final = (
    PageRoute("POST", "/settings/profile", save_profile, limit="profile", answers_limits=True),
    PageRoute("POST", "/settings/followers", save_followers, limit="profile"),
    PageRoute("POST", "/settings/writing", save_writing, limit="profile"),
    PageRoute("POST", "/settings/avatar", partial(save_picture, "avatar"), limit="avatar", answers_limits=True),
    PageRoute("POST", "/settings/avatar/remove", partial(drop_picture, "avatar"), limit="profile"),
    PageRoute("POST", "/settings/header", partial(save_picture, "header"), limit="avatar", answers_limits=True),
    PageRoute("POST", "/settings/header/remove", partial(drop_picture, "header"), limit="profile"),
    PageRoute("POST", "/settings/password", save_password, limit="password", answers_limits=True),
    PageRoute("POST", "/settings/devices", end_device),
    PageRoute("POST", "/settings/tags", show_tag, limit="profile"),
    PageRoute("POST", "/settings/tags/remove", remove_tag),
    PageRoute("POST", "/settings/leave", leave, limit="password", answers_limits=True),
)

PAGES = (
    PageRoute("GET", "/settings", settings),
    PageRoute("GET", "/settings/blocked", blocked),
    PageRoute("GET", "/settings/muted", muted),
    *_FORMS,
    *(PageRoute("GET", form.path, back_to_settings) for form in _FORMS),
)
