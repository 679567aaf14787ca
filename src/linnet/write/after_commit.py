"""What a request does in Valkey once its transaction is committed.

All of it is best effort: the event that was committed does the same again, so that a lost Valkey, or a process killed
right here, costs a moment and never a tweet.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import structlog

from linnet.domain.event import lane_of
from linnet.domain.timeline import Entry
from linnet.errors import Unavailable
from linnet.ids import UserId
from linnet.stores.valkey.changes import Change, publish_change, publish_wake
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.stores.valkey.keys import pack_id
from linnet.write.deps import WriteDeps

log = structlog.get_logger()


async def best_effort(calls: Sequence[Awaitable[Any]], *, what: str) -> None:
    """Makes all calls at once and waits for them; notes the first failure in the log and goes on."""
    # Begun before any is waited for: a request whose client leaves now has still said everything.
    begun = [asyncio.ensure_future(call) for call in calls]
    failure: Exception | None = None
    for call in begun:
        try:
            await call
        except (Unavailable, ValkeyReplyError) as error:
            failure = failure or error
    if failure is not None:
        log.warning("left to the event worker", what=what, cause=str(failure))


def wake(deps: WriteDeps, actor_id: UserId) -> Awaitable[int]:
    """Tells the event workers that the actor's lane has work."""
    return publish_wake(deps.valkey, deps.keys.wake(), lane_of(actor_id))


def push_to_self(deps: WriteDeps, entry: Entry) -> list[Awaitable[int]]:
    """The author's own home timeline has the tweet before the answer is out."""
    return deps.windows.push(entry, pack_id(entry.author_id))


def forget(deps: WriteDeps, change: Change) -> Awaitable[int]:
    """Tells all processes what they must not hold in memory any longer."""
    return publish_change(deps.valkey, deps.keys.changes(), change)
