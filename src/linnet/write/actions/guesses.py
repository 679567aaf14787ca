"""Step 1 of the write path, for log-ins and sign-ups as people meet them: with a bound on guessing.

Attempts at one login are counted together, from wherever they come, and whether anybody has that login or not. An
attempt counts as failed before the password is looked at, so that a thousand at once are five guesses; a right password
takes its own count back.

A count per account can be used to lock somebody out: five wrong passwords an hour, and the owner is refused too. So a
place from which somebody logged in with this login lately is not held to it. What is left against guesses from there
is the limit of log-ins per address, which is as tight.
"""

from linnet.domain.limits import LOG_IN_FAILURE, login_subject
from linnet.domain.names import fold_login
from linnet.domain.oauth import App
from linnet.errors import Invalid, Limited, Unavailable
from linnet.stores.valkey.limits import Limits
from linnet.write.actions.accounts import SignUp, sign_up
from linnet.write.actions.passwords import Passwords
from linnet.write.actions.sessions import LoggedIn, log_in
from linnet.write.deps import WriteDeps


async def log_in_within_limits(
    deps: WriteDeps,
    passwords: Passwords,
    limits: Limits | None,
    *,
    login: object,
    password: object,
    device: object,
    address: bytes,
) -> LoggedIn:
    """``log_in`` for strangers. ``address`` is what ``domain.addresses`` counts; without ``limits`` nothing is bounded.

    Raises what ``log_in`` raises, and ``Limited``.
    """
    plan = None if limits is None else limits.plan_of((LOG_IN_FAILURE,))
    folded = fold_login(login) if isinstance(login, str) else ""
    if limits is None or plan is None or not folded:
        # Without limits, or a name that nobody can have.
        return await log_in(deps, passwords, login=login, password=password, device=device)
    # Not the account's id: whoever sees two logins being refused together would learn whose address an address is.
    subject = login_subject(folded)
    guess = limits.begin(plan, subject)
    verdict = await guess.settle()
    if verdict.refuser is not None and not await limits.is_known_place(subject, address):
        raise Limited(verdict.retry_after_seconds)
    try:
        logged_in = await log_in(deps, passwords, login=login, password=password, device=device)
    except (Invalid, Unavailable):
        # No password was looked at.
        if verdict.refuser is None:
            await guess.give_back()
        raise
    if verdict.refuser is None:
        await guess.give_back()
    await limits.note_place(subject, address)
    return logged_in


async def sign_up_from(
    deps: WriteDeps,
    passwords: Passwords,
    limits: Limits | None,
    wish: SignUp,
    *,
    address: bytes,
    app: App | None = None,
) -> LoggedIn:
    """``sign_up`` for strangers: the place where an account was made is known to it from the start."""
    logged_in = await sign_up(deps, passwords, wish, app=app)
    if limits is not None:
        for login in (wish.username, wish.email):
            await limits.note_place(login_subject(fold_login(str(login))), address)
    return logged_in
