"""Verbs: like, unlike.

Likes are counted by the event worker: whoever likes a tweet that thousands like in this moment waits for none of them.
"""

from linnet.domain.event import TweetLiked, TweetUnliked
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import likes
from linnet.stores.postgres.likes import Like
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import run_again
from linnet.write.actions.originals import find_original
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps


async def like(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> TweetId:
    """Quiet when it is so already; one's own tweets too. Returns the liked tweet: of a retweet, the one inside.

    Raises ``TweetNotFound``, also when the tweet's author and the user do not meet.
    """
    tweet = (await find_original(deps, user_id, tweet_id)).ref
    new = Like(user_id, tweet.tweet_id, tweet.author_id, deps.ids.mint())
    event = NewEvent.of(TweetLiked(user_id, tweet), new.id)
    if await run_again(lambda: likes.insert(deps.db, new, event)):
        await _show(deps, user_id)
    return tweet.tweet_id


async def unlike(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> TweetId:
    """Quiet when it is so already. Returns the tweet, and raises, as ``like`` does."""
    tweet = (await find_original(deps, user_id, tweet_id)).ref
    event = NewEvent.of(TweetUnliked(user_id, tweet), deps.ids.mint())
    if await run_again(lambda: likes.delete(deps.db, user_id, tweet.tweet_id, event)):
        await _show(deps, user_id)
    return tweet.tweet_id


async def _show(deps: WriteDeps, user_id: UserId) -> None:
    """Whoever acts sees it at once, on every page."""
    await best_effort([deps.marks.drop([user_id]), wake(deps, user_id)], what="like")
