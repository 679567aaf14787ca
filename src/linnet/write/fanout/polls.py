"""Polls: votes are counted, each once, and who has to be told of an end is found.

As with likes, what is noted and counted is what the truth says when a batch is applied, and not what the events say. A
poll's tweet is locked meanwhile, and whoever says that it has ended takes the same lock: so of a vote and an end one
comes first. Who voted before is found by the end; whoever comes behind it finds that it was told, and is told by that.
"""

from collections import defaultdict

from linnet.domain.event import PollEnded, TweetRef
from linnet.ids import UserId
from linnet.stores.postgres import outbox, votes
from linnet.stores.postgres.fanout import CountedTweet
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Session
from linnet.stores.postgres.votes import PollDelta
from linnet.write.deps import WriteDeps
from linnet.write.fanout.notes import Noted
from linnet.write.fanout.sorting import Batch, Polls

TOLD_AT_ONCE = 500
"""Of those who voted in a poll that has ended, in one event."""


async def apply_polls(
    deps: WriteDeps, session: Session, batch: Batch, noted: Noted
) -> tuple[Polls, list[CountedTweet]]:
    """Applies a batch's votes and ends, after its notes; also says which tweets have new counts."""
    told, counted = await _count(session, batch, noted)
    for event in batch.ended_polls:
        if event.ref in noted.present:
            told += await _tell(deps, session, event)
    return Polls(tuple(dict.fromkeys(told)), frozenset(noted.voters_of_gone)), counted


async def _count(
    session: Session, batch: Batch, noted: Noted
) -> tuple[list[tuple[UserId, TweetRef]], list[CountedTweet]]:
    """Makes notes and counts say what the votes say now; returns who voted after all others were told."""
    concerned = {(event.user_id, event.tweet) for event in batch.votes}
    if not concerned:
        return [], []
    found = await votes.fetch_votes(session, {(user_id, tweet.tweet_id) for user_id, tweet in concerned})
    there = [vote for vote in found if vote.tweet in noted.present]
    deltas: dict[TweetRef, PollDelta] = defaultdict(PollDelta)
    bits = {(vote.user_id, vote.tweet): vote.bits for vote in found}
    if said := [(*pair, bits.get(pair, 0)) for pair in concerned if pair[1] in noted.present]:
        for vote in await votes.delete_notes(session, said):
            deltas[vote.tweet].add(vote, -1)
    new = await votes.insert_notes(session, there) if there else []
    for vote in new:
        deltas[vote.tweet].add(vote, 1)
    if orphans := {(vote.user_id, vote.tweet_id) for vote in found if vote.tweet not in noted.present}:
        await votes.delete_orphans(session, orphans)
    if not deltas:
        return [], []
    counted = await votes.add_counts(session, deltas)
    if not new:
        return [], counted
    await votes.say_counted(session, new, {tweet.ref: tweet.version for tweet in counted})
    late = await votes.fetch_told(session, {vote.tweet for vote in new})
    return [(vote.user_id, vote.tweet) for vote in new if vote.tweet in late], counted


async def _tell(deps: WriteDeps, session: Session, event: PollEnded) -> list[tuple[UserId, TweetRef]]:
    """Whoever asked, first, and then those who voted, some at a time."""
    voters = await votes.fetch_voters(session, event.ref, after=event.after_user_id, page_size=TOLD_AT_ONCE)
    if len(voters) == TOLD_AT_ONCE:
        rest = PollEnded(event.author_id, event.tweet_id, voters[-1])
        await outbox.append(session, NewEvent.of(rest, deps.ids.mint()))
    told = voters if event.after_user_id else [event.author_id, *voters]
    return [(user_id, event.ref) for user_id in told]
