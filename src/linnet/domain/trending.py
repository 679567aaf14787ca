"""How much a tag trends: forward-decayed scores, so that nothing has to be aged.

Whoever uses a tag counts once, by their latest use at time t, with the weight 2^(t / half-life). All weights fade alike
as time goes on, so the order of two tags does not change until one of them is used or loses a use, and one index
answers "the top ones now". The weights themselves would leave every number behind; so a tag's *rank* is the logarithm
of their sum, to the base of 2. ``docs/decisions/0011-trending.md`` says more.
"""

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from linnet.ids import first_id_at, unix_ms_of

_HOUR_MS: Final = 3_600_000
_LN_2: Final = math.log(2.0)


class TrendingRules(msgspec.Struct, frozen=True):
    """``window_hours``: how long a use counts at all. ``min_people``: fewer do not make a trend."""

    half_life_hours: int = 6
    window_hours: int = 48
    min_people: int = 2

    @property
    def half_life_ms(self) -> int:
        return self.half_life_hours * _HOUR_MS

    def rank_of_use(self, tweet_id: int) -> float:
        """The rank of a tag that one person used once."""
        return unix_ms_of(tweet_id) / self.half_life_ms

    def window_first_id(self, now_ms: int) -> int:
        """Uses below this id do not count any more."""
        return first_id_at(now_ms - self.window_hours * _HOUR_MS)

    def lowest_rank(self, now_ms: int) -> float:
        """A tag that trends has at least this rank: as many people as it takes, all at the window's beginning."""
        return (now_ms - self.window_hours * _HOUR_MS) / self.half_life_ms + math.log2(self.min_people)


def sum_ranks(ranks: Iterable[float]) -> float | None:
    """The rank of all these weights together; None when there are none."""
    all_ranks = list(ranks)
    if not all_ranks:
        return None
    highest = max(all_ranks)
    return highest + math.log2(math.fsum(2.0 ** (rank - highest) for rank in all_ranks))


def add_rank(rank: float | None, gained: float | None) -> float | None:
    """Two weights together; None is no weight at all."""
    if rank is None or gained is None:
        return gained if rank is None else rank
    return sum_ranks((rank, gained))


def subtract_rank(rank: float, lost: float) -> float | None:
    """What is left without a weight, or None when that cannot be told.

    Half or more of the sum may be a difference of nearly equal numbers, with nothing right in it: then whoever knows
    the parts adds them up anew.
    """
    if lost - rank > -1.0:
        return None
    return rank + math.log1p(-(2.0 ** (lost - rank))) / _LN_2


def difference(higher: float, lower: float) -> float | None:
    """What somebody's weight gains when their use of ``lower`` is replaced by one of ``higher``; None for nothing."""
    if higher <= lower:
        return None
    # Not 1 - 2^x: of two uses a second apart that would leave half of the digits.
    return higher + math.log2(-math.expm1((lower - higher) * _LN_2))
