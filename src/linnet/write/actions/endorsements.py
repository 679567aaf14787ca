"""Verbs: show somebody on one's page, and show them no more.

One shows whom one follows. As places on lists are (``lists.py``), it is done under the lock that whoever follows and
unfollows takes: so an unfollow finds it and takes it away, or it finds no follow.
"""

from typing import Final

from linnet.errors import CannotEndorse, CannotEndorseYourself, TooManyEndorsed, UserNotFound
from linnet.ids import UserId
from linnet.stores.postgres import endorsements, follows, users
from linnet.stores.postgres.pool import run_again
from linnet.write.deps import WriteDeps

MAX_ENDORSED: Final = 100


async def endorse(deps: WriteDeps, user_id: UserId, other_id: UserId) -> None:
    """Quiet when it is so already.

    Raises ``UserNotFound``, ``CannotEndorse`` for whom one does not follow, and ``TooManyEndorsed``.
    """
    if other_id == user_id:
        raise CannotEndorseYourself
    if not await users.fetch_profiles(deps.db, [other_id]):
        raise UserNotFound

    async def attempt() -> None:
        async with deps.db.transaction() as session:
            edge_id = await follows.next_change(session, user_id, deps.ids.mint())
            if not await follows.fetch_followed_among(session, user_id, [other_id]):
                raise CannotEndorse
            shown = await endorsements.fetch_among(session, user_id, [other_id])
            if shown:
                return
            if await endorsements.count(session, user_id) >= MAX_ENDORSED:
                raise TooManyEndorsed
            await endorsements.insert(session, user_id, other_id, edge_id)

    await run_again(attempt)


async def unendorse(deps: WriteDeps, user_id: UserId, other_id: UserId) -> None:
    """Quiet when it is so already. Raises ``UserNotFound``."""
    if not await users.fetch_profiles(deps.db, [other_id]):
        raise UserNotFound
    await run_again(lambda: endorsements.delete(deps.db, user_id, other_id))
