"""What the errors of PostgreSQL mean to the rest of linnet."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from psycopg import errors

from linnet.errors import EmailTaken, LinnetError, Unavailable, UsernameTaken

T = TypeVar("T")

_CONSTRAINTS: dict[str, Callable[[], LinnetError]] = {
    "usernames_pkey": UsernameTaken,
    "emails_pkey": EmailTaken,
}


MOVED_STATE = "LM001"
"""What a database that a place has moved away from says to whoever would change something."""

# Of two at once one comes first, and the other looks again.
_RETRIED_CONSTRAINTS = {"outbox_pkey", "worker_leases_pkey", "tweets_one_pin"}


class ConcurrentUpdate(Unavailable):
    """Somebody else is changing the same at this moment. Please try again.

    Two transactions met (deadlock, serialization, the same event id). Running the whole again is safe: ``run_again``
    does. Where nobody does, whoever asks is told to.
    """


class TooSlow(Unavailable):
    """This could not be done in time. Please try again."""


class HasMovedAway(Unavailable):
    """linnet has moved to another server: here it can only be read. Please try again in a moment, at its new place."""


def translate(error: psycopg.Error) -> Exception:
    """The error of ours that an error of the driver means, or the error itself: then it is a bug."""
    if isinstance(error, errors.UniqueViolation):
        constraint = error.diag.constraint_name or ""
        if constraint in _CONSTRAINTS:
            return _CONSTRAINTS[constraint]()
        if constraint in _RETRIED_CONSTRAINTS:
            return ConcurrentUpdate(constraint)
        return _without_rows(error)
    if error.sqlstate == MOVED_STATE:
        return HasMovedAway("this place has moved to another database", retry_after_seconds=30)
    if isinstance(error, errors.DeadlockDetected | errors.SerializationFailure):
        return ConcurrentUpdate(str(error))
    # Not those that waited for somebody else's lock: these are a LockNotAvailable, and nothing is wrong with them.
    if isinstance(error, errors.QueryCanceled):
        return TooSlow(f"PostgreSQL: {error}")
    # Too large or too complex: it would be so at every attempt.
    if isinstance(error, errors.ProgramLimitExceeded):
        return _without_rows(error)
    # A time-out of the pool is an OperationalError too; InterfaceError is what a connection says that fell meanwhile.
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Unavailable(f"PostgreSQL: {error}")
    return _without_rows(error)


def _without_rows(error: psycopg.Error) -> psycopg.Error:
    """The same error; its text goes to the log, and the detail would show the row of somebody."""
    if error.diag.message_detail:
        error.args = (error.diag.message_primary,)
    return error


async def run_again(attempt: Callable[[], Awaitable[T]], *, times: int = 5) -> T:
    """Runs a whole transaction again when it met another one; gives up as ``Unavailable``."""
    for _ in range(times - 1):
        try:
            return await attempt()
        except ConcurrentUpdate:
            continue
    try:
        return await attempt()
    except ConcurrentUpdate as error:
        raise Unavailable(f"PostgreSQL: {error}") from error
