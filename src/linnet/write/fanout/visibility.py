"""Changes of what a reader may see."""

from linnet.domain.event import (
    FollowedTagsChanged,
    FollowsErased,
    ListsChanged,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from linnet.ids import UserId
from linnet.stores.postgres import histories
from linnet.stores.postgres.pool import Session
from linnet.stores.valkey.keys import pack_id
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch

_NOBODY = UserId(0)

VIEW_CHANGES = tuple(
    event_type.kind
    for event_type in (
        UserFollowed,
        UserUnfollowed,
        UserBlocked,
        UserUnblocked,
        UserMuted,
        UserUnmuted,
        ListsChanged,
        FollowedTagsChanged,
        FollowsErased,
    )
)
"""The kinds of events that change what somebody may see."""


async def apply_view_changes(deps: WriteDeps, batch: Batch) -> None:
    """Notes and drops what the request may not have come to. A follow change does nothing where the request did.

    Dropping a window once more than needed costs its reader a rebuild, and nothing else.
    """
    windows = deps.windows
    calls = [
        windows.change(event.follower_id, event.followed_id, shown=isinstance(event, UserFollowed), change_id=change_id)
        for change_id, event in batch.follows
    ]
    dropped: set[UserId] = {mute.user_id for _, mute in batch.mutes}
    dropped |= {change.user_id for change in batch.homes}
    for erased in batch.erased:
        dropped.update(erased.follower_ids)
    for change_id, block in batch.blocks:
        if isinstance(block, UserBlocked):
            calls += [
                windows.change(block.user_id, block.blocked_id, shown=False, change_id=change_id),
                windows.change(block.blocked_id, block.user_id, shown=False, change_id=block.blocked_change_id),
            ]
        else:
            dropped |= {block.user_id, block.blocked_id}
    calls += windows.drop(b"".join(map(pack_id, sorted(dropped))))
    for call in calls:
        await call


async def note_view_changes(deps: WriteDeps, session: Session, batch: Batch) -> None:
    """Notes whose windows were dropped, for a Valkey that takes over without having heard of it."""
    changes: set[tuple[UserId, UserId]] = {(event.follower_id, event.followed_id) for _, event in batch.follows}
    for _, block in batch.blocks:
        changes |= {(block.user_id, block.blocked_id), (block.blocked_id, block.user_id)}
    changes |= {(mute.user_id, _NOBODY) for _, mute in batch.mutes}
    changes |= {(change.user_id, _NOBODY) for change in batch.homes}
    changes |= {(follower_id, _NOBODY) for erased in batch.erased for follower_id in erased.follower_ids}
    if changes:
        await histories.insert_changes(session, sorted(changes), deps.ids.mint())
