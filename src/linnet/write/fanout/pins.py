"""Step 3 of the write path, for pins: caches learn of a change, also when whoever made it could not tell them.

The action has said all this already, if Valkey was there and its process lived on. Safe to run twice.
"""

from linnet.domain.event import TweetRef
from linnet.ids import TweetId
from linnet.stores.postgres import tweets
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch


async def apply_pins(deps: WriteDeps, session: Session, batch: Batch) -> frozenset[TweetId]:
    """Ends what is older than the tweets are now; returns which they are, for processes to forget."""
    changed = {TweetRef(event.author_id, tweet_id) for event in batch.pinned for tweet_id in event.tweet_ids}
    if changed:
        # One that is gone has a deletion of its own, which says so.
        found = await tweets.fetch(session, list(changed))
        await deps.cache.put_stale([(deps.keys.tweet(tweet.id), tweet.version) for tweet in found])
    return frozenset(ref.tweet_id for ref in changed)
