"""Step 1 of the write path, for sessions: logging in and out.

A session is over when its row is gone. Copies of it live in Valkey for minutes and in processes for seconds; ending one
takes them back.
"""

import asyncio
from typing import Final

import msgspec
import regex
import structlog

from linnet.domain.names import MAX_PASSWORD_CHARS, Problems, fold_login, is_encodable, login_kind
from linnet.domain.user import Account, Session
from linnet.errors import Invalid, SessionNotFound, Unavailable, WrongCredentials
from linnet.ids import SessionId, UserId, mint_token, token_hash
from linnet.stores.postgres import sessions, users
from linnet.stores.valkey import sessions as cached_sessions
from linnet.stores.valkey.changes import Change
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.write.actions.passwords import Passwords
from linnet.write.after_commit import forget
from linnet.write.deps import WriteDeps

log = structlog.get_logger()

MAX_DEVICE_CHARS: Final = 200
_LOG_IN_ATTEMPTS: Final = 3
_UNPRINTABLE = regex.compile(r"[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+", regex.V1)

# Every copy in Valkey has gone by itself after this time.
_ANNOUNCE_SECONDS: Final = 600.0
_FIRST_REPEAT_SECONDS: Final = 0.1
_MAX_REPEAT_SECONDS: Final = 10.0
_MAX_REPEATING: Final = 10_000

_repeating: set[asyncio.Task[None]] = set()


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
    ended = await sessions.delete(deps.db, user_id, session_id)
    if not ended:
        raise SessionNotFound
    await announce_ended(deps, user_id, ended)


async def announce_ended(deps: WriteDeps, user_id: UserId, token_hashes: list[bytes]) -> None:
    """Takes back every copy of sessions whose rows are gone. To be called after the commit; never fails.

    While Valkey is away processes ask PostgreSQL, where the session is gone. The danger is a Valkey that comes back
    with what it held before: a copy there would let the session live until the copy expires, at most 10 minutes. So
    this process repeats the announcement until it is taken. Those minutes remain only if the process dies as well
    before Valkey is back, or if a replica takes over that never heard of it.
    """
    if not token_hashes or await _announce(deps, user_id, token_hashes):
        return
    if len(_repeating) >= _MAX_REPEATING:
        log.error("ended sessions may live on in the cache for minutes", user_id=user_id, sessions=len(token_hashes))
        return
    log.warning("Valkey is away: ended sessions will be announced when it is back", user_id=user_id)
    task = asyncio.create_task(_announce_again(deps, user_id, token_hashes), name="announce ended sessions")
    _repeating.add(task)
    task.add_done_callback(_repeating.discard)


def new_session(deps: WriteDeps, user_id: UserId, device: str) -> tuple[Session, str, bytes]:
    """A session about to be stored, its token, and the token's hash."""
    token = mint_token(user_id)
    session = Session(SessionId(deps.ids.mint()), user_id, device, deps.clock.now_ms())
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


async def _announce(deps: WriteDeps, user_id: UserId, token_hashes: list[bytes]) -> bool:
    """False when Valkey did not take all of it. Twice is as good as once."""
    try:
        await cached_sessions.end(deps.valkey, deps.keys, user_id, token_hashes)
        # After the note in Valkey, so that a process which forgets and asks again finds it.
        await forget(deps, Change(token_hashes=tuple(token_hashes), logged_out_ids=(user_id,)))
    except (Unavailable, ValkeyReplyError) as error:
        log.debug("announcing ended sessions failed", cause=str(error))
        return False
    return True


async def _announce_again(deps: WriteDeps, user_id: UserId, token_hashes: list[bytes]) -> None:
    give_up_at = deps.clock.steady_seconds() + _ANNOUNCE_SECONDS
    delay_seconds = _FIRST_REPEAT_SECONDS
    while deps.clock.steady_seconds() < give_up_at:
        await asyncio.sleep(delay_seconds)
        if await _announce(deps, user_id, token_hashes):
            return
        delay_seconds = min(2 * delay_seconds, _MAX_REPEAT_SECONDS)
