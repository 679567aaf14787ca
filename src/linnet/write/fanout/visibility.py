"""Changes of what a reader may see."""

from collections.abc import Sequence

from linnet.domain.event import UserFollowed, UserUnfollowed
from linnet.write.deps import WriteDeps


async def apply_follow_changes(deps: WriteDeps, changes: Sequence[tuple[int, UserFollowed | UserUnfollowed]]) -> None:
    """Notes and drops what the request may not have come to. Does nothing where the request did."""
    for change_id, event in changes:
        await deps.windows.change(
            event.follower_id, event.followed_id, shown=isinstance(event, UserFollowed), change_id=change_id
        )
