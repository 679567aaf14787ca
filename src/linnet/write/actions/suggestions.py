"""Verb: do not have somebody suggested any more."""

from linnet.errors import UserNotFound
from linnet.ids import UserId
from linnet.stores.postgres import suggestions, users
from linnet.stores.postgres.pool import run_again
from linnet.write.deps import WriteDeps


async def dismiss_suggestion(deps: WriteDeps, user_id: UserId, other_id: UserId) -> None:
    """Quiet when it is so already, and about whoever would not be suggested. Raises ``UserNotFound``.

    Of very many the oldest is forgotten, and may be suggested again.
    """
    if not await users.fetch_profiles(deps.db, [other_id]):
        raise UserNotFound

    async def attempt() -> None:
        async with deps.db.transaction() as session:
            await suggestions.insert_dismissed(session, user_id, other_id, deps.ids.mint())
            await suggestions.delete_oldest_dismissed(session, user_id)

    await run_again(attempt)
