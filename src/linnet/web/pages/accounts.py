"""Signing up, logging in, logging out."""

from contextlib import suppress
from typing import Any

from litestar import Response

from linnet.errors import (
    Conflict,
    EmailTaken,
    Invalid,
    Limited,
    LinnetError,
    SessionNotFound,
    SignUpsClosed,
    UsernameTaken,
    WrongCredentials,
)
from linnet.ids import SessionId, UserId
from linnet.web.answers import AUTHORIZE, POPUP, Answer, go_to, leave_to
from linnet.web.asking import Ask, PageRoute, safe_path
from linnet.web.pages.errors import plainly
from linnet.web.pages.layout import show
from linnet.web.sessions import session_cookie
from linnet.write.actions.accounts import SignUp
from linnet.write.actions.guesses import log_in_within_limits, sign_up_from
from linnet.write.actions.sessions import end_session


async def sign_up_form(ask: Ask) -> Response[Any]:
    """An empty form; who is logged in has no use for it. Nobody fills it in for nothing."""
    back = safe_path(ask.query("next"))
    if ask.viewer is not None:
        return _beside(back, go_to(back))
    if not ask.services.write.options.place.takes_sign_ups:
        raise SignUpsClosed
    return await _show_sign_up(ask, {}, {}, back=back)


async def sign_up(ask: Ask) -> Response[Any]:
    """A new account, logged in; or the form again, with what was typed and what is wrong with it."""
    fields = await ask.form_of_stranger()
    services = ask.services
    back = safe_path(fields.get("next", ""))
    wish = SignUp(
        username=fields.get("username", ""),
        name=fields.get("name", "") or fields.get("username", ""),
        email=fields.get("email", ""),
        password=fields.get("password", ""),
        device=ask.device,
    )
    try:
        ask.admit()
        logged_in = await sign_up_from(services.write, services.passwords, services.limits, wish, address=ask.address)
    except (Invalid, Conflict, Limited) as error:
        ask.did_nothing = isinstance(error, Invalid)
        # The password is typed again: it is not sent back.
        kept = {name: fields.get(name, "") for name in ("username", "name", "email")}
        return await _show_sign_up(ask, kept, errors_by_field(error), back=back, error=error)
    return await _start(ask, logged_in.token, back)


async def _show_sign_up(
    ask: Ask, fields: dict[str, str], errors: dict[str, str], *, back: str, error: LinnetError | None = None
) -> Response[Any]:
    page = await show(
        ask, "signup.html", title="Sign up", error=error, beside=False, fields=fields, errors=errors, back=back
    )
    return _beside(back, page)


def _beside(back: str, answer: Answer) -> Answer:
    """On the way to where apps are let in, pages are open beside an app that waits for them to be closed."""
    if back.partition("?")[0] == AUTHORIZE:
        answer.security = POPUP
    return answer


def errors_by_field(error: LinnetError) -> dict[str, str]:
    """The first sentence for each field; what belongs to none is under the empty name."""
    match error:
        case UsernameTaken():
            return {"username": error.sentence}
        case EmailTaken():
            return {"email": error.sentence}
        case Invalid():
            found: dict[str, str] = {}
            for problem in error.errors:
                found.setdefault(problem.field, problem.message)
            return found or {"": error.sentence}
        case _:
            return {"": plainly(error)}


async def log_in_form(ask: Ask) -> Response[Any]:
    """An empty form."""
    back = safe_path(ask.query("next"))
    if ask.viewer is not None:
        return _beside(back, go_to(back))
    page = await show(ask, "login.html", title="Log in", beside=False, login="", sentence="", back=back)
    return _beside(back, page)


async def log_in(ask: Ask) -> Response[Any]:
    """Logged in, and back where one wanted to be."""
    fields = await ask.form_of_stranger()
    services = ask.services
    back = safe_path(fields.get("next", ""))
    try:
        ask.admit()
        logged_in = await log_in_within_limits(
            services.write,
            services.passwords,
            services.limits,
            login=fields.get("login", ""),
            password=fields.get("password", ""),
            device=ask.device,
            address=ask.address,
        )
    except (Invalid, WrongCredentials, Limited) as error:
        ask.did_nothing = isinstance(error, Invalid)
        sentence = WrongCredentials.public_sentence() if isinstance(error, Invalid) else plainly(error)
        page = await show(
            ask,
            "login.html",
            title="Log in",
            error=error,
            beside=False,
            login=fields.get("login", ""),
            sentence=sentence,
            back=back,
        )
        return _beside(back, page)
    return await _start(ask, logged_in.token, back)


async def _start(ask: Ask, token: str, back: str) -> Response[Any]:
    """A session of this browser's own; whoever was logged in here before is not any more."""
    if ask.viewer is not None:
        await end_quietly(ask, ask.viewer.user_id, ask.viewer.session_id)
    return _beside(back, go_to(back, session_cookie(token, secure=ask.is_secure)))


async def log_out(ask: Ask) -> Response[Any]:
    """The session ends, and the cookie goes."""
    await ask.form()
    actor = ask.actor
    await end_quietly(ask, actor.user_id, actor.session_id)
    return leave_to("/", secure=ask.is_secure)


async def end_quietly(ask: Ask, user_id: UserId, session_id: SessionId) -> None:
    """Ends one of a user's sessions. Where somebody was quicker it is over, as was wished."""
    with suppress(SessionNotFound):
        await end_session(ask.services.write, user_id, session_id)
    ask.services.viewers.forget_user(user_id)


async def back_home(ask: Ask) -> Response[Any]:
    """Whoever types the address of a form's target gets no error."""
    return go_to("/")


PAGES = (
    PageRoute("GET", "/signup", sign_up_form, user=False),
    PageRoute("POST", "/signup", sign_up, user=False, limit="sign_up", answers_limits=True),
    PageRoute("GET", "/login", log_in_form, user=False),
    PageRoute("POST", "/login", log_in, user=False, limit="log_in", answers_limits=True),
    PageRoute("GET", "/logout", back_home, user=False),
    PageRoute("POST", "/logout", log_out),
)
