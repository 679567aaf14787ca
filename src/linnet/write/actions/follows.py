"""Verbs: follow, unfollow, and be rid of a follower."""

from linnet.domain.event import UserFollowed, UserUnfollowed
from linnet.errors import Blocked, CannotFollowYourself, UserNotFound
from linnet.ids import UserId
from linnet.stores.postgres import follows, outbox, relations, users
from linnet.stores.postgres.pool import run_again
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps


async def follow(deps: WriteDeps, follower_id: UserId, followed_id: UserId) -> None:
    """Quiet when it is so already. Raises ``CannotFollowYourself``, ``UserNotFound``, ``Blocked``."""
    await _check(deps, follower_id, followed_id)

    async def attempt() -> int | None:
        async with deps.db.transaction() as session:
            change_id = await follows.next_change(session, follower_id, deps.ids.mint())
            # A block takes this lock too, so either it is seen here, or it sees the follow and ends it.
            if await relations.find_block(session, follower_id, followed_id):
                raise Blocked
            if not await follows.insert(session, follower_id=follower_id, followed_id=followed_id, follow_id=change_id):
                return None
            event = outbox.NewEvent.of(UserFollowed(follower_id, followed_id), change_id)
            await outbox.append(session, event, numbered=True)
            return change_id

    await _show(deps, follower_id, followed_id, await run_again(attempt), shown=True)


async def unfollow(deps: WriteDeps, follower_id: UserId, followed_id: UserId) -> None:
    """Quiet when it is so already. Raises ``CannotFollowYourself``, ``UserNotFound``."""
    await _check(deps, follower_id, followed_id)
    await _end(deps, follower_id, followed_id)


async def remove_follower(deps: WriteDeps, user_id: UserId, follower_id: UserId) -> None:
    """Ends somebody's follow of oneself as they would, who are not told. Nothing keeps them from following again.

    Quiet when there is none. Raises ``CannotFollowYourself``, ``UserNotFound``.
    """
    await _check(deps, user_id, follower_id)
    await _end(deps, follower_id, user_id)


async def _end(deps: WriteDeps, follower_id: UserId, followed_id: UserId) -> None:
    """The follower's event, whoever wants it: so it stands in one order with all that they follow and unfollow."""

    async def attempt() -> int | None:
        async with deps.db.transaction() as session:
            change_id = await follows.next_change(session, follower_id, deps.ids.mint())
            if not await follows.delete(session, follower_id=follower_id, followed_id=followed_id):
                return None
            event = outbox.NewEvent.of(UserUnfollowed(follower_id, followed_id), change_id)
            await outbox.append(session, event, numbered=True)
            return change_id

    await _show(deps, follower_id, followed_id, await run_again(attempt), shown=False)


async def _check(deps: WriteDeps, follower_id: UserId, followed_id: UserId) -> None:
    if follower_id == followed_id:
        raise CannotFollowYourself
    if not await users.fetch_profiles(deps.db, [followed_id]):
        raise UserNotFound


async def _show(
    deps: WriteDeps, follower_id: UserId, followed_id: UserId, change_id: int | None, *, shown: bool
) -> None:
    """Whoever acts sees it at once: the next page of their home timeline is of the new state."""
    if change_id is None:
        return
    await best_effort(
        [
            deps.windows.change(follower_id, followed_id, shown=shown, change_id=change_id),
            wake(deps, follower_id),
        ],
        what="follow",
    )
