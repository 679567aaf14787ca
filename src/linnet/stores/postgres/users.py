"""Users, usernames and e-mail addresses."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from linnet.domain.user import Account, Profile
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("users")
_FIELDS: Final = Profile.__struct_fields__.index("fields")


async def insert(db: Reader, *, user_id: UserId, username: str, name: str, email: str, password_hash: str) -> None:
    """Raises ``UsernameTaken`` or ``EmailTaken``, also when two sign-ups race."""
    await db.run(
        _sql["insert"],
        user_id=user_id,
        username=username,
        name=name,
        email=email,
        password_hash=password_hash,
    )


async def fetch_taken(db: Reader, *, username: str, email: str) -> set[str]:
    """Which of ``username`` and ``email`` are taken at this moment."""
    return set(await db.fetch(str, _sql["fetch_taken"], username=username, email=email))


async def fetch_profiles(db: Reader, user_ids: Sequence[int]) -> list[Profile]:
    """In no order; unknown ids are left out."""
    return await db.fetch(_profile_of, _sql["fetch_profiles"], user_ids=list(user_ids))


def _profile_of(*row: Any) -> Profile:
    """What is remembered by a profile needs all of it to be unchangeable."""
    values = list(row)
    values[_FIELDS] = tuple(values[_FIELDS])
    return Profile(*values)


async def find_id_by_username(db: Reader, username: str) -> UserId | None:
    """Also for a user who is gone: usernames are never given twice."""
    found = await db.value(_sql["find_id_by_username"], username=username)
    return None if found is None else UserId(found)


async def fetch_ids_by_username(db: Reader, usernames: Sequence[str]) -> dict[str, UserId]:
    """Unknown usernames are left out."""
    rows: list[tuple[str, UserId]] = await db.fetch(
        lambda username, user_id: (username, user_id),
        _sql["fetch_ids_by_username"],
        usernames=list(usernames),
    )
    return dict(rows)


async def find_id_by_email(db: Reader, email: str) -> UserId | None:
    found = await db.value(_sql["find_id_by_email"], email=email)
    return None if found is None else UserId(found)


async def find_account(db: Reader, user_id: UserId) -> Account | None:
    """Secrets: for log-in and for the user alone."""
    return await db.find(Account, _sql["find_account"], user_id=user_id)


async def update_password(db: Session, user_id: UserId, *, old_hash: str, new_hash: str) -> bool:
    """False when the password was changed by somebody else meanwhile."""
    return await db.run(_sql["update_password"], user_id=user_id, old_hash=old_hash, new_hash=new_hash) == 1


class CountDelta:
    """What a batch of events adds to one user's counters."""

    __slots__ = ("followers", "following", "tweets")

    def __init__(self) -> None:
        self.tweets = self.followers = self.following = 0


class Counted(msgspec.Struct, frozen=True):
    """A user whose counters changed. ``crossed``: the threshold of top users, upwards or not; None: it was not."""

    user_id: UserId
    version: int
    crossed: bool | None
    followers: int
    followers_before: int


async def lock(db: Session, user_ids: Collection[UserId]) -> None:
    """Until the transaction ends nobody else changes these rows. Locks in the order of ids."""
    if not db.is_distributed:
        await db.fetch(int, _sql["lock"], user_ids=list(user_ids))
        return
    for user_id in sorted(user_ids):
        await db.find(int, _sql["lock_one"], user_id=user_id)


async def add_counts(db: Session, deltas: dict[UserId, CountDelta], *, threshold: int) -> list[Counted]:
    """Adds to counters; users who are gone are left out.

    Locks the rows in the order of their ids: two batches of two lanes never wait for each other crosswise.
    """
    changed = sorted(user_id for user_id, d in deltas.items() if d.tweets or d.followers or d.following)
    if not changed:
        return []
    await lock(db, changed)
    return await db.fetch(
        Counted,
        _sql["add_counts"],
        user_ids=changed,
        tweets=[deltas[user_id].tweets for user_id in changed],
        followers=[deltas[user_id].followers for user_id in changed],
        following=[deltas[user_id].following for user_id in changed],
        threshold=threshold,
    )


async def fetch_misfits(db: Session, *, threshold: int, page_size: int) -> list[UserId]:
    """Users whose state does not fit the threshold. Scans all users."""
    return await db.fetch(UserId, _sql["fetch_misfits"], threshold=threshold, page_size=page_size)


async def update_top_flags(db: Session, user_ids: Collection[UserId], *, threshold: int) -> list[tuple[UserId, bool]]:
    """Those of them whose state did not fit the threshold, and whether they are top users now."""
    if not user_ids:
        return []
    await lock(db, user_ids)
    return await db.fetch(
        lambda user_id, up: (UserId(user_id), bool(up)),
        _sql["update_top_flags"],
        user_ids=list(user_ids),
        threshold=threshold,
    )
