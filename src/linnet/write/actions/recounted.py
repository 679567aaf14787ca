"""What ``recounts`` compares: for each kind of counter how it is found, what it should say, and how it is mended.

A kind's ``compare`` says what differs at one moment; its ``lock`` keeps what it compares as it is until the transaction
ends, since event workers take the same locks before they change it; its ``mend`` is called under that lock, with what
was found under it. Here are the kinds that count; ``recounted_notes.py`` has what tweets are counted by.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from linnet.domain.event import TweetRef
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import fanout, recounts, tags
from linnet.stores.postgres.fanout import TweetDelta
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.recounts import CountedNotes, CountedPoll, CountedTag, CountedUser
from linnet.stores.postgres.users import CountDelta
from linnet.stores.valkey.changes import Change
from linnet.write.deps import WriteDeps
from linnet.write.fanout.counters import add_people_counts

T = TypeVar("T")
Delta = TypeVar("Delta", CountDelta, TweetDelta)

NO_TWEET = TweetRef(UserId(0), TweetId(0))


class Difference(msgspec.Struct, frozen=True):
    """``counter`` of ``owner`` says ``stored``, and there are ``counted``. ``repaired``: it will say so, too."""

    counter: str
    owner: str
    stored: int
    counted: int
    repaired: bool = False


class Found(msgspec.Struct, Generic[T], frozen=True):
    """Something that differs. ``users``: an event about one of them may be about to change it."""

    item: T
    users: frozenset[UserId]
    differences: tuple[Difference, ...]


class Kind(ABC, Generic[T]):
    """Items come in pages, each fetched with the last one of the page before; ``first`` comes before them all."""

    def __init__(self, deps: WriteDeps, page_size: int) -> None:
        self.deps = deps
        self.page_size = page_size

    @property
    @abstractmethod
    def first(self) -> T: ...

    @abstractmethod
    async def fetch(self, after: T) -> list[T]: ...

    @abstractmethod
    async def compare(self, db: Reader, items: Sequence[T]) -> list[Found[T]]: ...

    @abstractmethod
    async def lock(self, session: Session, item: T) -> None: ...

    @abstractmethod
    async def mend(self, session: Session, found: Found[T]) -> Change | UserId | None:
        """Returns what processes must forget, or whose event is to be applied."""


def differing(
    owner: str, row: CountedUser | CountedNotes | CountedPoll | CountedTag, *counters: str
) -> tuple[Difference, ...]:
    """A row has each counter twice: what is counted by its name, and what it says with ``_stored`` behind."""
    pairs = [(name, getattr(row, f"{name}_stored"), getattr(row, name)) for name in counters]
    return tuple(Difference(name, owner, stored, counted) for name, stored, counted in pairs if stored != counted)


def _wrong(found: Iterable[Found[T]]) -> list[Found[T]]:
    return [one for one in found if one.differences]


def _mending(delta: Delta, found: Found[Any]) -> Delta:
    """What is to be added to the counters so that they say what there is."""
    for wrong in found.differences:
        setattr(delta, wrong.counter, wrong.counted - wrong.stored)
    return delta


class UserCounters(Kind[UserId]):
    """Tweets, followers and whom one follows."""

    first = UserId(0)

    async def fetch(self, after: UserId) -> list[UserId]:
        return await recounts.fetch_user_ids(self.deps.db, after_id=after, page_size=self.page_size)

    async def compare(self, db: Reader, items: Sequence[UserId]) -> list[Found[UserId]]:
        rows = await recounts.count_users(db, items)
        counters = ("tweets", "followers", "following")
        return _wrong(Found(row.id, frozenset([row.id]), differing(f"user {row.id}", row, *counters)) for row in rows)

    async def lock(self, session: Session, item: UserId) -> None:
        await recounts.lock_users(session, [item])

    async def mend(self, session: Session, found: Found[UserId]) -> Change:
        counted = await add_people_counts(self.deps, session, {found.item: _mending(CountDelta(), found)})
        await self.deps.cache.put_stale([(self.deps.keys.profile(user.user_id), user.version) for user in counted])
        return Change(user_ids=(found.item,))


class TweetCounters(Kind[TweetRef]):
    """Replies, retweets and likes, by the notes under the tweet.

    Both are written together. But notes that are to be mended may be held back, and then so are counters.
    """

    first = NO_TWEET

    async def fetch(self, after: TweetRef) -> list[TweetRef]:
        return [row.ref for row in await recounts.fetch_tweets(self.deps.db, after=after, page_size=self.page_size)]

    async def compare(self, db: Reader, items: Sequence[TweetRef]) -> list[Found[TweetRef]]:
        rows = await recounts.count_notes(db, items)
        counters = ("replies", "retweets", "likes")
        return _wrong(
            Found(row.ref, frozenset([row.author_id]), differing(f"tweet {row.id}", row, *counters)) for row in rows
        )

    async def lock(self, session: Session, item: TweetRef) -> None:
        await fanout.lock_tweets(session, [item])

    async def mend(self, session: Session, found: Found[TweetRef]) -> Change:
        counted = await fanout.add_tweet_counts(session, {found.item: _mending(TweetDelta(), found)})
        await self.deps.cache.put_stale([(self.deps.keys.tweet(tweet.id), tweet.version) for tweet in counted])
        return Change(tweet_ids=(found.item.tweet_id,))


class TagCounters(Kind[str]):
    """How many tweets carry a tag, and people use it. Written together with these, as the counters of tweets are."""

    first = ""

    async def fetch(self, after: str) -> list[str]:
        return await tags.fetch_page(self.deps.db, after_tag=after, page_size=self.page_size)

    async def compare(self, db: Reader, items: Sequence[str]) -> list[Found[str]]:
        rows = await recounts.count_tags(db, items)
        counters = ("tweets", "people")
        return _wrong(Found(row.tag, frozenset(), differing(f"tag {row.tag}", row, *counters)) for row in rows)

    async def lock(self, session: Session, item: str) -> None:
        await tags.lock(session, [item])

    async def mend(self, session: Session, found: Found[str]) -> None:
        rules = self.deps.options.trending
        counted = {wrong.counter: wrong.counted for wrong in found.differences}
        # How much it trends hangs on the people.
        sums = await tags.sum_people(session, [found.item], half_life_ms=rules.half_life_ms)
        people = sums.get(found.item)
        mended = [
            msgspec.structs.replace(
                row,
                tweets_count=counted.get("tweets", row.tweets_count),
                people_count=0 if people is None else people.people_count,
                rank=None if people is None else people.rank,
            )
            for row in await tags.lock(session, [found.item])
        ]
        await tags.update(session, mended, min_people=rules.min_people)
        await tags.delete_unused(session, [found.item])
