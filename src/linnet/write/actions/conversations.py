"""Verbs: read a conversation, put it away, and hear no more of one. Nobody but whoever does it ever knows."""

from collections.abc import Awaitable, Callable

from linnet.domain.event import FiltersChanged
from linnet.domain.filters import Filters
from linnet.errors import ConversationNotFound, Unauthenticated
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import conversations, filters, outbox
from linnet.stores.postgres.pool import Session, run_again
from linnet.write.actions.originals import find_original
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps


async def mark_conversation_read(deps: WriteDeps, user_id: UserId, conversation_id: TweetId) -> None:
    """All that has come in it until now. Raises ``ConversationNotFound``."""
    if not await _change(deps, user_id, conversation_id, conversations.mark_read):
        raise ConversationNotFound


async def hide_conversation(deps: WriteDeps, user_id: UserId, conversation_id: TweetId) -> bool:
    """Until something new comes in it, which is then all that is in it. False when there is none.

    The tweets stay where they are for everybody whom they are for, and are found by their ids.
    """
    return await _change(deps, user_id, conversation_id, conversations.hide)


async def _change(
    deps: WriteDeps,
    user_id: UserId,
    conversation_id: TweetId,
    change: Callable[[Session, UserId, TweetId], Awaitable[None]],
) -> bool:
    async def attempt() -> bool:
        async with deps.db.transaction() as session:
            # What comes meanwhile waits for us, and is new afterwards.
            if not await conversations.lock_one(session, user_id, conversation_id):
                return False
            await change(session, user_id, conversation_id)
            return True

    return await run_again(attempt)


async def mute_conversation(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> TweetId:
    """Nothing that is done in the tweet's conversation is told to the user any more. Quiet when it is so already.

    Returns the tweet: of a retweet, the one inside. Raises ``TweetNotFound``, also for what is not for the user.
    """
    return await _turn(deps, user_id, tweet_id, conversations.mute)


async def unmute_conversation(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> TweetId:
    """What was done meanwhile stays untold. Quiet when it was not muted. Returns and raises as the other."""
    return await _turn(deps, user_id, tweet_id, conversations.unmute)


async def _turn(
    deps: WriteDeps,
    user_id: UserId,
    tweet_id: TweetId,
    turn: Callable[[Session, UserId, TweetId], Awaitable[bool]],
) -> TweetId:
    tweet = await find_original(deps, user_id, tweet_id)
    conversation_id = await conversations.find_conversation_id(deps.db, tweet)

    async def attempt() -> bool:
        async with deps.db.transaction() as session:
            # Pages look for mutes where the version of somebody's filters says so (read/hydration/filters.py).
            old = await filters.lock(session, user_id)
            if old is None:
                raise Unauthenticated
            if not await turn(session, user_id, conversation_id):
                return False
            event_id = deps.ids.mint()
            await filters.update(session, user_id, Filters(max(event_id, old.version + 1), old.filters))
            await outbox.append(session, outbox.NewEvent.of(FiltersChanged(user_id), event_id))
            return True

    if await run_again(attempt):
        await best_effort([deps.marks.drop([user_id]), wake(deps, user_id)], what="mute a conversation")
    return tweet.id
