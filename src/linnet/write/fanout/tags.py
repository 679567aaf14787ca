"""Which tweets carry which tag, and how much each tag is used."""

from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch, Settled


async def apply_tags(deps: WriteDeps, session: Session, batch: Batch, settled: Settled) -> None:
    """Applies a batch in its transaction, after its counters."""
