"""Tells people what others did that concerns them, and takes it back with its cause."""

from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch, Settled


async def apply_notifications(deps: WriteDeps, session: Session, batch: Batch, settled: Settled) -> None:
    """Applies a batch in its transaction, after its counters."""
