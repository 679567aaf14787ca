"""What a home timeline goes on with below its window.

It comes from the truth, many pages at once: who scrolls below 800 entries is likely to go on, and the next pages then
cost what those of the window cost. What is kept needs to hear of nothing but changes of what the reader may see, which
drop it: nothing is posted any more below an id that is old, and what is gone is left out when a page is hydrated. What
is posted there all the same, by a process that was frozen, drops what is kept when it is pushed.
"""

from contextlib import suppress

from linnet.domain.timeline import Range
from linnet.errors import Unavailable
from linnet.ids import UserId, first_id_at, random_bytes
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton
from linnet.read.timelines.followed import read_followed
from linnet.stores.postgres import home
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.stores.valkey.older import OlderParts

# Entries read at once: sixteen pages, 8 KB.
STRETCH = 240
# From an id's minting to its commit no more than half a minute can pass; the rest is for clocks that differ.
SETTLED_MS = 60_000


async def read_older(deps: ReadDeps, viewer_id: UserId, wanted: Range) -> Skeleton:
    """The page below ``wanted.before``, which lies at a window's end or below it."""
    if wanted.after or wanted.before > first_id_at(deps.clock.now_ms() - SETTLED_MS):
        return await _read_truth(deps, viewer_id, wanted)
    token = random_bytes(8)
    try:
        kept = OlderParts.read(await deps.older.ask(viewer_id), wanted)
        if kept is not None:
            return Skeleton(kept.entries, kept.more, kept.reached)
        await deps.older.begin(viewer_id, token)
    except (Unavailable, ValkeyReplyError):
        return await _read_truth(deps, viewer_id, wanted)
    found = await _read_truth(deps, viewer_id, Range(max(STRETCH, wanted.limit), wanted.before))
    with suppress(Unavailable, ValkeyReplyError):
        await deps.older.finish(viewer_id, token, wanted.before, found.entries, more=found.more, reached=found.reached)
    if len(found.entries) <= wanted.limit:
        return found
    shown = found.entries[: wanted.limit]
    return Skeleton(shown, True, shown[-1].id)


async def _read_truth(deps: ReadDeps, viewer_id: UserId, wanted: Range) -> Skeleton:
    """Without the snapshot that the newest page needs.

    What lies below a window is as old as its last entry: nothing is posted there any more, so whatever is changed
    between the two queries, the page is the one of the moment of the first.
    """
    followed = await home.fetch_followed(deps.db, viewer_id)
    return await read_followed(deps, deps.db, viewer_id, followed, wanted)
