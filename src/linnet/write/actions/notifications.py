"""Verb: read one's notifications."""

from linnet.ids import MAX_ID, UserId
from linnet.stores.postgres import notifications
from linnet.write.after_commit import best_effort
from linnet.write.deps import WriteDeps


async def mark_read(deps: WriteDeps, user_id: UserId, *, up_to: int | None) -> None:
    """All up to an id, or all there are, are read. Never takes back what was read."""
    await notifications.mark_read(deps.db, user_id, MAX_ID if up_to is None else up_to)
    await best_effort(deps.live.tell_notified([user_id]), what="read notifications")
