"""Verbs: block, unblock, mute, unmute; and the end of a mute that has one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from linnet.domain.event import UserBlocked, UserMuted, UserUnblocked, UserUnmuted
from linnet.errors import CannotBlockYourself, CannotMuteYourself, LinnetError, UserNotFound
from linnet.ids import UserId
from linnet.stores.postgres import followrequests, follows, outbox, relations, users
from linnet.stores.postgres.pool import Session, run_again
from linnet.stores.valkey.keys import pack_id
from linnet.write.actions.follows import end_request
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps

MOST_MUTED_SECONDS: Final = 10 * 366 * 86_400


async def block(deps: WriteDeps, user_id: UserId, blocked_id: UserId) -> None:
    """Neither meets the other any more; follows between them, and requests to, end. Quiet when it is so already.

    Raises ``CannotBlockYourself``, ``UserNotFound``.
    """
    await _check(deps, user_id, blocked_id, CannotBlockYourself)

    async def attempt() -> tuple[int, int] | None:
        async with deps.db.transaction() as session:
            change_id, blocked_change_id = await _next_changes(deps, session, user_id, blocked_id)
            if not await relations.insert_block(session, user_id=user_id, blocked_id=blocked_id, block_id=change_id):
                return None
            event = UserBlocked(
                user_id,
                blocked_id,
                blocked_change_id,
                was_following=await follows.delete(session, follower_id=user_id, followed_id=blocked_id),
                was_followed=await follows.delete(session, follower_id=blocked_id, followed_id=user_id),
            )
            await outbox.append(session, outbox.NewEvent.of(event, change_id), numbered=True)
            await _end_requests(deps, session, user_id, blocked_id)
            return change_id, blocked_change_id

    changes = await run_again(attempt)
    if changes is not None:
        change_id, blocked_change_id = changes
        await _doubt(deps, {user_id: change_id, blocked_id: blocked_change_id})
        await best_effort(
            [
                deps.windows.change(user_id, blocked_id, shown=False, change_id=change_id),
                deps.windows.change(blocked_id, user_id, shown=False, change_id=blocked_change_id),
                wake(deps, user_id),
            ],
            what="block",
        )


async def unblock(deps: WriteDeps, user_id: UserId, blocked_id: UserId) -> None:
    """Takes one's own block back; the other's stays, and no follow comes back. Quiet when there is none.

    Raises ``CannotBlockYourself``, ``UserNotFound``.
    """
    await _check(deps, user_id, blocked_id, CannotBlockYourself)

    async def attempt() -> int | None:
        async with deps.db.transaction() as session:
            change_id = await follows.next_change(session, user_id, deps.ids.mint())
            if not await relations.delete_block(session, user_id=user_id, blocked_id=blocked_id):
                return None
            event = UserUnblocked(user_id, blocked_id)
            await outbox.append(session, outbox.NewEvent.of(event, change_id), numbered=True)
            return change_id

    change_id = await run_again(attempt)
    if change_id is not None:
        await _show_anew(deps, user_id, blocked_id, actor_id=user_id, change_id=change_id)


async def mute(deps: WriteDeps, user_id: UserId, muted_id: UserId, *, seconds: int | None = None) -> None:
    """Hides somebody from oneself, who is not told; for so long, or until it is taken back.

    Quiet when it is so already, but for its end, which is what was said last.

    Raises ``CannotMuteYourself``, ``UserNotFound``.
    """
    await _check(deps, user_id, muted_id, CannotMuteYourself)
    until_ms = None if seconds is None else deps.clock.now_ms() + 1000 * min(seconds, MOST_MUTED_SECONDS)

    async def attempt() -> int | None:
        async with deps.db.transaction() as session:
            mute_id = deps.ids.mint()
            if not await relations.insert_mute(
                session, user_id=user_id, muted_id=muted_id, mute_id=mute_id, until_ms=until_ms
            ):
                return None
            await outbox.append(session, outbox.NewEvent.of(UserMuted(user_id, muted_id), mute_id))
            return mute_id

    mute_id = await run_again(attempt)
    if mute_id is not None:
        await _show_anew(deps, user_id, actor_id=user_id, change_id=mute_id)


async def unmute(deps: WriteDeps, user_id: UserId, muted_id: UserId) -> None:
    """Quiet when there is no mute. Raises ``CannotMuteYourself``, ``UserNotFound``."""
    await _check(deps, user_id, muted_id, CannotMuteYourself)
    await _end_mute(deps, user_id, muted_id, lambda db: relations.delete_mute(db, user_id=user_id, muted_id=muted_id))


async def end_mute(deps: WriteDeps, user_id: UserId, muted_id: UserId) -> None:
    """Unmutes as whoever muted would, if the time is over that they named. Quiet when it is not."""
    now_ms = deps.clock.now_ms()
    await _end_mute(
        deps,
        user_id,
        muted_id,
        lambda db: relations.delete_ended_mute(db, user_id=user_id, muted_id=muted_id, now_ms=now_ms),
    )


async def _end_mute(
    deps: WriteDeps, user_id: UserId, muted_id: UserId, delete: Callable[[Session], Awaitable[bool]]
) -> None:
    async def attempt() -> int | None:
        async with deps.db.transaction() as session:
            if not await delete(session):
                return None
            unmute_id = deps.ids.mint()
            await outbox.append(session, outbox.NewEvent.of(UserUnmuted(user_id, muted_id), unmute_id))
            return unmute_id

    unmute_id = await run_again(attempt)
    if unmute_id is not None:
        await _show_anew(deps, user_id, actor_id=user_id, change_id=unmute_id)


async def _check(deps: WriteDeps, user_id: UserId, other_id: UserId, if_oneself: type[LinnetError]) -> None:
    if user_id == other_id:
        raise if_oneself
    if not await users.fetch_profiles(deps.db, [other_id]):
        raise UserNotFound


async def _next_changes(deps: WriteDeps, session: Session, user_id: UserId, other_id: UserId) -> tuple[int, int]:
    """Numbers of what changes for the one and for the other.

    The locks are those that follows take, so no follow of either comes between; and they are taken in one order, so
    that two who block each other at once do not wait for each other.
    """
    numbers = {each: await follows.next_change(session, each, deps.ids.mint()) for each in sorted((user_id, other_id))}
    return numbers[user_id], numbers[other_id]


async def _end_requests(deps: WriteDeps, session: Session, user_id: UserId, other_id: UserId) -> None:
    """Nobody waits any more for whom they are kept from. In the order of the askers' other events, as each has them."""
    asked = await followrequests.fetch_among(session, user_id, [other_id])
    for follower_id, followed_id in [(user_id, each) for each in asked.to] + [(each, user_id) for each in asked.by]:
        change_id = await follows.next_change(session, follower_id, deps.ids.mint())
        await end_request(session, follower_id, followed_id, change_id)


async def _show_anew(deps: WriteDeps, *reader_ids: UserId, actor_id: UserId, change_id: int) -> None:
    """Whoever acts sees it at once: the next page of a home timeline is of the new state, and so is the badge."""
    await _doubt(deps, dict.fromkeys(reader_ids, change_id))
    drops = deps.windows.drop(b"".join(map(pack_id, reader_ids)))
    await best_effort([*drops, wake(deps, actor_id)], what="block")


async def _doubt(deps: WriteDeps, change_ids: Mapping[UserId, int]) -> None:
    """Before windows: these tell streams, which count what is new at once."""
    await best_effort([deps.badges.doubt(change_ids)], what="block")
