"""Puts planned entries into windows."""

from linnet.write.deps import WriteDeps
from linnet.write.fanout.plan import PushPlan


async def push(deps: WriteDeps, plan: PushPlan) -> int:
    """Returns how many windows took an entry. Readers without a window are skipped and cost nothing.

    Safe to run twice: a window keeps an entry once. A follow that committed while the followers were read is missed
    here; its own event drops that reader's window, so missing it costs one rebuild and never a tweet. An unfollow that
    committed meanwhile has noted, before it dropped the window, that the author is hidden from that reader.
    """
    calls = [call for entry, readers in plan.pushes for call in deps.windows.push(entry, readers)]
    deliveries = 0
    for call in calls:
        deliveries += await call
    return deliveries
