"""Verbs of apps: register, say who they are, get a token of their own.

Such a token names no person: with it an app may see what everybody may, and let people sign up.
"""

import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from linnet.domain.names import Problems, check_display_name
from linnet.domain.oauth import (
    MAX_REDIRECTS,
    MAX_WEBSITE_CHARS,
    App,
    InvalidClient,
    InvalidScope,
    can_redirect_to,
)
from linnet.domain.scopes import covers_all, parse_scopes, write_scopes
from linnet.ids import APP_SECRET_BYTES, MAX_ID, pack_token, random_bytes, token_hash
from linnet.stores.postgres import apps
from linnet.write.deps import WriteDeps


class NewApp(msgspec.Struct, frozen=True):
    """What an app says of itself, as it says it."""

    name: str
    redirect_uris: Sequence[str]
    scopes: str = ""
    website: str = ""


class RegisteredApp(msgspec.Struct, frozen=True):
    """An app and its secret, which is shown once and kept nowhere."""

    app: App
    secret: str


async def register_app(deps: WriteDeps, wish: NewApp) -> RegisteredApp:
    """Raises ``Invalid`` naming all that is wrong. Apps that nobody lets in are forgotten after some days."""
    problems = Problems()
    name = problems.check(check_display_name, wish.name, field="client_name")
    scopes = parse_scopes(wish.scopes)
    if scopes is None:
        problems.add("scopes", "These are not scopes that linnet knows.")
    if not 1 <= len(wish.redirect_uris) <= MAX_REDIRECTS or not all(map(can_redirect_to, wish.redirect_uris)):
        problems.add("redirect_uris", "These are not addresses at which an app can be answered.")
    website = wish.website.strip() or None
    if website is not None and (not website.startswith(("https://", "http://")) or not can_redirect_to(website)):
        problems.add("website", f"This must be a web address of at most {MAX_WEBSITE_CHARS} characters.")
    problems.raise_if_any()
    secret = random_bytes(32).hex()
    app = App(
        deps.ids.mint(),
        name,
        website,
        list(dict.fromkeys(wish.redirect_uris)),
        write_scopes(scopes or frozenset()),
        token_hash(secret),
        None,
        0,
    )
    await apps.insert(deps.db, app)
    return RegisteredApp(app, secret)


async def find_app(deps: WriteDeps, client_id: str) -> App:
    """Raises ``InvalidClient``."""
    if not (client_id.isascii() and client_id.isdigit() and len(client_id) < 20 and int(client_id) <= MAX_ID):
        raise InvalidClient
    app = await apps.find(deps.db, int(client_id))
    if app is None:
        raise InvalidClient
    return app


async def authenticate_app(deps: WriteDeps, client_id: str, secret: str) -> App:
    """The app whose secret it is. Raises ``InvalidClient``."""
    app = await find_app(deps, client_id)
    if not hmac.compare_digest(app.secret_hash, token_hash(secret)):
        raise InvalidClient
    return app


async def grant_own_token(deps: WriteDeps, app: App, secret: str, *, wanted: str) -> str:
    """The app's own token: always the same, until it is taken back. It may do what the app registered for.

    Raises ``InvalidScope`` when more is wanted.
    """
    scopes = parse_scopes(wanted) if wanted else frozenset[str]()
    if scopes is None or not covers_all(app.scopes.split(), scopes):
        raise InvalidScope
    seed = b"linnet token of an app\0%b\0%d" % (secret.encode(), app.tokens_count)
    token = pack_token(app.id, hashlib.sha256(seed).digest()[:APP_SECRET_BYTES])
    if app.token_hash is None:
        await apps.put_token(deps.db, app, token_hash(token), now_ms=deps.clock.now_ms())
    return token
