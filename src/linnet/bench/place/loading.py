"""Fills an empty installation with a place: which rows there are says ``shape``, how they get in ``stores.postgres``.

It takes a bounded amount of memory, whatever the place: people go over in blocks, follows and tweets are computed by
PostgreSQL from one row of numbers, chunk by chunk. Broken off at any moment it leaves the installation empty.
"""

import time
from typing import Literal, Protocol, get_args

import msgspec

from linnet.bench.place.shape import HALF_MS, People, PlaceShape
from linnet.bench.place.texts import MOST_TEXTS, Names, make_texts, make_words
from linnet.domain.documents import author_mark, document_of
from linnet.domain.text import TextRules
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import places
from linnet.stores.postgres.places import PlaceStage
from linnet.write.deps import WriteDeps
from linnet.write.fanout.popular import match_half_life

EMAIL_DOMAIN = "place.invalid"
_NO_PASSWORD = "!place"
_FOLLOWS_PER_CHUNK = 400_000
_FOLLOWERS_PER_CHUNK = 3_000_000
_TWEETS_PER_CHUNK = 100_000
_TEXTS_PER_CHUNK = 2_000
_SLICE_SHIFT = 40

Stage = Literal["people", "texts", "follows", "followers", "counters", "tweets", "indexes", "vacuum", "ranking"]
STAGES: tuple[Stage, ...] = get_args(Stage)


class Progress(Protocol):
    """Told how far a stage is."""

    def __call__(self, stage: Stage, done: int, total: int) -> None: ...


class PlaceReport(msgspec.Struct, frozen=True):
    """What was made, and how long each stage took."""

    people: int
    follows: int
    tweets: int
    top_users: int
    seed: int
    until_ms: int
    seconds: dict[Stage, float]

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())


class _Timed:
    """Passes progress on and keeps how long each stage took: until the next one began."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._stage: Stage | None = None
        self._since = 0.0
        self.seconds: dict[Stage, float] = {}

    def __call__(self, stage: Stage, done: int, total: int) -> None:
        if stage != self._stage:
            self.end()
            self._stage, self._since = stage, time.monotonic()
        self._progress(stage, done, total)

    def end(self) -> None:
        if self._stage is not None:
            self.seconds[self._stage] = time.monotonic() - self._since


async def load_place(deps: WriteDeps, shape: PlaceShape, *, progress: Progress) -> PlaceReport:
    """Raises ``BadPlace``, ``NotEmpty`` or ``InUse`` before anything is written."""
    shape.check()
    told = _Timed(progress)
    words = make_words(shape.seed)
    people = People(shape, Names(words))
    options = deps.db.options
    async with places.open_place(options) as stage:
        told("people", 0, shape.people)
        await stage.copy_people(people.blocks(lambda done: told("people", done, shape.people)))
        await _insert_texts(stage, shape, words, min(MOST_TEXTS, max(1, people.tweets)), told)
        await stage.lay(
            shape.ground(follows=people.follows, tweets=people.tweets, texts=min(MOST_TEXTS, max(1, people.tweets)))
        )
        await _insert_follows(stage, shape, people, told)
        told("counters", 0, 1)
        top_users = await stage.insert_people(
            email_domain=EMAIL_DOMAIN,
            password_hash=_NO_PASSWORD,
            top_user_followers=deps.options.top_user_followers,
            since_id=shape.pulled_since_id,
        )
        told("counters", 1, 1)
        await _insert_tweets(stage, shape, people, told)
        told("indexes", 0, stage.index_count)
        done = 0
        async for _ in stage.create_indexes():
            done += 1
            told("indexes", done, stage.index_count)
    done = 0
    told("vacuum", 0, places.VACUUMED_COUNT)
    async for _ in places.vacuum(options):
        done += 1
        told("vacuum", done, places.VACUUMED_COUNT)
    told("ranking", 0, 1)
    # As the first worker would: so it has nothing to do when it starts.
    await match_half_life(deps)
    told("ranking", 1, 1)
    told.end()
    return PlaceReport(
        people=shape.people,
        follows=people.follows,
        tweets=people.tweets,
        top_users=top_users,
        seed=shape.seed,
        until_ms=shape.until_ms,
        seconds=told.seconds,
    )


async def _insert_texts(stage: PlaceStage, shape: PlaceShape, words: list[str], count: int, told: _Timed) -> None:
    """Texts, and the marks of all moments of the second half of the year."""
    rules = TextRules()
    nobody, never = UserId(0), TweetId(0)
    bare = document_of(nobody, never, "", None, rules).lexemes
    texts, first = make_texts(words, shape.seed + 2, count), 0
    told("texts", 0, count)
    while chunk := [text for _, text in zip(range(_TEXTS_PER_CHUNK), texts, strict=False)]:
        documents = [document_of(nobody, never, text, None, rules) for text in chunk]
        await stage.insert_texts(first, chunk, documents, bare)
        first += len(chunk)
        told("texts", first, count)
    slices = range((shape.middle_ms << 16) >> _SLICE_SHIFT, (((shape.middle_ms + HALF_MS) << 16) >> _SLICE_SHIFT) + 1)
    marks = [document_of(nobody, TweetId(at << _SLICE_SHIFT), "", None, rules).lexemes for at in slices]
    await stage.insert_slices(slices, marks, author_mark(nobody))


async def _insert_follows(stage: PlaceStage, shape: PlaceShape, people: People, told: _Timed) -> None:
    done, chunk = 0, max(1, _FOLLOWS_PER_CHUNK * shape.people // max(1, people.follows))
    told("follows", 0, people.follows)
    for first in range(0, shape.people, chunk):
        done += await stage.insert_following(first, min(first + chunk, shape.people))
        told("follows", done, people.follows)
    done, chunk = 0, max(1, _FOLLOWERS_PER_CHUNK * shape.people // max(1, people.follows))
    told("followers", 0, people.follows)
    for first in range(0, shape.people, chunk):
        done += await stage.insert_followers(shape.user_id(first), shape.user_id(min(first + chunk, shape.people)))
        told("followers", done, people.follows)


async def _insert_tweets(stage: PlaceStage, shape: PlaceShape, people: People, told: _Timed) -> None:
    done, chunk = 0, max(1, _TWEETS_PER_CHUNK * shape.people // max(1, people.tweets))
    told("tweets", 0, people.tweets)
    for first in range(0, shape.people, chunk):
        done += await stage.insert_tweets(first, min(first + chunk, shape.people))
        told("tweets", done, people.tweets)
