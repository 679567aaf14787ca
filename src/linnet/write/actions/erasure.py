"""Step 1 of the write path, for leaving: from its commit on nobody sees the person, and nobody is logged in as them.

What they wrote and did is taken apart by a job that is deferred in the same transaction (``write/jobs/erasure.py``).
"""

from linnet.domain.user import Account
from linnet.errors import Invalid, Unauthenticated, WrongPassword
from linnet.ids import UserId
from linnet.stores.postgres import codes, erasure, users
from linnet.stores.postgres.pool import Session, run_again
from linnet.stores.valkey.changes import profile_changed
from linnet.stores.valkey.keys import pack_id
from linnet.write.actions.passwords import Passwords
from linnet.write.actions.profiles import announce_version
from linnet.write.actions.sessions import announce_ended, append_ended, can_be_password, require_text
from linnet.write.after_commit import best_effort, forget, wake
from linnet.write.deps import WriteDeps
from linnet.write.jobs.erasure import erase_account

_ATTEMPTS = 3


async def delete_account(deps: WriteDeps, passwords: Passwords, user_id: UserId, *, password: object) -> None:
    """Ends an account for good. Raises ``Invalid`` or ``WrongPassword``, ``Unauthenticated`` when it left already."""
    given = require_text(password, field="password")
    if not given:
        raise Invalid.field("password", "Please tell us your password: nobody else may do this.")
    if not can_be_password(given):
        raise WrongPassword
    for _ in range(_ATTEMPTS):
        account = await users.find_account(deps.db, user_id)
        if account is None:
            raise Unauthenticated
        if not await passwords.verify(account.password_hash, given):
            raise WrongPassword
        if await _leave(deps, account):
            return
        # The password was changed meanwhile, or hashed anew: only the new hash can tell.
    raise WrongPassword


async def _leave(deps: WriteDeps, account: Account) -> bool:
    """False when the password is not any more what was checked."""
    user_id, now_ms = account.id, deps.clock.now_ms()

    async def attempt() -> list[bytes] | None:
        async with deps.db.transaction() as session:
            return await _write(deps, session, account, now_ms)

    token_hashes = await run_again(attempt)
    if token_hashes is None:
        return False
    await announce_ended(deps, user_id, token_hashes)
    await best_effort(
        [
            deps.cache.put_gone(deps.keys.of_profile(user_id)),
            *deps.windows.drop(pack_id(user_id)),
            deps.marks.drop([user_id]),
            wake(deps, user_id),
        ],
        what="leave",
    )
    # Only when the shared cache says that they are gone may processes be told to look there again.
    await best_effort([forget(deps, profile_changed(user_id))], what="leave")
    return True


async def _write(deps: WriteDeps, session: Session, account: Account, now_ms: int) -> list[bytes] | None:
    version = await erasure.mark_deleted(session, account.id, old_hash=account.password_hash, now_ms=now_ms)
    if version is None:
        return None
    # The row's lock is ours now: a log-in that checked the password waits for it, and then finds another one.
    token_hashes = await erasure.delete_sessions(session, account.id)
    await codes.delete_all(session, account.id)
    await append_ended(deps, session, account.id, token_hashes)
    await erasure.delete_email(session, account.id, account.email)
    await erase_account.defer(session, user_id=account.id, left_ms=now_ms)
    await announce_version(deps, session, account.id, version)
    return token_hashes
