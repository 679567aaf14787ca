"""Becoming a top user, and ceasing to be one, without losing or doubling a tweet.

A tweet need not be pushed when the author's record covers its id; readers pull whoever is in their window's pull set.
So a record may cover nothing until every window's pull set has its user, and may not go before no window relies on it:

    up:    record without since_id  →  followers' windows dropped  →  since_id set
    down:  until_id set             →  followers' windows dropped  →  record deleted

A window built after the record came has its user in the pull set, a window built before it is dropped; only then does
anything stop being pushed. On the way down everything from until_id on is pushed; a window built after the drop has
from the truth what was not pushed, and pulls its user while there is a record. Each step is committed by itself and may
be repeated, so a worker killed between any two goes on where it was. The last step counts on windows that were dropped:
it is not made when the Valkey that dropped them is not believed any more.
"""

from linnet.domain.event import TopUserCrossed
from linnet.ids import UserId
from linnet.stores.postgres import follows, topusers
from linnet.stores.valkey.keys import pack_id
from linnet.write.deps import WriteDeps
from linnet.write.failover.confirming import confirm_history

FOLLOWERS_PER_PAGE = 5000


async def cross(deps: WriteDeps, event: TopUserCrossed) -> None:
    """Follows one crossing through. Nothing happens when the state is as it should be already."""
    if event.up:
        await _become(deps, event.user_id)
    else:
        await _cease(deps, event.user_id)


async def _become(deps: WriteDeps, user_id: UserId) -> None:
    history = deps.valkey.history
    record = await topusers.find(deps.db, user_id)
    if record is not None and record.since_id is not None and record.until_id is None:
        return
    if record is None:
        await topusers.insert(deps.db, user_id)
    elif record.until_id is not None:
        # The way down was not finished: what its range covered is still pulled, and pushing goes on meanwhile.
        await topusers.reopen(deps.db, user_id)
    await drop_followers_windows(deps, user_id)
    async with deps.db.transaction() as session:
        await topusers.start(session, user_id, since_id=deps.ids.mint())
        await confirm_history(deps, session, history)


async def _cease(deps: WriteDeps, user_id: UserId) -> None:
    if await topusers.find(deps.db, user_id) is None:
        return
    history = deps.valkey.history
    await topusers.finish(deps.db, user_id, until_id=deps.ids.mint())
    await drop_followers_windows(deps, user_id)
    async with deps.db.transaction() as session:
        await topusers.delete(session, user_id)
        await confirm_history(deps, session, history)


async def drop_followers_windows(deps: WriteDeps, user_id: UserId) -> None:
    """All windows of a user's followers, a page at a time. A follow that comes meanwhile drops its window itself."""
    above_id = 0
    while True:
        follower_ids = await follows.fetch_follower_ids(
            deps.db, user_id, above_id=above_id, page_size=FOLLOWERS_PER_PAGE
        )
        for call in deps.windows.drop(b"".join(map(pack_id, follower_ids))):
            await call
        if len(follower_ids) < FOLLOWERS_PER_PAGE:
            return
        above_id = follower_ids[-1]
