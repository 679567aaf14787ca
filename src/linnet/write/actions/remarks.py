"""Verb: note something of somebody, for oneself alone."""

from linnet.domain.remarks import check_remark
from linnet.errors import UserNotFound
from linnet.ids import UserId
from linnet.stores.postgres import remarks, users
from linnet.stores.postgres.pool import run_again
from linnet.write.deps import WriteDeps


async def put_remark(deps: WriteDeps, user_id: UserId, about_id: UserId, text: str) -> str:
    """In the place of what one noted before; nothing takes it away. Returns it as it is kept.

    Whoever blocks one can be written about, too: they never know. Raises ``UserNotFound``, ``Invalid``.
    """
    remark = check_remark(text)
    if not await users.fetch_profiles(deps.db, [about_id]):
        raise UserNotFound
    if remark:
        await run_again(lambda: remarks.put(deps.db, user_id, about_id, remark))
    else:
        await run_again(lambda: remarks.delete(deps.db, user_id, about_id))
    return remark
