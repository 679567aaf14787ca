"""Verbs: make, change and delete a list, and put people on it or take them off. Nobody else is ever told.

All of it happens under the lock that whoever follows and unfollows takes (``follows.next_change``): so either an
unfollow finds the place that somebody has on a list, and takes it with the follow, or the place finds no follow.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

import msgspec

from linnet.domain.event import ListsChanged
from linnet.domain.lists import MAX_LISTS, PeopleList, Replies, check_title
from linnet.errors import ListNotFound, NotFollowed, TooManyLists, Unauthenticated
from linnet.ids import UserId
from linnet.stores.postgres import follows, lists, outbox
from linnet.stores.postgres.pool import Session, run_again
from linnet.stores.valkey.keys import pack_id
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps

T = TypeVar("T")

_Change = Callable[[Session, int], Awaitable[tuple[T, bool]]]
"""Does it, and says whether it changed the home timeline. The number is that of the change."""


async def create_list(
    deps: WriteDeps, user_id: UserId, *, title: str, replies: Replies = "list", exclusive: bool = False
) -> PeopleList:
    """Raises ``Invalid`` and ``TooManyLists``."""
    new = PeopleList(0, check_title(title), replies, exclusive)

    async def change(session: Session, change_id: int) -> tuple[PeopleList, bool]:
        if await lists.count(session, user_id) >= MAX_LISTS:
            raise TooManyLists
        made = msgspec.structs.replace(new, id=change_id)
        if not await lists.insert(session, user_id, made):
            raise Unauthenticated
        # Nobody is on it yet.
        return made, False

    return await _do(deps, user_id, change)


async def change_list(
    deps: WriteDeps,
    user_id: UserId,
    list_id: int,
    *,
    title: str | None = None,
    replies: Replies | None = None,
    exclusive: bool | None = None,
) -> PeopleList:
    """Changes what is not None. Raises ``Invalid`` and ``ListNotFound``."""
    checked = None if title is None else check_title(title)

    async def change(session: Session, change_id: int) -> tuple[PeopleList, bool]:
        old = await _find(session, user_id, list_id)
        new = PeopleList(
            list_id,
            old.title if checked is None else checked,
            old.replies if replies is None else replies,
            old.exclusive if exclusive is None else exclusive,
        )
        if new != old:
            await lists.update(session, user_id, new)
        return new, new.exclusive != old.exclusive

    return await _do(deps, user_id, change)


async def delete_list(deps: WriteDeps, user_id: UserId, list_id: int) -> None:
    """Raises ``ListNotFound``."""

    async def change(session: Session, change_id: int) -> tuple[None, bool]:
        old = await _find(session, user_id, list_id)
        await lists.delete(session, user_id, list_id)
        return None, old.exclusive

    await _do(deps, user_id, change)


async def add_members(deps: WriteDeps, user_id: UserId, list_id: int, member_ids: Collection[UserId]) -> None:
    """All of them or none. Quiet about those who are on it already.

    Raises ``ListNotFound``, and ``NotFollowed`` when one of them is neither followed nor the owner.
    """
    wanted = sorted(set(member_ids))

    async def change(session: Session, change_id: int) -> tuple[None, bool]:
        one = await _find(session, user_id, list_id)
        others = [member_id for member_id in wanted if member_id != user_id]
        if others and len(await follows.fetch_followed_among(session, user_id, others)) < len(others):
            raise NotFollowed
        place_ids = [deps.ids.mint() for _ in wanted]
        added = await lists.insert_members(session, user_id, list_id, wanted, place_ids)
        return None, bool(added) and one.exclusive

    await _do(deps, user_id, change)


async def remove_members(deps: WriteDeps, user_id: UserId, list_id: int, member_ids: Collection[UserId]) -> None:
    """Quiet about those who are not on it. Raises ``ListNotFound``."""

    async def change(session: Session, change_id: int) -> tuple[None, bool]:
        one = await _find(session, user_id, list_id)
        removed = await lists.delete_members(session, user_id, list_id, member_ids)
        return None, bool(removed) and one.exclusive

    await _do(deps, user_id, change)


async def _find(session: Session, user_id: UserId, list_id: int) -> PeopleList:
    found = await lists.find(session, user_id, list_id)
    if found is None:
        raise ListNotFound
    return found


async def _do(deps: WriteDeps, user_id: UserId, change: _Change[T]) -> T:
    """In a transaction. Where the home timeline changed, the next page of it is of the new state."""

    async def attempt() -> tuple[T, bool]:
        async with deps.db.transaction() as session:
            change_id = await follows.next_change(session, user_id, deps.ids.mint())
            done, at_home = await change(session, change_id)
            if at_home:
                event = outbox.NewEvent.of(ListsChanged(user_id), change_id)
                await outbox.append(session, event, numbered=True)
            return done, at_home

    done, at_home = await run_again(attempt)
    if at_home:
        await best_effort([*deps.windows.drop(pack_id(user_id)), wake(deps, user_id)], what="list")
    return done
