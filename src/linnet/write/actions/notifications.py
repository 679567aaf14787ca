"""Verb: read one's notifications."""

from linnet.domain.event import NotificationsRead
from linnet.ids import MAX_ID, UserId
from linnet.stores.postgres import notifications, outbox
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import run_again
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps


async def mark_read(deps: WriteDeps, user_id: UserId, *, up_to: int | None) -> None:
    """All up to an id, or all there are, are read. Never takes back what was read."""

    async def attempt() -> int | None:
        async with deps.db.transaction() as session:
            if not await notifications.mark_read(session, user_id, MAX_ID if up_to is None else up_to):
                return None
            event_id = deps.ids.mint()
            await outbox.append(session, NewEvent.of(NotificationsRead(user_id), event_id))
            return event_id

    event_id = await run_again(attempt)
    if event_id is not None:
        await best_effort([deps.badges.doubt({user_id: event_id}), wake(deps, user_id)], what="read notifications")
        await best_effort(deps.live.tell_notified([user_id]), what="read notifications")
