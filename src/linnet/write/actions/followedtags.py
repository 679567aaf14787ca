"""Verbs: follow a tag, and follow it no more. Nobody else is ever told.

A change takes the lock that follows and unfollows take (``follows.next_change``): so nobody follows more than
they may.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from linnet.domain.event import FollowedTagsChanged
from linnet.domain.featured import check_tag
from linnet.domain.followedtags import MAX_FOLLOWED_TAGS, FollowedTag
from linnet.domain.hashtags import fold_tag
from linnet.errors import TooManyFollowedTags, Unauthenticated
from linnet.ids import UserId
from linnet.stores.postgres import followedtags, follows, outbox
from linnet.stores.postgres.pool import Session, run_again
from linnet.stores.valkey.keys import pack_id
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps

T = TypeVar("T")

_Change = Callable[[Session, int], Awaitable[tuple[T, bool]]]
"""Does it, and says whether anything changed. The number is that of the change."""


async def follow_tag(deps: WriteDeps, user_id: UserId, named: str) -> FollowedTag:
    """Quiet when it is followed. Raises ``Invalid`` and ``TooManyFollowedTags``."""
    hashtag = check_tag(named, field="tag")
    tag = fold_tag(hashtag.text)

    async def change(session: Session, change_id: int) -> tuple[FollowedTag, bool]:
        for there in await followedtags.fetch_among(session, user_id, [tag]):
            return there, False
        if await followedtags.count(session, user_id) >= MAX_FOLLOWED_TAGS:
            raise TooManyFollowedTags
        new = FollowedTag(change_id, tag, hashtag.text)
        if not await followedtags.insert(session, user_id, new):
            raise Unauthenticated
        return new, True

    return await _do(deps, user_id, change)


async def unfollow_tag(deps: WriteDeps, user_id: UserId, named: str) -> None:
    """Quiet when it is not followed. Raises ``Invalid``."""
    tag = fold_tag(check_tag(named, field="tag").text)

    async def change(session: Session, change_id: int) -> tuple[None, bool]:
        return None, await followedtags.delete(session, user_id, tag)

    await _do(deps, user_id, change)


async def _do(deps: WriteDeps, user_id: UserId, change: _Change[T]) -> T:
    """In a transaction. Where anything changed, the next page of the home timeline is of the new state."""

    async def attempt() -> tuple[T, bool]:
        async with deps.db.transaction() as session:
            change_id = await follows.next_change(session, user_id, deps.ids.mint())
            done, changed = await change(session, change_id)
            if changed:
                event = outbox.NewEvent.of(FollowedTagsChanged(user_id), change_id)
                await outbox.append(session, event, numbered=True)
            return done, changed

    done, changed = await run_again(attempt)
    if changed:
        await best_effort([*deps.windows.drop(pack_id(user_id)), wake(deps, user_id)], what="followed tag")
    return done
