"""What left a timeline because it was deleted, and not because its reader stopped following somebody."""

from collections.abc import Collection

from linnet.ids import TweetId
from linnet.read.deps import ReadDeps
from linnet.stores.postgres import tweets


async def fetch_deleted_among(deps: ReadDeps, tweet_ids: Collection[int]) -> list[int]:
    """Those of these ids that no tweet has any more."""
    there = {ref.tweet_id for ref in await tweets.fetch_refs(deps.db, [TweetId(tweet_id) for tweet_id in tweet_ids])}
    return [tweet_id for tweet_id in tweet_ids if tweet_id not in there]
