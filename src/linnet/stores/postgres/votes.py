"""Votes in polls: who chose what, what polls count, and which of them have ended."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.polls import MAX_OPTIONS
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.fanout import CountedTweet
from linnet.stores.postgres.outbox import NewEvent
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.refs import among, by_owner

_sql = load_queries("votes")


class Vote(msgspec.Struct, frozen=True):
    """``user_id`` voted in the poll of ``author_id``. ``bits``: what they chose, the lowest for the first option."""

    user_id: UserId
    tweet_id: TweetId
    author_id: UserId
    bits: int
    version: int = 0

    @property
    def tweet(self) -> TweetRef:
        return TweetRef(self.author_id, self.tweet_id)

    @property
    def choices(self) -> tuple[int, ...]:
        """Places of options, from 0 on."""
        return tuple(at for at in range(MAX_OPTIONS) if self.bits >> at & 1)

    def is_counted_in(self, version: int) -> bool:
        """Whether what the tweet says of its poll in that version counts this vote."""
        return 0 < self.version <= version


def bits_of(choices: Iterable[int]) -> int:
    """Places of options, each once, as a row has them."""
    return sum(1 << choice for choice in choices)


class PollDelta:
    """What a batch of events adds to what one poll counts."""

    __slots__ = ("choices", "voters")

    def __init__(self) -> None:
        self.voters = 0
        self.choices = [0] * MAX_OPTIONS

    def add(self, vote: Vote, step: int) -> None:
        """Counts a vote, or takes it back."""
        self.voters += step
        for choice in vote.choices:
            self.choices[choice] += step


async def insert(db: Reader, vote: Vote, event: NewEvent) -> bool:
    """The vote and its event together. False when the person has voted. Of several at once exactly one is told True."""
    inserted = await db.value(
        _sql["insert"],
        user_id=vote.user_id,
        tweet_id=vote.tweet_id,
        author_id=vote.author_id,
        choices=vote.bits,
        event_id=event.id,
        lane=event.lane,
        kind=event.kind,
        payload=event.payload,
    )
    return bool(inserted)


async def fetch_by_user(db: Reader, user_id: UserId, tweet_ids: Collection[int]) -> list[Vote]:
    """What somebody chose in these polls."""
    return await db.fetch(Vote, _sql["fetch_by_user"], user_id=user_id, tweet_ids=list(tweet_ids))


async def fetch_votes(db: Reader, pairs: AbstractSet[tuple[UserId, TweetId]]) -> list[Vote]:
    """Those of these (user, tweet) pairs that are votes at this moment."""
    return await db.fetch(
        Vote,
        _sql["fetch_votes"],
        user_ids=[user_id for user_id, _ in pairs],
        tweet_ids=[tweet_id for _, tweet_id in pairs],
    )


async def delete_orphans(db: Session, pairs: AbstractSet[tuple[UserId, TweetId]]) -> None:
    """Deletes votes in polls that are gone. Locks in the order of users and tweets."""
    if not db.is_distributed:
        await db.run(
            _sql["delete_orphans"],
            user_ids=[user_id for user_id, _ in pairs],
            tweet_ids=[tweet_id for _, tweet_id in pairs],
        )
        return
    for user_id, tweet_ids in by_owner(pairs):
        await db.run(_sql["delete_orphans_of_one"], user_id=user_id, tweet_ids=tweet_ids)


# Notes under polls, and what these count


async def insert_notes(db: Session, given: Sequence[Vote]) -> list[Vote]:
    """Those that were not noted."""
    return await db.fetch(
        Vote,
        _sql["insert_notes"],
        author_ids=[vote.author_id for vote in given],
        tweet_ids=[vote.tweet_id for vote in given],
        user_ids=[vote.user_id for vote in given],
        choices=[vote.bits for vote in given],
    )


async def delete_notes(db: Session, said: Collection[tuple[UserId, TweetRef, int]]) -> list[Vote]:
    """Deletes what is noted of somebody under a poll, unless it says these choices, as bits; 0: there is no vote.

    Returns what was noted.
    """
    return await db.fetch(
        Vote,
        _sql["delete_notes"],
        author_ids=[tweet.author_id for _, tweet, _ in said],
        tweet_ids=[tweet.tweet_id for _, tweet, _ in said],
        user_ids=[user_id for user_id, _, _ in said],
        choices=[bits for _, _, bits in said],
    )


async def delete_notes_of(db: Session, tweet: TweetRef, *, page_size: int) -> list[UserId]:
    """Who voted under a tweet that is gone, some at a time: the notes are deleted, the votes themselves not yet."""
    return await db.fetch(
        UserId, _sql["delete_notes_of"], author_id=tweet.author_id, tweet_id=tweet.tweet_id, page_size=page_size
    )


async def add_counts(db: Session, deltas: Mapping[TweetRef, PollDelta]) -> list[CountedTweet]:
    """Adds to what polls of locked tweets count."""
    return await db.fetch(
        CountedTweet,
        _sql["add_counts"],
        author_ids=[ref.author_id for ref in deltas],
        tweet_ids=[ref.tweet_id for ref in deltas],
        voters=[delta.voters for delta in deltas.values()],
        firsts=[delta.choices[0] for delta in deltas.values()],
        seconds=[delta.choices[1] for delta in deltas.values()],
        thirds=[delta.choices[2] for delta in deltas.values()],
        fourths=[delta.choices[3] for delta in deltas.values()],
    )


async def say_counted(db: Session, counted: Collection[Vote], versions: Mapping[TweetRef, int]) -> None:
    """Says since which version of their tweets these votes are counted. In the order of users, as others lock them."""
    ordered = sorted(counted, key=lambda vote: (vote.user_id, vote.tweet_id))
    await db.run(
        _sql["say_counted"],
        user_ids=[vote.user_id for vote in ordered],
        tweet_ids=[vote.tweet_id for vote in ordered],
        versions=[versions[vote.tweet] for vote in ordered],
    )


# Ends


async def fetch_ended(db: Reader, *, now_ms: int, page_size: int) -> list[TweetRef]:
    """Polls of whose end nobody has been told, the oldest end first."""
    return await db.fetch(TweetRef, _sql["fetch_ended"], now_ms=now_ms, page_size=page_size)


async def end_poll(db: Session, tweet: TweetRef) -> bool:
    """True for one alone, who has to tell. The row is locked until the transaction ends."""
    return bool(await db.value(_sql["end_poll"], author_id=tweet.author_id, tweet_id=tweet.tweet_id))


async def fetch_told(db: Reader, tweets: Collection[TweetRef]) -> set[TweetRef]:
    """Those of whose end it was told, or is being told."""
    return set(await db.fetch(TweetRef, _sql["fetch_told"], **among(tweets)))


async def fetch_voters(db: Reader, tweet: TweetRef, *, after: int, page_size: int) -> list[UserId]:
    """Who voted, by their ids."""
    return await db.fetch(
        UserId,
        _sql["fetch_voters"],
        author_id=tweet.author_id,
        tweet_id=tweet.tweet_id,
        after_user_id=after,
        page_size=page_size,
    )
