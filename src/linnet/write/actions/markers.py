"""Verb: note how far one has read, for one's other apps."""

from collections.abc import Mapping
from typing import Final

from linnet.ids import UserId
from linnet.stores.postgres import markers
from linnet.stores.postgres.pool import run_again
from linnet.write.actions.notifications import mark_read
from linnet.write.deps import WriteDeps

TIMELINES: Final = ("home", "notifications")


async def put_markers(deps: WriteDeps, user_id: UserId, read_ids: Mapping[str, int]) -> None:
    """The last id that was read, by timeline. Notifications up to there are read in the web app, too."""

    async def attempt() -> None:
        async with deps.db.transaction() as session:
            for timeline in TIMELINES:
                if timeline in read_ids:
                    await markers.put(session, user_id, timeline, read_ids[timeline], now_ms=deps.clock.now_ms())

    await run_again(attempt)
    if "notifications" in read_ids:
        await mark_read(deps, user_id, up_to=read_ids["notifications"])
