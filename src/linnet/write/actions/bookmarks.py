"""Verbs: put a tweet by for later, and let go of it. Nobody but whoever does it ever knows."""

from linnet.domain.event import BookmarksChanged
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import bookmarks, outbox
from linnet.stores.postgres.bookmarks import Bookmark
from linnet.stores.postgres.pool import Session, run_again
from linnet.write.actions.originals import find_original
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps


async def bookmark(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> TweetId:
    """Quiet when it is so already. Returns the tweet: of a retweet, the one inside.

    Raises ``TweetNotFound``, also when the tweet's author and the user do not meet. A tweet that is deleted in this
    moment leaves a bookmark of nothing, which no page shows.
    """
    tweet = (await find_original(deps, user_id, tweet_id)).ref
    new = Bookmark(user_id, tweet.tweet_id, tweet.author_id, deps.ids.mint())

    async def attempt() -> bool:
        async with deps.db.transaction() as session:
            return await bookmarks.insert(session, new) and await _note(session, user_id, new.id)

    if await run_again(attempt):
        await _show(deps, user_id)
    return tweet.tweet_id


async def unbookmark(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> TweetId:
    """Quiet when it is so already. Returns the tweet, and raises, as ``bookmark`` does."""
    tweet = (await find_original(deps, user_id, tweet_id)).ref

    async def attempt() -> bool:
        async with deps.db.transaction() as session:
            deleted = await bookmarks.delete(session, user_id, tweet.tweet_id)
            return deleted and await _note(session, user_id, deps.ids.mint())

    if await run_again(attempt):
        await _show(deps, user_id)
    return tweet.tweet_id


async def _note(session: Session, user_id: UserId, event_id: int) -> bool:
    """What is known of it in Valkey goes with the event, should it not go at once."""
    await outbox.append(session, outbox.NewEvent.of(BookmarksChanged(user_id), event_id))
    return True


async def _show(deps: WriteDeps, user_id: UserId) -> None:
    """Whoever acts sees it at once, on every page."""
    await best_effort([deps.marks.drop([user_id]), wake(deps, user_id)], what="bookmark")
