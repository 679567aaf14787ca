"""Takes pictures of tweets away: files first, then their row. Safe to run again, and at the same time."""

import asyncio

from linnet.domain.attachments import (
    ATTACHMENT_DIRECTORY,
    ATTACHMENT_FILES,
    attachment_path,
    is_attachment_name,
)
from linnet.ids import UserId
from linnet.stores.postgres import attachments, profiles
from linnet.stores.postgres.attachments import Held
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps

_PAGE_SIZE = 100
# A round does at most so many pages, so that it never takes long; the next one goes on.
_PAGES = 20


async def erase_gone(deps: WriteDeps, owner_id: UserId) -> bool:
    """Those of somebody that are to be deleted. False when this is not the time, as while a backup is taken."""
    while page := await attachments.fetch_gone(deps.db, owner_id, page_size=_PAGE_SIZE):
        for held in page:
            if not await _erase(deps, held):
                return False
    return True


async def erase_all(deps: WriteDeps, owner_id: UserId) -> bool:
    """All that an account has that is being erased, when its tweets are gone. False as above."""
    while page := await attachments.fetch_of_owner(deps.db, owner_id, page_size=_PAGE_SIZE):
        for held in page:
            if not await _erase(deps, held):
                return False
    return True


async def erase_waiting(deps: WriteDeps) -> int:
    """Those that nobody put into a tweet in time, and what others left to be deleted. Returns how many."""
    before_ms = deps.clock.now_ms() - deps.options.photos.waits_hours * 3_600_000
    erased = 0
    for _ in range(_PAGES):
        page = await attachments.fetch_waiting(deps.db, before_ms=before_ms, page_size=_PAGE_SIZE)
        for held in page:
            # From here on nobody can put it into a tweet; somebody may have done so since we looked.
            if not await attachments.give_up(deps.db, held.owner_id, held.id, before_ms=before_ms):
                continue
            if not await _erase(deps, held):
                return erased
            erased += 1
        if len(page) < _PAGE_SIZE:
            break
    return erased


async def erase_unheld(deps: WriteDeps) -> int:
    """Files that no row names: they came when their row was gone already. Returns of how many pictures."""
    erased: set[str] = set()
    async for paths in deps.media.fetch_paths(ATTACHMENT_DIRECTORY):
        names = {parts[1] for parts in (path.split("/") for path in paths) if len(parts) == 3}
        # What is not named as we name them is not ours.
        ours = sorted(name for name in names if is_attachment_name(name))
        held = await attachments.fetch_named(deps.db, ours) if ours else set()
        for name in ours:
            if name in held:
                continue
            async with deps.db.transaction() as session:
                if not await profiles.lock_deletion(session):
                    return len(erased)
                await _delete_files(deps, name)
            erased.add(name)
    return len(erased)


async def _erase(deps: WriteDeps, held: Held) -> bool:
    async with deps.db.transaction() as session:
        return await _erase_within(deps, session, held)


async def _erase_within(deps: WriteDeps, session: Session, held: Held) -> bool:
    # What a backup finds in a row it has to find in the store.
    if not await profiles.lock_deletion(session):
        return False
    await _delete_files(deps, held.name)
    await attachments.delete(session, held)
    return True


async def _delete_files(deps: WriteDeps, name: str) -> None:
    deleting = (deps.media.delete(attachment_path(name, file)) for file in ATTACHMENT_FILES)
    # Each to its end, also when another failed.
    for outcome in await asyncio.gather(*deleting, return_exceptions=True):
        if outcome is not None:
            raise outcome
