"""Step 1 of the write path, for pictures: a person chooses one, or none; for themselves, and to stand above it all.

A picture is stored before the row that names it, and deleted after the last row that did; so a process that dies
between two of these steps leaves files that nobody names, which a job collects, and never a name without its files.
Two people may have one picture. So that it is not deleted for the one in the moment in which the other chooses it, both
hold its lock: whoever chooses looks again, under the lock, whether the files are there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

import msgspec
import structlog

from linnet.domain.avatars import (
    AVATAR_DIRECTORY,
    AVATAR_MEDIA_TYPE,
    AVATAR_SIDES,
    HEADER_ASPECT,
    avatar_path,
    is_avatar_name,
)
from linnet.errors import Unauthenticated, Unavailable
from linnet.ids import UserId
from linnet.stores.postgres import profiles
from linnet.stores.postgres.pool import run_again
from linnet.write.actions.profiles import announce_version, show_change
from linnet.write.deps import WriteDeps
from linnet.write.pictures import SquarePicture

log = structlog.get_logger()

Use = Literal["avatar", "header"]
"""A person's own picture, or the wide one above their profile."""


async def put_avatar(
    deps: WriteDeps, user_id: UserId, upload: Callable[[], Awaitable[bytes]], *, use: Use = "avatar"
) -> None:
    """Makes a picture of what ``upload`` gives, and shows it; the one before is deleted if nobody else has it.

    Raises ``PictureUnreadable`` or ``PictureTooLarge``; ``Unavailable`` when too many are uploaded at once, or when
    there is nowhere to keep it.
    """
    picture = await deps.pictures.receive(upload, aspect=HEADER_ASPECT if use == "header" else 1)
    # The slow part, before anything is locked.
    await _store(deps, picture)
    await _change(deps, user_id, partial(_choose, deps, user_id, picture, use))


async def remove_avatar(deps: WriteDeps, user_id: UserId, *, use: Use = "avatar") -> None:
    """Back to the picture that is drawn, or to none, also for an account that is being erased.

    Quiet when it is so already.
    """
    await _change(deps, user_id, partial(_choose, deps, user_id, None, use))


async def delete_unreferenced(deps: WriteDeps) -> int:
    """Deletes the pictures that nobody has: what was left behind by those who died on the way. Returns how many."""
    deleted: set[str] = set()
    async for paths in deps.media.fetch_paths(AVATAR_DIRECTORY):
        names = {parts[1] for parts in (path.split("/") for path in paths) if len(parts) == 3}
        # What is not named as we name them is not ours.
        ours = sorted(name for name in names if is_avatar_name(name))
        used = await profiles.fetch_avatars_among(deps.db, ours) if ours else set()
        for name in ours:
            if name not in used and await _delete_unless_used(deps, name):
                deleted.add(name)
    return len(deleted)


class _Change(msgspec.Struct, frozen=True):
    """What a transaction did: which picture is the user's no longer, and whether anybody can see the difference."""

    replaced: str | None = None
    is_visible: bool = False


async def _change(deps: WriteDeps, user_id: UserId, choose: Callable[[], Awaitable[_Change]]) -> None:
    change = await run_again(choose)
    if change.is_visible:
        await show_change(deps, user_id)
    if change.replaced is None:
        return
    try:
        await _delete_unless_used(deps, change.replaced)
    except Unavailable as error:
        log.warning("a picture is left to the job that collects them", picture=change.replaced, cause=error.cause)


async def _choose(deps: WriteDeps, user_id: UserId, picture: SquarePicture | None, use: Use) -> _Change:
    chosen = None if picture is None else picture.name
    async with deps.db.transaction() as session:
        if picture is not None:
            await profiles.lock_avatar(session, picture.name)
            if not await _is_stored(deps, picture.name):
                await _store(deps, picture)
        row = await profiles.lock_row(session, user_id)
        if picture is not None and (row is None or row.is_leaving):
            raise Unauthenticated
        before = None if row is None else row.avatar if use == "avatar" else row.header
        if row is None or before == chosen:
            return _Change()
        update = profiles.update_avatar if use == "avatar" else profiles.update_header
        version = await update(session, user_id, chosen)
        if not row.is_leaving:
            await announce_version(deps, session, user_id, version)
        return _Change(before, is_visible=not row.is_leaving)


async def _store(deps: WriteDeps, picture: SquarePicture) -> None:
    """Safe to run again, and at the same time: the same name means the same content."""
    await asyncio.gather(
        *(
            deps.media.put(avatar_path(picture.name, side), content, media_type=AVATAR_MEDIA_TYPE)
            for side, content in picture.by_side.items()
        )
    )


async def _is_stored(deps: WriteDeps, name: str) -> bool:
    return all(await asyncio.gather(*(deps.media.exists(avatar_path(name, side)) for side in AVATAR_SIDES)))


async def _delete_unless_used(deps: WriteDeps, name: str) -> bool:
    """Looks and deletes under the picture's lock: nobody can choose it in between.

    While a backup is taken nothing is deleted: what it finds in a row it has to find in the store. The job that
    collects pictures does it later.
    """
    async with deps.db.transaction() as session:
        if not await profiles.lock_deletion(session):
            return False
        await profiles.lock_avatar(session, name)
        if await profiles.fetch_avatars_among(session, [name]):
            return False
        deleting = (deps.media.delete(avatar_path(name, side)) for side in AVATAR_SIDES)
        # Each to its end, also when another failed: nothing may be on its way any more when the lock is let go of.
        for outcome in await asyncio.gather(*deleting, return_exceptions=True):
            if outcome is not None:
                raise outcome
        return True
