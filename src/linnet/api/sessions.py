"""Sessions: logging in, the list of one's log-ins, logging out."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, no_content, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.errors import SessionNotFound, WrongCredentials
from linnet.ids import SessionId
from linnet.read.timelines.people import sessions_screen, user_screen
from linnet.read.views.users import SessionView, UserView
from linnet.write.actions.guesses import log_in_within_limits
from linnet.write.actions.sessions import end_session


class LogInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``login`` is a username or an e-mail address."""

    login: str
    password: str


class LoggedInView(msgspec.Struct, frozen=True):
    """A token, and whose it is."""

    token: str
    user: UserView


class SessionsView(msgspec.Struct, frozen=True):
    """Every log-in of a user, newest first."""

    items: list[SessionView]


async def post_session(call: Call) -> Answer:
    """Log in

    With a username or an e-mail address. An unknown name and a wrong password get the same answer. The token goes into
    `Authorization: Bearer …` and is valid until it is logged out, or unused for 90 days.
    """
    services = call.services
    body = await call.raw_fields(LogInBody)
    logged_in = await log_in_within_limits(
        services.write,
        services.passwords,
        services.limits,
        login=body["login"],
        password=body["password"],
        device=call.device(),
        address=call.address,
    )
    user = await user_screen(services.read, logged_in.user_id, logged_in.user_id)
    return view_answer(LoggedInView(logged_in.token, user), 201)


async def list_sessions(call: Call) -> Answer:
    """List one's log-ins

    Newest first, with the device and the time of last use.
    """
    actor = call.actor
    return view_answer(SessionsView(await sessions_screen(call.services.read, actor.user_id, actor.session_id)))


async def delete_current_session(call: Call) -> Answer:
    """Log out

    Ends the session whose token is sent.
    """
    return await _end(call, call.actor.session_id)


async def delete_session(call: Call) -> Answer:
    """Log another device out

    Ends any of one's sessions.
    """
    return await _end(call, call.session_id())


async def _end(call: Call, session_id: SessionId) -> Answer:
    await end_session(call.services.write, call.actor.user_id, session_id)
    # The other processes are told by a signal; this one need not wait for it.
    call.services.viewers.forget_user(call.actor.user_id)
    return no_content()


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/sessions",
        post_session,
        "sessions",
        Success("A token.", LoggedInView, LoggedInView(examples.TOKEN, examples.NEW_USER), status=201),
        access="everyone",
        body=LogInBody,
        body_example=LogInBody("ada", "a feather for a pen"),
        problems=(WrongCredentials,),
        limit="log_in",
    ),
    Endpoint(
        "GET",
        "/api/sessions",
        list_sessions,
        "sessions",
        Success("The sessions.", SessionsView, SessionsView([examples.SESSION])),
    ),
    Endpoint(
        "DELETE",
        "/api/sessions/current",
        delete_current_session,
        "sessions",
        Success("Logged out.", status=204),
        problems=(SessionNotFound,),
    ),
    Endpoint(
        "DELETE",
        "/api/sessions/{session_id}",
        delete_session,
        "sessions",
        Success("Logged out.", status=204),
        problems=(SessionNotFound,),
    ),
)
