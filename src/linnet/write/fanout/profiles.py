"""Step 3 of the write path, for profiles: caches learn of a change, also when whoever made it could not tell them.

The action has said all this already, if Valkey was there and its process lived on. Safe to run twice.
"""

from linnet.ids import UserId
from linnet.stores.postgres import profiles
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch


async def apply_profile_changes(deps: WriteDeps, session: Session, batch: Batch) -> frozenset[UserId]:
    """Ends what is older than the profiles are now; returns whose they are, for processes to forget."""
    changed = frozenset(event.user_id for event in batch.profiles)
    if changed:
        versions = await profiles.fetch_versions(session, sorted(changed))
        await deps.cache.put_stale(
            [(key, version) for user_id, version in versions for key in deps.keys.of_profile(user_id)]
        )
    return changed
