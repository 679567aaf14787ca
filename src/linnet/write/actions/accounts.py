"""Step 1 of the write path, for accounts: signing up, and changing one's password."""

from collections.abc import Callable
from functools import partial

import msgspec

from linnet.domain.names import Problems, check_display_name, check_email, check_password, check_username
from linnet.domain.oauth import App
from linnet.domain.user import Account
from linnet.errors import EmailTaken, SignUpsClosed, Unauthenticated, UsernameTaken, WrongPassword
from linnet.ids import SessionId, UserId
from linnet.stores.postgres import codes, sessions, users
from linnet.stores.postgres.pool import run_again
from linnet.write.actions.passwords import Passwords
from linnet.write.actions.sessions import LoggedIn as LoggedIn
from linnet.write.actions.sessions import (
    announce_ended,
    append_ended,
    can_be_password,
    clean_device,
    new_session,
    require_text,
)
from linnet.write.deps import WriteDeps

_CHANGE_ATTEMPTS = 3


class SignUp(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody who signs up has sent, of whatever type. ``device`` is what they sent it with."""

    username: object = None
    name: object = None
    email: object = None
    password: object = None
    device: object = None


async def sign_up(deps: WriteDeps, passwords: Passwords, wish: SignUp, *, app: App | None = None) -> LoggedIn:
    """A new account, logged in. All of it is there afterwards, or nothing. ``app``: they do so in it, and let it in.

    Raises ``Invalid`` naming every bad field, ``UsernameTaken`` or ``EmailTaken``: also when two race for a name, where
    exactly one gets it. ``SignUpsClosed`` before anything is looked at.
    """
    if not deps.options.place.takes_sign_ups:
        raise SignUpsClosed
    problems = Problems()
    username = problems.check(_check, check_username, wish.username, field="username")
    name = problems.check(_check, check_display_name, wish.name, field="name")
    email = problems.check(_check, check_email, wish.email, field="email")
    check_own_password = partial(check_password, username=username, email=email)
    password = problems.check(_check, check_own_password, wish.password, field="password")
    problems.raise_if_any()

    # The cheap question first: a taken name costs no hash. The insert asks again, for those who come at the same time.
    taken = await users.fetch_taken(deps.db, username=username, email=email)
    if "username" in taken:
        raise UsernameTaken
    if "email" in taken:
        raise EmailTaken
    password_hash = await passwords.hash(password)

    user_id = UserId(deps.ids.mint())
    session, token, token_hash = new_session(deps, user_id, clean_device(wish.device), app=app)
    async with deps.db.transaction() as tx:
        await users.insert(tx, user_id=user_id, username=username, name=name, email=email, password_hash=password_hash)
        await sessions.insert(tx, session, token_hash=token_hash)
    return LoggedIn(user_id, session.id, token)


async def change_password(
    deps: WriteDeps, passwords: Passwords, user_id: UserId, session_id: SessionId, *, old: object, new: object
) -> None:
    """Ends all sessions but this one. Of two changes at once one wins; for the other the old password is wrong.

    Raises ``Invalid`` (``old_password``, ``new_password``) or ``WrongPassword``.
    """
    account, old_password, new_password = await _checked_change(deps, user_id, old=old, new=new)
    new_hash: str | None = None
    for _ in range(_CHANGE_ATTEMPTS):
        if not await passwords.verify(account.password_hash, old_password):
            raise WrongPassword
        new_hash = new_hash or await passwords.hash(new_password)
        attempt = partial(_store_password, deps, user_id, session_id, old_hash=account.password_hash, new_hash=new_hash)
        ended = await run_again(attempt)
        if ended is not None:
            await announce_ended(deps, user_id, ended)
            return
        # Somebody changed it meanwhile, or a log-in hashed the same password anew: only the new hash can tell.
        account = await _find_account(deps, user_id)
    raise WrongPassword


async def _store_password(
    deps: WriteDeps, user_id: UserId, session_id: SessionId, *, old_hash: str, new_hash: str
) -> list[bytes] | None:
    """The sessions that ended, or None when the old hash is not the account's any more."""
    async with deps.db.transaction() as tx:
        if not await users.update_password(tx, user_id, old_hash=old_hash, new_hash=new_hash):
            return None
        ended = await sessions.delete_others(tx, user_id, session_id)
        # An app that was let in and has not fetched its token is out as well.
        await codes.delete_all(tx, user_id)
        await append_ended(deps, tx, user_id, ended)
        return ended


async def _checked_change(deps: WriteDeps, user_id: UserId, *, old: object, new: object) -> tuple[Account, str, str]:
    """The account, the old and the new password; all that can be said without hashing is said here."""
    problems = Problems()
    old_password = problems.check(require_text, old, field="old_password")
    new_password = problems.check(require_text, new, field="new_password")
    problems.raise_if_any()
    account = await _find_account(deps, user_id)
    profiles = await users.fetch_profiles(deps.db, [user_id])
    problems.check(
        check_password,
        new_password,
        field="new_password",
        username=profiles[0].username if profiles else "",
        email=account.email,
    )
    if new_password == old_password:
        problems.add("new_password", "The new password must differ from the old one.")
    problems.raise_if_any()
    if not can_be_password(old_password):
        raise WrongPassword
    return account, old_password, new_password


def _check(rule: Callable[..., str], raw: object, *, field: str) -> str:
    """A rule of ``names`` on something that need not even be text."""
    return rule(require_text(raw, field=field), field=field)


async def _find_account(deps: WriteDeps, user_id: UserId) -> Account:
    account = await users.find_account(deps.db, user_id)
    if account is None:
        # Gone since the request's token was looked up.
        raise Unauthenticated
    return account
