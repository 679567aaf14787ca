"""How popular tweets are: the parts of their scores, and rankings by them."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry
from linnet.ids import MAX_ID, TweetId, UserId, unix_ms_of
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.refs import among, by_owner

_sql = load_queries("popular")

# The first stretch holds what ranks ahead of this moment, the second goes back six hours, each further one four times
# as far: at most ten reads to the end of what is kept, and most rankings come from the first two.
_FIRST_STRETCH_MS = 6 * 3_600_000
_WIDENING = 4


class Rankable(msgspec.Struct, frozen=True):
    """What a tweet's score is made of."""

    author_id: UserId
    tweet_id: TweetId
    reply_to_author_id: UserId | None
    likes: int
    retweets: int
    followers: int

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.tweet_id)


class Score(msgspec.Struct, frozen=True):
    """The parts of a tweet's score that change."""

    engagement_ms: int
    reach_ms: int


class Ranked(msgspec.Struct, frozen=True, array_like=True):
    """A tweet's place in a ranking, with what the rules ask for."""

    score_ms: int
    tweet_id: TweetId
    author_id: UserId
    reply_to_author_id: UserId

    @property
    def entry(self) -> Entry:
        return Entry(self.tweet_id, self.author_id, self.reply_to_author_id)


class Place(msgspec.Struct, frozen=True):
    """A bound in a ranking, exclusive."""

    score_ms: int = MAX_ID
    tweet_id: int = MAX_ID


async def fetch_rankable(db: Session, refs: Collection[TweetRef]) -> list[Rankable]:
    """Of those that are there and no retweets; their authors' followers stay as they are until the transaction ends."""
    if not db.is_distributed:
        return await db.fetch(Rankable, _sql["fetch_rankable"], **among(refs))
    found: list[Rankable] = []
    for author_id, tweet_ids in by_owner((ref.author_id, ref.tweet_id) for ref in refs):
        found += await db.fetch(Rankable, _sql["fetch_rankable_of_one"], author_id=author_id, tweet_ids=tweet_ids)
    return found


async def insert(db: Session, scores: Sequence[tuple[Rankable, Score]]) -> None:
    """Those that are ranked already stay as they are."""
    await db.run(
        _sql["insert"],
        author_ids=[tweet.author_id for tweet, _ in scores],
        tweet_ids=[tweet.tweet_id for tweet, _ in scores],
        reply_to_author_ids=[tweet.reply_to_author_id for tweet, _ in scores],
        engagements_ms=[score.engagement_ms for _, score in scores],
        reaches_ms=[score.reach_ms for _, score in scores],
    )


async def update_engagement(db: Session, engagements_ms: Mapping[TweetRef, int]) -> set[TweetRef]:
    """Returns those that are ranked."""
    refs = sorted(engagements_ms, key=lambda ref: (ref.author_id, ref.tweet_id))
    return set(
        await db.fetch(
            TweetRef,
            _sql["update_engagement"],
            author_ids=[ref.author_id for ref in refs],
            tweet_ids=[ref.tweet_id for ref in refs],
            engagements_ms=[engagements_ms[ref] for ref in refs],
        )
    )


async def update_reach(db: Session, reaches_ms: Mapping[UserId, int]) -> int:
    """How many tweets were rescored. The authors' rows must be locked."""
    author_ids = sorted(reaches_ms)
    return await db.run(
        _sql["update_reach"],
        author_ids=author_ids,
        reaches_ms=[reaches_ms[author_id] for author_id in author_ids],
    )


async def delete(db: Session, refs: Collection[TweetRef]) -> None:
    await db.run(_sql["delete"], **among(refs))


async def fetch_best(db: Reader, below: Place, *, page_size: int) -> list[Ranked]:
    """Everybody's tweets, the most popular first."""
    return await db.fetch(
        Ranked,
        _sql["fetch_best"],
        below_score_ms=below.score_ms,
        below_id=below.tweet_id,
        page_size=page_size,
    )


async def fetch_best_of(
    db: Reader, author_ids: Sequence[int], below: Place, *, since_id: int, now_ms: int, page_size: int
) -> list[Ranked]:
    """The tweets of some authors from ``since_id`` on, the most popular first; fewer only when there are no more."""
    found: list[Ranked] = []
    width = _FIRST_STRETCH_MS
    lower = now_ms
    while True:
        if below.score_ms >= lower:
            found += await db.fetch(
                Ranked,
                _sql["fetch_best_of"],
                author_ids=list(author_ids),
                since_id=since_id,
                from_score_ms=lower,
                below_score_ms=below.score_ms,
                below_id=below.tweet_id,
                page_size=page_size - len(found),
            )
            # No tweet's score lies before its own time.
            if len(found) >= page_size or lower <= unix_ms_of(since_id):
                return found
            below = Place(lower, 0)
        lower = max(0, lower - width)
        width *= _WIDENING


async def find_score_at(db: Reader, rank: int) -> int | None:
    """The score of the tweet at a place from the top, counted from 0; None when there are not so many."""
    found: int | None = await db.value(_sql["find_score_at"], rank=rank)
    return found


async def delete_below(db: Reader, score_ms: int, *, page_size: int) -> int:
    """How many were deleted; run again while it is ``page_size``."""
    return await db.run(_sql["delete_below"], below_score_ms=score_ms, page_size=page_size)


async def fetch_ranked(db: Reader, after: TweetRef, *, page_size: int) -> list[TweetRef]:
    """All that is ranked, by author and id."""
    return await db.fetch(
        TweetRef,
        _sql["fetch_ranked"],
        after_author_id=after.author_id,
        after_tweet_id=after.tweet_id,
        page_size=page_size,
    )


async def update_scores(db: Session, scores: Sequence[tuple[Rankable, Score]]) -> int:
    """How many changed."""
    return await db.run(
        _sql["update_scores"],
        author_ids=[tweet.author_id for tweet, _ in scores],
        tweet_ids=[tweet.tweet_id for tweet, _ in scores],
        engagements_ms=[score.engagement_ms for _, score in scores],
        reaches_ms=[score.reach_ms for _, score in scores],
    )
