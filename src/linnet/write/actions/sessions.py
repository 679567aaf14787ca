"""Step 1 of the write path, for sessions: logging in and out.

A session is over when its row is gone. Copies of it live in Valkey for minutes and in processes for seconds; ending one
takes them back.
"""

from typing import Final

import msgspec
import regex

from linnet.domain.event import SessionsEnded
from linnet.domain.names import MAX_PASSWORD_CHARS, Problems, fold_login, is_encodable, login_kind
from linnet.domain.oauth import App
from linnet.domain.user import Account, Session
from linnet.errors import Invalid, SessionNotFound, WrongCredentials
from linnet.ids import APP_SECRET_BYTES, SessionId, UserId, mint_token, token_hash
from linnet.stores.postgres import outbox, pushes, sessions, users
from linnet.stores.postgres.pool import Session as Transaction
from linnet.stores.postgres.pool import run_again
from linnet.stores.valkey import sessions as cached_sessions
from linnet.stores.valkey.changes import Change
from linnet.write.actions.passwords import Passwords
from linnet.write.after_commit import best_effort, forget, wake
from linnet.write.deps import WriteDeps

MAX_DEVICE_CHARS: Final = 200
_LOG_IN_ATTEMPTS: Final = 3
_UNPRINTABLE = regex.compile(r"[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+", regex.V1)


class LoggedIn(msgspec.Struct, frozen=True):
    """Who is logged in now. ``token`` is shown once and kept nowhere."""

    user_id: UserId
    session_id: SessionId
    token: str


async def log_in(deps: WriteDeps, passwords: Passwords, *, login: object, password: object, device: object) -> LoggedIn:
    """``login`` is a username or an e-mail address.

    An unknown login and a wrong password take the same statements and the same hashing, and both raise
    ``WrongCredentials``.
    """
    problems = Problems()
    raw_login = problems.check(require_text, login, field="login")
    raw_password = problems.check(require_text, password, field="password")
    problems.raise_if_any()
    if not can_be_password(raw_password):
        # Nobody's password, whoever is meant: to say so at once tells nothing about the login.
        raise WrongCredentials

    folded = fold_login(raw_login)
    find_id = users.find_id_by_email if login_kind(raw_login) == "email" else users.find_id_by_username
    user_id = await find_id(deps.db, folded)
    for _ in range(_LOG_IN_ATTEMPTS):
        # Asked for nobody too, so that the number of round trips does not tell who exists.
        account = await users.find_account(deps.db, user_id or UserId(0))
        if account is None:
            await passwords.verify_nobody(raw_password)
            raise WrongCredentials
        if not await passwords.verify(account.password_hash, raw_password):
            raise WrongCredentials
        logged_in = await _store_log_in(deps, passwords, account, raw_password, clean_device(device))
        if logged_in is not None:
            return logged_in
    raise WrongCredentials


async def _store_log_in(
    deps: WriteDeps, passwords: Passwords, account: Account, password: str, device: str
) -> LoggedIn | None:
    """None when the account's hash changed since it was verified: a new password, or the old one hashed anew."""
    old_hash = account.password_hash
    new_hash = await passwords.hash(password) if passwords.is_outdated(old_hash) else old_hash
    session, token, hashed_token = new_session(deps, account.id, device)
    async with deps.db.transaction() as tx:
        # Also when nothing changes, since it locks the account's row: a change of password at the same time either
        # waits, and then finds this session and ends it, or was first, and then there is no session.
        if not await users.update_password(tx, account.id, old_hash=old_hash, new_hash=new_hash):
            return None
        await sessions.insert(tx, session, token_hash=hashed_token)
    return LoggedIn(account.id, session.id, token)


async def end_session(deps: WriteDeps, user_id: UserId, session_id: SessionId) -> None:
    """Logs one of the user's devices out. Raises ``SessionNotFound`` for another's session, and the second time."""

    async def attempt() -> list[bytes]:
        async with deps.db.transaction() as tx:
            ended = await sessions.delete(tx, user_id, session_id)
            await append_ended(deps, tx, user_id, ended)
            return ended

    ended = await run_again(attempt)
    if not ended:
        raise SessionNotFound
    await announce_ended(deps, user_id, ended)


async def append_ended(deps: WriteDeps, tx: Transaction, user_id: UserId, token_hashes: list[bytes]) -> None:
    """What goes with sessions whose rows are gone with this transaction, and an event of it: copies of them never
    outlive it for long.

    While Valkey is away processes ask PostgreSQL; when it comes back with what it held before, or with less, the event
    waits for it.
    """
    if token_hashes:
        # Whoever subscribes holds the session's row: so what was made before it went is seen here.
        await pushes.delete_ended(tx, user_id)
        event = SessionsEnded(user_id, tuple(token_hashes))
        await outbox.append(tx, outbox.NewEvent.of(event, deps.ids.mint()))


async def announce_ended(deps: WriteDeps, user_id: UserId, token_hashes: list[bytes]) -> None:
    """Takes back every copy of sessions at once, after the commit; what fails is left to their event."""
    if not token_hashes:
        return
    await best_effort([cached_sessions.end(deps.valkey, deps.keys, user_id, token_hashes)], what="end sessions")
    # After the note in Valkey, so that a process which forgets and asks again finds it.
    change = Change(token_hashes=tuple(token_hashes), logged_out_ids=(user_id,))
    await best_effort([forget(deps, change), wake(deps, user_id)], what="end sessions")


def new_session(deps: WriteDeps, user_id: UserId, device: str, *, app: App | None = None) -> tuple[Session, str, bytes]:
    """A session about to be stored, its token, and the token's hash. ``app``: it is that app's, and may what it may."""
    session_id, now_ms = SessionId(deps.ids.mint()), deps.clock.now_ms()
    if app is None:
        session, token = Session(session_id, user_id, device, now_ms), mint_token(user_id)
    else:
        session = Session(session_id, user_id, app.name, now_ms, app.id, app.scopes)
        token = mint_token(user_id, secret_bytes=APP_SECRET_BYTES)
    return session, token, token_hash(token)


def clean_device(raw: object) -> str:
    """What a client calls itself, on one line: it comes from a header, so nothing about it is refused."""
    if not isinstance(raw, str):
        return ""
    return _UNPRINTABLE.sub(" ", raw[: 10 * MAX_DEVICE_CHARS]).strip()[:MAX_DEVICE_CHARS]


def require_text(raw: object, *, field: str) -> str:
    """A string as it is. Something missing is an empty string, for which the rules have better words."""
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise Invalid.field(field, "This must be text.")
    return raw


def can_be_password(raw: str) -> bool:
    """False for what no sign-up would have taken, so that nobody makes us hash megabytes."""
    return len(raw) <= MAX_PASSWORD_CHARS and is_encodable(raw)
