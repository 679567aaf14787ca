"""OAuth for apps: registering, tokens for codes, and their end. People are asked on a page (web/pages/oauth.py)."""

import base64
import binascii
from typing import Any
from urllib.parse import unquote

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import Application, CredentialApplication, Token
from linnet.api.mastodon.instance import push_key
from linnet.api.mastodon.params import Params
from linnet.api.mastodon.rendering import account_of
from linnet.domain.oauth import App, InvalidClient, OAuthError, UnsupportedGrant
from linnet.domain.scopes import SCOPES
from linnet.errors import Unauthenticated
from linnet.ids import unix_ms_of
from linnet.read.apps import find_app
from linnet.read.timelines.people import me_screen
from linnet.write.actions.apps import NewApp, authenticate_app, grant_own_token, register_app
from linnet.write.actions.grants import redeem, revoke


async def post_app(call: Call) -> Answer:
    """An app registers. Its secret is told once."""
    params = await call.body()
    # One text with line ends in it, or several.
    redirect_uris = [uri for text in params.texts("redirect_uris") for uri in text.split()]
    registered = await register_app(
        call.write,
        NewApp(params.text("client_name"), redirect_uris, params.text("scopes"), params.text("website")),
    )
    app = registered.app
    return answer(
        CredentialApplication(
            **_facts_of(app), client_id=str(app.id), client_secret=registered.secret, vapid_key=await push_key(call)
        ),
    )


async def verify_app(call: Call) -> Answer:
    """Which app asks, by its own token or by somebody's."""
    app = None if call.app_id is None else await find_app(call.read, call.app_id)
    if app is None:
        raise Unauthenticated
    return answer(Application(**_facts_of(app), vapid_key=await push_key(call)))


async def post_token(call: Call) -> Answer:
    """A code becomes a token; or an app gets one of its own."""
    params = await call.body(with_query=False)
    app, secret = await _authenticate(call, params)
    match params.text("grant_type"):
        case "authorization_code":
            granted = await redeem(
                call.write,
                app,
                code=params.text("code"),
                redirect_uri=params.text("redirect_uri"),
                verifier=params.text("code_verifier"),
            )
            return answer(Token(granted.token, granted.scopes, granted.granted_ms // 1000))
        case "client_credentials":
            token = await grant_own_token(call.write, app, secret, wanted=params.text("scope"))
            return answer(Token(token, app.scopes, unix_ms_of(app.id) // 1000))
        case _:
            raise UnsupportedGrant


async def post_revoke(call: Call) -> Answer:
    """A token of the app's ends. The answer is the same whatever it was."""
    params = await call.body(with_query=False)
    app, _ = await _authenticate(call, params)
    if not params.text("token"):
        raise OAuthError("Which token?")
    user_id = await revoke(call.write, app, params.text("token"))
    if user_id is not None:
        # The other processes are told by a signal; this one need not wait for it.
        call.services.viewers.forget_user(user_id)
    return answer({})


async def get_userinfo(call: Call) -> Answer:
    """OpenID Connect Core, 5.3: who somebody is, for an app that wants to know nothing else."""
    me = account_of(call, await me_screen(call.read, call.me))
    return answer(
        {
            "iss": f"{call.base}/",
            "sub": me.uri,
            "name": me.display_name,
            "preferred_username": me.username,
            "profile": me.url,
            "picture": me.avatar,
        }
    )


async def get_metadata(call: Call) -> Answer:
    """RFC 8414: where everything is, and what of it there is."""
    base = call.base
    return answer(
        {
            "issuer": f"{base}/",
            "authorization_endpoint": f"{base}/oauth/authorize",
            "token_endpoint": f"{base}/oauth/token",
            "revocation_endpoint": f"{base}/oauth/revoke",
            "userinfo_endpoint": f"{base}/oauth/userinfo",
            "app_registration_endpoint": f"{base}/api/v1/apps",
            "service_documentation": f"{base}/api/docs",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


async def _authenticate(call: Call, params: Params) -> tuple[App, str]:
    """The app, and its secret, of the header or the body; not of both. Raises ``OAuthError``."""
    header = call.header(b"authorization")
    client_id, secret = params.text("client_id"), params.text("client_secret")
    if header is not None and header[:6].lower() == "basic ":
        if secret:
            raise OAuthError("The secret is given twice.")
        client_id, secret = _basic(header[6:])
    return await authenticate_app(call.write, client_id, secret), secret


def _basic(text: str) -> tuple[str, str]:
    """RFC 6749, 2.3.1: both are URL-encoded before they are put together."""
    try:
        client_id, colon, secret = base64.b64decode(text.strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError) as error:
        raise InvalidClient from error
    if not colon:
        raise InvalidClient
    return unquote(client_id), unquote(secret)


def _facts_of(app: App) -> dict[str, Any]:
    return {
        "id": str(app.id),
        "name": app.name,
        "website": app.website,
        "scopes": app.scopes.split(),
        "redirect_uris": app.redirect_uris,
        "redirect_uri": "\n".join(app.redirect_uris),
    }


ROUTES = (
    Route("POST", "/api/v1/apps", post_app, access="everyone", limit="app"),
    Route("GET", "/api/v1/apps/verify_credentials", verify_app, access="app"),
    Route("POST", "/oauth/token", post_token, access="everyone"),
    Route("POST", "/oauth/revoke", post_revoke, access="everyone"),
    Route("GET", "/oauth/userinfo", get_userinfo, ("profile",)),
    Route("GET", "/.well-known/oauth-authorization-server", get_metadata, access="everyone"),
)
