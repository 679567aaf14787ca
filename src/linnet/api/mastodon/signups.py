"""Signing up in an app: which asks by a token of its own, and is let in with that."""

from typing import Final

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import Error, answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import Token
from linnet.api.mastodon.params import Params
from linnet.domain.names import Problems
from linnet.errors import Conflict, Invalid, Unauthenticated, UsernameTaken
from linnet.ids import unix_ms_of
from linnet.read.apps import find_app
from linnet.write.actions.accounts import SignUp
from linnet.write.actions.guesses import sign_up_from

_ASKED: Final = ("username", "email", "password")


async def post_account(call: Call) -> Answer:
    """A new account, and the app's token for it. All that is wrong is said at once, by fields."""
    app = None if call.app_id is None else await find_app(call.read, call.app_id)
    if app is None:
        raise Unauthenticated
    params = await call.body(with_query=False)
    problems = Problems()
    if not params.flag("agreement"):
        problems.add("agreement", "Whoever signs up agrees to the rules of this place.")
    wish = SignUp(
        username=params.text("username"),
        # People are asked for a name later, if at all.
        name=params.text("username"),
        email=params.text("email"),
        password=params.text("password"),
    )
    services = call.services
    try:
        problems.raise_if_any()
        logged_in = await sign_up_from(
            call.write, services.passwords, services.limits, wish, address=call.address, app=app
        )
    except (Invalid, Conflict) as error:
        call.did_nothing = isinstance(error, Invalid)
        return _refusal(params, error)
    return answer(Token(logged_in.token, app.scopes, unix_ms_of(logged_in.session_id) // 1000))


def _refusal(params: Params, error: Invalid | Conflict) -> Answer:
    """``ERR_…`` are this API's words, which apps put into those of their language."""
    wrong: dict[str, list[dict[str, str]]] = {}
    if isinstance(error, Invalid):
        for each in error.errors:
            # The display name is the username here.
            field = "username" if each.field == "name" else each.field
            if field not in wrong:
                wrong[field] = [{"error": _word_for(params, field), "description": each.message}]
    else:
        field = "username" if isinstance(error, UsernameTaken) else "email"
        wrong[field] = [{"error": "ERR_TAKEN", "description": error.sentence}]
    first = next(iter(wrong.values()), [{"description": error.sentence}])
    return answer(Error(f"Validation failed: {first[0]['description']}", details=wrong), 422)


def _word_for(params: Params, field: str) -> str:
    if field == "agreement":
        return "ERR_ACCEPTED"
    return "ERR_INVALID" if field not in _ASKED or params.text(field) else "ERR_BLANK"


ROUTES = (Route("POST", "/api/v1/accounts", post_account, ("write:accounts",), access="client", limit="sign_up"),)
