"""How popular tweets are, kept up as they are liked and retweeted."""

from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch, Settled


async def apply_popular(deps: WriteDeps, session: Session, batch: Batch, settled: Settled) -> None:
    """Applies a batch in its transaction, after its counters."""
