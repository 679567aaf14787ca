"""Letting an app in: what it asks for, in words, and the person's answer, which the app is sent.

Whatever is wrong with what an app asks is said here and sent nowhere, and nobody is led to an app before they have
answered: anybody may register one, so a redirect that needs no click would lead people wherever a stranger likes.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from litestar import Response

from linnet.domain.oauth import MAX_STATE_CHARS, OUT_OF_BAND, App, OAuthError, place_of
from linnet.domain.scopes import meanings
from linnet.web.answers import AUTHORIZE, POPUP, Answer, go_to, popup_headers
from linnet.web.asking import Ask, PageRoute, safe_path
from linnet.web.pages.layout import show
from linnet.write.actions.apps import find_app
from linnet.write.actions.grants import AccessRequest, check_request, grant

_FIELDS: Final = (
    *("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method"),
)


class _Wish(msgspec.Struct, frozen=True):
    """What is asked for, checked; ``fields`` are as they came, to be asked again."""

    app: App
    request: AccessRequest
    scopes: str
    state: str
    fields: Mapping[str, str]


async def ask_for_access(ask: Ask) -> Response[Any]:
    """Who asks, for what, and where they will be told; after a log-in, if there has to be one."""
    try:
        wish = await _read(ask, ask.query)
    except OAuthError as error:
        return await _refuse(ask, error)
    if ask.viewer is None:
        return _shown(go_to(f"/login?next={quote(safe_path(ask.here), safe='/@')}"))
    page = await show(
        ask,
        "authorize.html",
        title="Let an app in",
        beside=False,
        app=wish.app,
        may=meanings(frozenset(wish.scopes.split())),
        fields=wish.fields,
        goes_to=None if wish.request.redirect_uri == OUT_OF_BAND else place_of(wish.request.redirect_uri),
    )
    return _shown(page, wish.request.redirect_uri)


async def answer_app(ask: Ask) -> Response[Any]:
    """Sends the person back to the app, with a code or with their no; or shows the code to carry over."""
    form = await ask.form()
    try:
        wish = await _read(ask, lambda name: form.get(name, ""))
    except OAuthError as error:
        return await _refuse(ask, error)
    uri = wish.request.redirect_uri
    if form.get("answer") != "yes":
        if uri == OUT_OF_BAND:
            return _shown(go_to("/settings#s-apps"))
        return _send(uri, {"error": "access_denied", "error_description": "The person said no."}, wish.state)
    actor = ask.actor
    code = await grant(ask.services.write, actor.user_id, actor.session_id, wish.app, wish.request)
    if uri != OUT_OF_BAND:
        return _send(uri, {"code": code}, wish.state)
    return _shown(await show(ask, "authorized.html", title="One more step", beside=False, app=wish.app, code=code))


async def _read(ask: Ask, field: Callable[[str], str]) -> _Wish:
    fields = {name: field(name) for name in _FIELDS}
    app = await find_app(ask.services.write, fields["client_id"])
    request = AccessRequest(
        fields["response_type"],
        fields["redirect_uri"],
        fields["scope"],
        fields["code_challenge"],
        fields["code_challenge_method"],
    )
    scopes = check_request(app, request)
    if len(fields["state"]) > MAX_STATE_CHARS:
        raise OAuthError("The state is too long.")
    return _Wish(app, request, scopes, fields["state"], {name: value for name, value in fields.items() if value})


async def _refuse(ask: Ask, error: OAuthError) -> Response[Any]:
    page = await show(
        ask,
        "refused.html",
        title="This app cannot be let in",
        # Whatever is wrong, it is with the address that was opened.
        error=OAuthError(error.sentence),
        beside=False,
        sentence=error.sentence,
    )
    return _shown(page)


def _send(uri: str, answer: dict[str, str], state: str) -> Answer:
    """To the app's own address, which stays as it was registered, with the answer behind it."""
    if state:
        answer["state"] = state
    return _shown(go_to(f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer)}"))


def _shown(answer: Answer, redirect_uri: str = OUT_OF_BAND) -> Answer:
    """What stands on it is for now, and for whoever opened it. Its form may end at ``redirect_uri``."""
    answer.security = POPUP if redirect_uri == OUT_OF_BAND else popup_headers(leads_to=place_of(redirect_uri))
    answer.headers["Cache-Control"] = "no-store"
    return answer


PAGES = (
    PageRoute("GET", AUTHORIZE, ask_for_access, user=False),
    PageRoute("POST", AUTHORIZE, answer_app),
)
