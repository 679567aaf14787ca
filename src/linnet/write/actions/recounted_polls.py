"""What ``recounts`` compares, continued: votes beside the notes of them, and these beside what polls count."""

from collections.abc import Sequence

import msgspec

from linnet.domain.event import PollVoted, TweetRef
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import fanout, outbox, recounts, votes
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.votes import PollDelta, Vote
from linnet.stores.valkey.changes import Change
from linnet.write.actions.recounted import NO_TWEET, Difference, Found, Kind, differing

_OPTIONS = ("first", "second", "third", "fourth")


class VoteNotes(Kind[Vote]):
    """Notes of votes beside these. ``VotesThere`` comes upon what this cannot see."""

    first = Vote(UserId(0), TweetId(0), UserId(0), 0)

    async def fetch(self, after: Vote) -> list[Vote]:
        return await recounts.fetch_vote_notes(self.deps.db, after=after, page_size=self.page_size)

    async def compare(self, db: Reader, items: Sequence[Vote]) -> list[Found[Vote]]:
        found = await votes.fetch_votes(db, {(vote.user_id, vote.tweet_id) for vote in items})
        there = {msgspec.structs.replace(vote, version=0) for vote in found}
        noted = await recounts.fetch_noted_votes(db, items)
        wrong = []
        for vote in items:
            stored, counted = vote in noted, vote in there
            if stored != counted:
                owner = f"user {vote.user_id} under tweet {vote.tweet_id}"
                difference = Difference("note of the vote", owner, stored, counted)
                wrong.append(Found(vote, frozenset([vote.user_id, vote.author_id]), (difference,)))
        return wrong

    async def lock(self, session: Session, item: Vote) -> None:
        await fanout.lock_tweets(session, [item.tweet])

    async def mend(self, session: Session, found: Found[Vote]) -> UserId:
        # The event worker makes notes say what the votes say, whatever the event does.
        event = PollVoted(found.item.user_id, found.item.tweet)
        await outbox.append(session, NewEvent.of(event, self.deps.ids.mint()))
        return found.item.user_id


class VotesThere(VoteNotes):
    """The same from the other side: votes that are not noted."""

    async def fetch(self, after: Vote) -> list[Vote]:
        return await recounts.fetch_votes(self.deps.db, after=after, page_size=self.page_size)


class PollCounters(Kind[TweetRef]):
    """Who voted, and for what, by the notes under the poll. Both are written together."""

    first = NO_TWEET

    async def fetch(self, after: TweetRef) -> list[TweetRef]:
        return await recounts.fetch_polls(self.deps.db, after=after, page_size=self.page_size)

    async def compare(self, db: Reader, items: Sequence[TweetRef]) -> list[Found[TweetRef]]:
        found = []
        for row in await recounts.count_polls(db, items):
            if wrong := differing(f"poll {row.id}", row, "voters", *_OPTIONS):
                found.append(Found(row.ref, frozenset([row.author_id]), wrong))
        return found

    async def lock(self, session: Session, item: TweetRef) -> None:
        await fanout.lock_tweets(session, [item])

    async def mend(self, session: Session, found: Found[TweetRef]) -> Change:
        delta = PollDelta()
        for wrong in found.differences:
            step = wrong.counted - wrong.stored
            if wrong.counter == "voters":
                delta.voters = step
            else:
                delta.choices[_OPTIONS.index(wrong.counter)] = step
        counted = await votes.add_counts(session, {found.item: delta})
        await self.deps.cache.put_stale([(self.deps.keys.tweet(tweet.id), tweet.version) for tweet in counted])
        return Change(tweet_ids=(found.item.tweet_id,))
