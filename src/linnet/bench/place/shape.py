"""What a place looks like: who is famous, who follows how many, who writes how much, and when all of it happened.

Everything follows from the seed, the number of people and the moment at which the place ends. A year lies behind it: in
its first half people sign up, one after the other; in its second half they follow each other and write. Both are as
uneven as among people: how many somebody follows and writes is a bounded Pareto distribution, and of whom they follow
the share of the r-th most famous falls with a power of r, so that numbers of followers do, too.
"""

import math
import random
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from linnet.bench.place.texts import Names
from linnet.domain.documents import author_mark
from linnet.errors import LinnetError
from linnet.stores.postgres.places import Ground

HALF_MS: Final = 365 * 86_400_000 // 2
"""Of the year."""

_FEWEST_PEOPLE: Final = 100
_MOST_FOLLOWS: Final = 500_000_000
"""More than these would not have a moment of their own each, and overflow what PostgreSQL computes ids from."""

_SKEW: Final = 2.5
"""The place in the order of fame is the number of people times chance to this power. The share of the r-th falls with
r ** -0.6 then, and the number of people who have f followers with f ** -2.67."""
_FOLLOWS_ALPHA: Final = 1.5
_TWEETS_ALPHA: Final = 1.2
_MOST_FOLLOWED_BY_ONE: Final = 5_000
_MOST_WRITTEN_BY_ONE: Final = 2_000
_BLOCK_ROWS: Final = 5_000


class BadPlace(LinnetError):
    """No such place can be made: the numbers contradict each other."""

    kind = "invalid"
    code = "bad_place"


class PlaceShape(msgspec.Struct, frozen=True):
    """What is asked for. ``until_ms`` is when the place ends: nothing in it is younger."""

    people: int
    until_ms: int
    mean_follows: float = 50.0
    mean_tweets: float = 5.0
    seed: int = 1

    def check(self) -> None:
        """Raises ``BadPlace`` with what is wrong."""
        if self.people < _FEWEST_PEOPLE:
            raise BadPlace(f"a place has at least {_FEWEST_PEOPLE} people, and not {self.people}.")
        if not 1 <= self.mean_follows <= self.people / 8:
            raise BadPlace(
                f"{self.people:,} people follow 1 to {self.people // 8:,} others in the mean,"
                f" and not {self.mean_follows:g}."
            )
        if self.people * self.mean_follows > _MOST_FOLLOWS:
            raise BadPlace(f"a place has at most {_MOST_FOLLOWS:,} follows; ask for fewer people, or fewer of each.")
        if not 0.1 <= self.mean_tweets <= _MOST_WRITTEN_BY_ONE / 8:
            raise BadPlace(
                f"people write 0.1 to {_MOST_WRITTEN_BY_ONE // 8} tweets in the mean, and not {self.mean_tweets:g}."
            )

    @property
    def start_ms(self) -> int:
        return self.until_ms - 2 * HALF_MS

    @property
    def middle_ms(self) -> int:
        return self.until_ms - HALF_MS

    @property
    def pulled_since_id(self) -> int:
        """From which tweet on those of top users are pulled: after three quarters of the year."""
        return (self.until_ms - HALF_MS // 2) << 16

    @property
    def rank_factor(self) -> int:
        """Numbers times this, shifted by ``rank_shift``, are places in the order of fame: each once."""
        return coprime_near(self.people, 0.618)

    @property
    def rank_shift(self) -> int:
        return random.Random(self.seed).randrange(self.people)

    def user_id(self, number: int) -> int:
        """Of the person of this number, from 0 on. The same is computed in ``places.insert_following``."""
        return (self.start_ms + number * HALF_MS // self.people) << 16 | (number & 1023) << 6

    def ground(self, *, follows: int, tweets: int, texts: int) -> Ground:
        """What PostgreSQL computes rows from, once it is known how many there are."""
        return Ground(
            start_ms=self.start_ms,
            middle_ms=self.middle_ms,
            half_ms=HALF_MS,
            people=self.people,
            rank_shift=self.rank_shift,
            rank_inverse=pow(self.rank_factor, -1, self.people),
            skew=_SKEW,
            follows=follows,
            follow_factor=coprime_near(follows, 0.382),
            tweets=tweets,
            tweet_factor=coprime_near(tweets, 0.382),
            texts=texts,
            seed=self.seed,
        )


class People:
    """Everybody, as rows for COPY. ``follows`` and ``tweets`` are how many there are of all, once all rows are read."""

    def __init__(self, shape: PlaceShape, names: Names) -> None:
        self._shape = shape
        self._names = names
        self.follows = 0
        self.tweets = 0

    def blocks(self, progress: Callable[[int], None]) -> Iterator[bytes]:
        """Rows of ``staged_people``; ``progress`` is told how many people are done."""
        shape = self._shape
        chance = random.Random(shape.seed + 1)
        most_follows = min(_MOST_FOLLOWED_BY_ONE, shape.people // 4)
        follows = bounded_pareto(_FOLLOWS_ALPHA, shape.mean_follows, most_follows)
        tweets = bounded_pareto(_TWEETS_ALPHA, shape.mean_tweets, _MOST_WRITTEN_BY_ONE)
        rank_factor, rank_shift = shape.rank_factor, shape.rank_shift
        rows: list[str] = []
        for number in range(shape.people):
            # Rounded by chance, so that the mean stays what it is.
            followed = int(follows(chance.random()) + chance.random())
            written = int(tweets(chance.random()) + chance.random())
            user_id = shape.user_id(number)
            username, name = self._names.of(number, chance)
            rank = (number * rank_factor + rank_shift) % shape.people
            rows.append(
                f"{number}\t{user_id}\t{rank}\t{followed}\t{self.follows}\t{written}\t{self.tweets}"
                f"\t{username}\t{name}\t{author_mark(user_id)}\n"
            )
            self.follows += followed
            self.tweets += written
            if len(rows) == _BLOCK_ROWS:
                yield "".join(rows).encode()
                rows.clear()
                progress(number + 1)
        yield "".join(rows).encode()
        progress(shape.people)


def bounded_pareto(alpha: float, mean: float, most: float) -> Callable[[float], float]:
    """What a chance in [0, 1) comes to, so that the mean is ``mean`` and nothing exceeds ``most``.

    The smallest value follows from these; it is found by halving.
    """
    low, high = mean / 1e6, mean
    for _ in range(200):
        least = (low + high) / 2
        low, high = (least, high) if _pareto_mean(alpha, least, most) < mean else (low, least)
    least, share, power = (low + high) / 2, 1 - ((low + high) / 2 / most) ** alpha, -1 / alpha
    return lambda at: least * (1 - at * share) ** power


def _pareto_mean(alpha: float, least: float, most: float) -> float:
    scale = least**alpha / (1 - (least / most) ** alpha)
    return float(scale * alpha / (alpha - 1) * (least ** (1 - alpha) - most ** (1 - alpha)))


def coprime_near(number: int, share: float) -> int:
    """A number near this share of ``number`` that has no divisor in common with it.

    Its multiples, divided by ``number``, leave every rest once, and neighbours far from each other.
    """
    factor = max(1, round(number * share))
    while math.gcd(factor, number) != 1:
        factor += 1
    return factor
