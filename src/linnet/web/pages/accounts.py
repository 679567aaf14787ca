"""Signing up, logging in, logging out."""

from typing import Any

from litestar import Response

from linnet.errors import Conflict, EmailTaken, Invalid, LinnetError, UsernameTaken, WrongCredentials
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute, safe_path
from linnet.web.pages.layout import show
from linnet.web.sessions import ended_cookie, session_cookie
from linnet.write.actions.accounts import SignUp
from linnet.write.actions.guesses import log_in_within_limits, sign_up_from
from linnet.write.actions.sessions import end_session


async def sign_up_form(ask: Ask) -> Response[Any]:
    """An empty form; who is logged in has no use for it."""
    if ask.viewer is not None:
        return go_to("/")
    return await show(ask, "signup.html", title="Sign up", fields={}, errors={})


async def sign_up(ask: Ask) -> Response[Any]:
    """A new account, logged in; or the form again, with what was typed and what is wrong with it."""
    fields = await ask.form()
    services = ask.services
    wish = SignUp(
        username=fields.get("username", ""),
        name=fields.get("name", "") or fields.get("username", ""),
        email=fields.get("email", ""),
        password=fields.get("password", ""),
        device=ask.device,
    )
    try:
        logged_in = await sign_up_from(services.write, services.passwords, services.limits, wish, address=ask.address)
    except (Invalid, Conflict) as error:
        # The password is typed again: it is not sent back.
        kept = {name: fields.get(name, "") for name in ("username", "name", "email")}
        return await show(ask, "signup.html", title="Sign up", status=422, fields=kept, errors=errors_by_field(error))
    return go_to("/", session_cookie(logged_in.token, secure=ask.is_secure))


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
            return {"": error.sentence}


async def log_in_form(ask: Ask) -> Response[Any]:
    """An empty form."""
    if ask.viewer is not None:
        return go_to("/")
    return await show(ask, "login.html", title="Log in", login="", error="", back=safe_path(ask.query("next")))


async def log_in(ask: Ask) -> Response[Any]:
    """Logged in, and back where one wanted to be. A session that was there before is not taken over."""
    fields = await ask.form()
    services = ask.services
    back = safe_path(fields.get("next", ""))
    try:
        logged_in = await log_in_within_limits(
            services.write,
            services.passwords,
            services.limits,
            login=fields.get("login", ""),
            password=fields.get("password", ""),
            device=ask.device,
            address=ask.address,
        )
    except (Invalid, WrongCredentials) as error:
        sentence = WrongCredentials.public_sentence() if isinstance(error, Invalid) else error.sentence
        return await show(
            ask,
            "login.html",
            title="Log in",
            status=401,
            login=fields.get("login", ""),
            error=sentence,
            back=back,
        )
    return go_to(back, session_cookie(logged_in.token, secure=ask.is_secure))


async def log_out(ask: Ask) -> Response[Any]:
    """The session ends, and the cookie goes."""
    await ask.form()
    actor = ask.actor
    await end_session(ask.services.write, actor.user_id, actor.session_id)
    ask.services.viewers.forget_user(actor.user_id)
    return go_to("/", ended_cookie(secure=ask.is_secure))


PAGES = (
    PageRoute("GET", "/signup", sign_up_form, user=False),
    PageRoute("POST", "/signup", sign_up, user=False, limit="sign_up"),
    PageRoute("GET", "/login", log_in_form, user=False),
    PageRoute("POST", "/login", log_in, user=False, limit="log_in"),
    PageRoute("POST", "/logout", log_out),
)
