"""Verbs of whoever wants to be asked before they are followed: accept, refuse.

A request is the asker's, as a follow is, so accepting is a follow of theirs that somebody else makes: with their lock,
and as their event (``follows``).
"""

from typing import Final

from linnet.domain.timeline import Range
from linnet.errors import RequestNotFound
from linnet.ids import MAX_ID, UserId
from linnet.stores.postgres import followrequests, follows
from linnet.stores.postgres.pool import run_again
from linnet.write.actions.follows import check_other, end_request, make_follow, show_follow_change
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps

_PAGE_SIZE: Final = 100


async def accept(deps: WriteDeps, user_id: UserId, requester_id: UserId) -> None:
    """Lets somebody follow who asked to. Quiet when they do already.

    Raises ``RequestNotFound`` when they do not ask, ``UserNotFound``, ``CannotFollowYourself``.
    """
    await check_other(deps, user_id, requester_id)
    await _accept(deps, user_id, requester_id, only_if_unlocked=False)


async def refuse(deps: WriteDeps, user_id: UserId, requester_id: UserId) -> None:
    """Ends a request; whoever asked is not told, and may ask again. Quiet when there is none.

    Raises ``UserNotFound``, ``CannotFollowYourself``.
    """
    await check_other(deps, user_id, requester_id)

    async def attempt() -> bool:
        async with deps.db.transaction() as session:
            change_id = await follows.next_change(session, requester_id, deps.ids.mint())
            return await end_request(session, requester_id, user_id, change_id)

    if await run_again(attempt):
        await best_effort([wake(deps, requester_id)], what="refuse")


async def accept_all(deps: WriteDeps, user_id: UserId) -> None:
    """Lets all follow who wait, the longest waiting first, unless the account is locked again meanwhile."""
    after_id = 1
    while edges := await followrequests.fetch_requesters(deps.db, user_id, Range(_PAGE_SIZE, MAX_ID, after_id)):
        for edge in reversed(edges):
            after_id = edge.id
            await _accept(deps, user_id, edge.user_id, only_if_unlocked=True)


async def _accept(deps: WriteDeps, user_id: UserId, requester_id: UserId, *, only_if_unlocked: bool) -> None:
    """``only_if_unlocked``: quiet when nobody asks any more, or the account is locked again."""

    async def attempt() -> int | None:
        async with deps.db.transaction() as session:
            change_id = await follows.next_change(session, requester_id, deps.ids.mint())
            # Under the asker's lock: a request that is taken back, or ended by a block, is not there any more.
            door = await followrequests.find_door(session, user_id=user_id, requester_id=requester_id)
            if door is not None and door.asked and not (only_if_unlocked and door.locked):
                await make_follow(session, requester_id, user_id, change_id, asked=True)
                return change_id
            if not only_if_unlocked and not await follows.fetch_followers_among(session, user_id, [requester_id]):
                raise RequestNotFound
            return None

    change_id = await run_again(attempt)
    if change_id is not None:
        await show_follow_change(deps, requester_id, user_id, change_id, shown=True)
