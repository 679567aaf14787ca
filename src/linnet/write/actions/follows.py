"""Verbs: follow, or ask to; unfollow, and be rid of a follower.

All that changes whether one person follows another, or waits to, takes the lock of the follower's ``follow_changes``
row and is an event of theirs, whoever wants it: so it has one order, and there is never both a follow and a request.
"""

from linnet.domain.event import FollowRequested, FollowRequestEnded, UserFollowed, UserUnfollowed
from linnet.errors import Blocked, CannotFollowYourself, UserNotFound
from linnet.ids import UserId
from linnet.stores.postgres import followrequests, follows, outbox, relations, users
from linnet.stores.postgres.pool import Session, run_again
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps


async def follow(deps: WriteDeps, follower_id: UserId, followed_id: UserId) -> None:
    """Follows, or asks whoever wants to be asked. Quiet when it is so already.

    Raises ``CannotFollowYourself``, ``UserNotFound``, ``Blocked``.
    """
    await follow_or_ask(deps, follower_id, followed_id)


async def follow_or_ask(deps: WriteDeps, follower_id: UserId, followed_id: UserId) -> bool:
    """The same; says whether it made a follow."""
    await check_other(deps, follower_id, followed_id)

    async def attempt() -> tuple[int, bool] | None:
        async with deps.db.transaction() as session:
            change_id = await follows.next_change(session, follower_id, deps.ids.mint())
            # A block takes this lock too, so either it is seen here, or it sees the follow and ends it.
            if await relations.find_block(session, follower_id, followed_id):
                raise Blocked
            # Nobody opens or shuts the door until we are through: an account that is unlocked sees all who asked.
            door = await followrequests.find_door(session, user_id=followed_id, requester_id=follower_id)
            if door is None:
                raise UserNotFound
            if not door.locked:
                made = await make_follow(session, follower_id, followed_id, change_id, asked=door.asked)
                return (change_id, True) if made else None
            if door.asked or await follows.fetch_followed_among(session, follower_id, [followed_id]):
                return None
            await followrequests.insert(session, follower_id=follower_id, followed_id=followed_id, request_id=change_id)
            event = outbox.NewEvent.of(FollowRequested(follower_id, followed_id), change_id)
            await outbox.append(session, event, numbered=True)
            return change_id, False

    done = await run_again(attempt)
    if done is not None:
        change_id, follows_now = done
        if follows_now:
            await show_follow_change(deps, follower_id, followed_id, change_id, shown=True)
        else:
            await best_effort([wake(deps, follower_id)], what="follow")
    return done is not None and done[1]


async def make_follow(
    session: Session, follower_id: UserId, followed_id: UserId, change_id: int, *, asked: bool
) -> bool:
    """Both sides and the event, in a transaction that has the follower's lock. False when it was there.

    ``asked``: there is a request, which ends by it.
    """
    if asked:
        await followrequests.delete(session, follower_id=follower_id, followed_id=followed_id)
    if not await follows.insert(session, follower_id=follower_id, followed_id=followed_id, follow_id=change_id):
        return False
    event = outbox.NewEvent.of(UserFollowed(follower_id, followed_id, asked), change_id)
    await outbox.append(session, event, numbered=True)
    return True


async def unfollow(deps: WriteDeps, follower_id: UserId, followed_id: UserId) -> None:
    """Takes back what one asked, too. Quiet when it is so already.

    Raises ``CannotFollowYourself``, ``UserNotFound``.
    """
    await check_other(deps, follower_id, followed_id)
    await _end(deps, follower_id, followed_id)


async def remove_follower(deps: WriteDeps, user_id: UserId, follower_id: UserId) -> None:
    """Ends somebody's follow of oneself as they would, who are not told. Nothing keeps them from following again.

    Quiet when there is none. Raises ``CannotFollowYourself``, ``UserNotFound``.
    """
    await check_other(deps, user_id, follower_id)
    await _end(deps, follower_id, user_id)


async def _end(deps: WriteDeps, follower_id: UserId, followed_id: UserId) -> None:
    """The follower's event, whoever wants it: so it stands in one order with all that they follow and unfollow."""

    async def attempt() -> tuple[int, bool] | None:
        async with deps.db.transaction() as session:
            change_id = await follows.next_change(session, follower_id, deps.ids.mint())
            if await follows.delete(session, follower_id=follower_id, followed_id=followed_id):
                event = outbox.NewEvent.of(UserUnfollowed(follower_id, followed_id), change_id)
                await outbox.append(session, event, numbered=True)
                return change_id, True
            ended = await end_request(session, follower_id, followed_id, change_id)
            return (change_id, False) if ended else None

    done = await run_again(attempt)
    if done is not None:
        change_id, followed_before = done
        if followed_before:
            await show_follow_change(deps, follower_id, followed_id, change_id, shown=False)
        else:
            await best_effort([wake(deps, follower_id)], what="follow")


async def end_request(session: Session, follower_id: UserId, followed_id: UserId, change_id: int) -> bool:
    """Ends a request, in a transaction that has the follower's lock. False when there is none."""
    if not await followrequests.delete(session, follower_id=follower_id, followed_id=followed_id):
        return False
    event = outbox.NewEvent.of(FollowRequestEnded(follower_id, followed_id), change_id)
    await outbox.append(session, event, numbered=True)
    return True


async def check_other(deps: WriteDeps, follower_id: UserId, followed_id: UserId) -> None:
    """Raises ``CannotFollowYourself``, or ``UserNotFound`` when there is no such second person."""
    if follower_id == followed_id:
        raise CannotFollowYourself
    if not await users.fetch_profiles(deps.db, [followed_id]):
        raise UserNotFound


async def show_follow_change(
    deps: WriteDeps, follower_id: UserId, followed_id: UserId, change_id: int, *, shown: bool
) -> None:
    """Whoever acts sees it at once: the next page of the follower's home timeline is of the new state."""
    await best_effort(
        [
            deps.windows.change(follower_id, followed_id, shown=shown, change_id=change_id),
            wake(deps, follower_id),
        ],
        what="follow",
    )
