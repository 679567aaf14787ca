"""Verbs: vote in a poll, and say that one has ended.

Votes are counted by the event worker, as likes are: whoever votes where thousands vote in this moment waits for none of
them.
"""

from collections.abc import Sequence

from linnet.domain.event import PollEnded, PollVoted, TweetRef
from linnet.domain.polls import check_choices, unpack_poll
from linnet.errors import AlreadyVoted, CannotVoteInOwnPoll, PollIsOver, PollNotFound
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import outbox, votes
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import run_again
from linnet.stores.postgres.votes import Vote, bits_of
from linnet.write.actions.originals import find_original
from linnet.write.after_commit import best_effort, wake
from linnet.write.deps import WriteDeps


async def vote(deps: WriteDeps, user_id: UserId, tweet_id: TweetId, choices: Sequence[int]) -> TweetId:
    """Once, and for good; quiet when the same was chosen before. Returns the tweet: of a retweet, the one inside.

    ``choices``: places of options, from 0 on. Raises ``TweetNotFound``, also when the tweet is not for the user,
    ``PollNotFound``, ``CannotVoteInOwnPoll``, ``Invalid``, ``AlreadyVoted``, ``PollIsOver``. A tweet that is deleted in
    this moment leaves a vote of nothing, which goes when it is to be counted.
    """
    tweet = await find_original(deps, user_id, tweet_id)
    if tweet.poll is None:
        raise PollNotFound
    if tweet.author_id == user_id:
        raise CannotVoteInOwnPoll
    poll = unpack_poll(tweet.poll)
    chosen = bits_of(check_choices(poll, choices))
    if deps.clock.now_ms() >= poll.ends_ms:
        # Whoever only asks again whether it arrived in time is told so.
        if await _find_chosen(deps, user_id, tweet.id) == chosen:
            return tweet.id
        raise PollIsOver
    event = NewEvent.of(PollVoted(user_id, tweet.ref), deps.ids.mint())
    new = Vote(user_id, tweet.id, tweet.author_id, chosen)
    if await run_again(lambda: votes.insert(deps.db, new, event)):
        await best_effort([wake(deps, user_id)], what="vote")
    elif await _find_chosen(deps, user_id, tweet.id) != chosen:
        raise AlreadyVoted
    return tweet.id


async def _find_chosen(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> int | None:
    found = await votes.fetch_by_user(deps.db, user_id, [tweet_id])
    return found[0].bits if found else None


async def end_poll(deps: WriteDeps, tweet: TweetRef) -> bool:
    """Whoever asked and those who voted will be told. False when that was done before, or the tweet is gone."""

    async def attempt() -> bool:
        async with deps.db.transaction() as session:
            if not await votes.end_poll(session, tweet):
                return False
            event = PollEnded(tweet.author_id, tweet.tweet_id)
            await outbox.append(session, NewEvent.of(event, deps.ids.mint()))
            return True

    ended = await run_again(attempt)
    if ended:
        await best_effort([wake(deps, tweet.author_id)], what="end a poll")
    return ended
