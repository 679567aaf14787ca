"""Step 3 of the write path, for sessions that ended: the shared cache learns of it, whatever became of the request.

Whoever ended them has said so already, if Valkey was there and the process lived on. Safe to run twice.
"""

from linnet.stores.valkey import sessions as cached_sessions
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch


async def end_sessions(deps: WriteDeps, batch: Batch) -> None:
    """Notes that they are over."""
    for ended in batch.sessions:
        await cached_sessions.end(deps.valkey, deps.keys, ended.user_id, list(ended.token_hashes))
