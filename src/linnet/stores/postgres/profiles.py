"""What users say of themselves, and when they were here: rows of ``users`` again, changed by their owner alone."""

from collections.abc import Sequence

import msgspec

from linnet.domain.visits import ACTIVITY_STEP_MS, VISIT_SILENCE_MS, Activity
from linnet.ids import UserId
from linnet.stores.postgres.locks import BACKUPS
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("profiles")


class ProfileEdit(msgspec.Struct, frozen=True):
    """What is to be changed; None: stays. ``phone`` counts only if ``sets_phone``, and is then None for no number."""

    name: str | None = None
    bio: str | None = None
    location: str | None = None
    sets_phone: bool = False
    phone: str | None = None
    locked: bool | None = None
    fields: list[str] | None = None
    is_bot: bool | None = None
    is_discoverable: bool | None = None
    is_indexable: bool | None = None


async def update(db: Session, user_id: UserId, edit: ProfileEdit) -> int | None:
    """The row's new version; None when there is no such user, or not any more."""
    version: int | None = await db.value(
        _sql["update"],
        user_id=user_id,
        name=edit.name,
        bio=edit.bio,
        location=edit.location,
        sets_phone=edit.sets_phone,
        phone=edit.phone,
        locked=edit.locked,
        fields=edit.fields,
        is_bot=edit.is_bot,
        is_discoverable=edit.is_discoverable,
        is_indexable=edit.is_indexable,
    )
    return version


async def fetch_versions(db: Reader, user_ids: Sequence[int]) -> list[tuple[UserId, int]]:
    """In no order; unknown ids are left out."""
    return await db.fetch(
        lambda user_id, version: (UserId(user_id), int(version)), _sql["fetch_versions"], user_ids=list(user_ids)
    )


async def find_activity(db: Reader, user_id: UserId) -> Activity:
    """Of nobody, nothing is known."""
    return await db.find(Activity, _sql["find_activity"], user_id=user_id) or Activity(None, None)


async def note_activity(db: Reader, user_id: UserId, active_ms: int) -> int | None:
    """When the user was last active, as it is stored now: this moment, or one that was known well enough."""
    stored_ms: int | None = await db.value(
        _sql["note_activity"],
        user_id=user_id,
        active_ms=active_ms,
        step_ms=ACTIVITY_STEP_MS,
        silence_ms=VISIT_SILENCE_MS,
    )
    return stored_ms


class ChosenAvatar(msgspec.Struct, frozen=True):
    """Which pictures a user has; None: the one that is drawn, or none. ``is_leaving``: the account is being erased."""

    avatar: str | None
    header: str | None
    is_leaving: bool


async def lock_avatar(db: Session, avatar: str) -> None:
    """Until the transaction ends nobody else chooses this picture, or deletes it."""
    # Two pictures with one number wait for each other, and that is all.
    await db.run(_sql["lock_avatar"], number=int.from_bytes(bytes.fromhex(avatar[:8]), signed=True))


async def lock_deletion(db: Session) -> bool:
    """Whether pictures may be deleted until the transaction ends: not while a backup reads them."""
    return bool(await db.value(_sql["lock_deletion"], lock_key=BACKUPS))


async def lock_row(db: Session, user_id: UserId) -> ChosenAvatar | None:
    """None when there is no such user. The row is locked until the transaction ends."""
    return await db.find(ChosenAvatar, _sql["lock_row"], user_id=user_id)


async def update_avatar(db: Session, user_id: UserId, avatar: str | None) -> int:
    """The new version of a row that is locked."""
    version: int = await db.value(_sql["update_avatar"], user_id=user_id, avatar=avatar)
    return version


async def update_header(db: Session, user_id: UserId, header: str | None) -> int:
    """The new version of a row that is locked."""
    version: int = await db.value(_sql["update_header"], user_id=user_id, header=header)
    return version


async def fetch_avatars_among(db: Reader, avatars: Sequence[str]) -> set[str]:
    """Those that somebody has."""
    return set(await db.fetch(str, _sql["fetch_avatars_among"], avatars=list(avatars)))
