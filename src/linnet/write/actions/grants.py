"""Verbs of people and their apps: let one in, by a code that it redeems for a token; and its token's end.

What was granted is a session of the person's: so logging it out, a changed password and leaving end it as they end a
log-in. A code is bound to the app, to where it is sent, and to the digest of what only the app's process knows; it is
good for ten minutes and once. Both verbs hold the account's row, so that a change of password is before or after them.
"""

import msgspec

from linnet.domain.oauth import (
    CODE_SECONDS,
    App,
    Code,
    InvalidGrant,
    InvalidRedirect,
    InvalidScope,
    OAuthError,
    UnsupportedResponse,
    answers_challenge,
    is_challenge,
)
from linnet.domain.scopes import covers_all, parse_scopes, write_scopes
from linnet.domain.session import unused_since_ms
from linnet.domain.user import Session
from linnet.errors import Unauthenticated
from linnet.ids import APP_SECRET_BYTES, SessionId, UserId, mint_token, token_hash, token_owner
from linnet.stores.postgres import apps, codes, sessions
from linnet.stores.postgres.pool import run_again
from linnet.write.actions.sessions import announce_ended, append_ended
from linnet.write.deps import WriteDeps


class AccessRequest(msgspec.Struct, frozen=True):
    """What an app asks a person for, as it wrote it."""

    response_type: str
    redirect_uri: str
    scope: str
    challenge: str = ""
    challenge_method: str = ""


class Granted(msgspec.Struct, frozen=True):
    """A token, shown once and kept nowhere."""

    token: str
    user_id: UserId
    scopes: str
    granted_ms: int


class _Redeemed(msgspec.Struct, frozen=True):
    """What a transaction came to. ``ended``: hashes of tokens that are good no more."""

    granted: Granted | None
    ended: list[bytes]


def check_request(app: App, wish: AccessRequest) -> str:
    """The scopes it comes to. Raises ``InvalidRedirect`` before all else, then other kinds of ``OAuthError``."""
    if wish.redirect_uri not in app.redirect_uris:
        raise InvalidRedirect
    if wish.response_type != "code":
        raise UnsupportedResponse
    if wish.challenge or wish.challenge_method:
        if wish.challenge_method != "S256":
            raise OAuthError("linnet takes code_challenge with code_challenge_method=S256 alone.")
        if not is_challenge(wish.challenge):
            raise OAuthError("This code_challenge is no digest of a code_verifier.")
    scopes = parse_scopes(wish.scope)
    if scopes is None or not covers_all(app.scopes.split(), scopes):
        raise InvalidScope
    return write_scopes(scopes)


async def grant(deps: WriteDeps, user_id: UserId, session_id: SessionId, app: App, wish: AccessRequest) -> str:
    """The code that the app is sent. ``session_id`` is the log-in by which the person says so.

    Raises ``OAuthError`` as ``check_request`` does, and ``Unauthenticated`` when that log-in just ended.
    """
    scopes = check_request(app, wish)
    now_ms = deps.clock.now_ms()
    # Of another owner, and before: an app that is in use and noted as such too early does no harm.
    await apps.mark_used(deps.db, app.id, now_ms=now_ms)
    text = mint_token(user_id, secret_bytes=APP_SECRET_BYTES)
    code = Code(user_id, app.id, wish.redirect_uri, scopes, wish.challenge or None, now_ms + CODE_SECONDS * 1000, None)

    async def attempt() -> bool:
        async with deps.db.transaction() as tx:
            if not await codes.lock_user(tx, user_id) or not await sessions.lock_living(
                tx, user_id, session_id, unused_since_ms=unused_since_ms(now_ms)
            ):
                return False
            await codes.insert(tx, code, code_hash=token_hash(text))
            return True

    if not await run_again(attempt):
        raise Unauthenticated
    return text


async def redeem(deps: WriteDeps, app: App, *, code: str, redirect_uri: str, verifier: str) -> Granted:
    """A token for a code. Raises ``InvalidGrant``; a second time the first token ends: one of the two was no friend."""
    user_id = token_owner(code)
    if user_id is None:
        raise InvalidGrant
    # Minted here, so that an attempt that is made again stores the same.
    token = mint_token(user_id, secret_bytes=APP_SECRET_BYTES)
    session_id = SessionId(deps.ids.mint())

    async def attempt() -> _Redeemed:
        return await _redeem(deps, app, user_id, code, redirect_uri, verifier, token=token, session_id=session_id)

    redeemed = await run_again(attempt)
    await announce_ended(deps, user_id, redeemed.ended)
    if redeemed.granted is None:
        raise InvalidGrant
    return redeemed.granted


async def _redeem(
    deps: WriteDeps,
    app: App,
    user_id: UserId,
    code: str,
    redirect_uri: str,
    verifier: str,
    *,
    token: str,
    session_id: SessionId,
) -> _Redeemed:
    code_hash, now_ms = token_hash(code), deps.clock.now_ms()
    nothing = _Redeemed(None, [])
    async with deps.db.transaction() as tx:
        if not await codes.lock_user(tx, user_id):
            return nothing
        row = await codes.lock(tx, user_id, code_hash)
        if row is None:
            return nothing
        granted = Granted(token, user_id, row.scopes, now_ms)
        if row.session_id == session_id:
            # It was committed, and the answer got lost.
            return _Redeemed(granted, [])
        if row.session_id is not None:
            ended = await sessions.delete(tx, user_id, row.session_id)
            await append_ended(deps, tx, user_id, ended)
            return _Redeemed(None, ended)
        is_theirs = row.app_id == app.id and row.redirect_uri == redirect_uri
        if not is_theirs or row.expires_ms <= now_ms or not answers_challenge(verifier, row.challenge):
            # Whoever it was has seen the code: it is good for nobody.
            await codes.delete(tx, user_id, code_hash)
            return nothing
        session = Session(session_id, user_id, app.name, now_ms, app.id, row.scopes)
        await sessions.insert(tx, session, token_hash=token_hash(token))
        await codes.redeem(tx, user_id, code_hash, session_id)
        return _Redeemed(granted, [])


async def revoke(deps: WriteDeps, app: App, token: str) -> UserId | None:
    """Ends one of the app's tokens, a person's or its own. Quiet when it is none, or another app's.

    Says whose it claimed to be, so that this process need not wait for its own signal.
    """
    owner_id, hashed = token_owner(token), token_hash(token)
    if owner_id is None:
        return None
    if owner_id == app.id:
        await apps.take_token(deps.db, app.id, hashed)
        return None

    async def attempt() -> list[bytes]:
        async with deps.db.transaction() as tx:
            ended = await sessions.delete_of_app(tx, owner_id, app.id, token_hash=hashed)
            await append_ended(deps, tx, owner_id, ended)
            return ended

    await announce_ended(deps, owner_id, await run_again(attempt))
    return owner_id
