"""The arithmetic of trending: held against sums that nobody would compute in a server."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.domain.hashtags import fold_tag
from linnet.domain.tag import read_tag
from linnet.domain.trending import TrendingRules, add_rank, difference, subtract_rank, sum_ranks
from linnet.ids import first_id_at

NOW_MS = 1_780_000_000_000
HOUR_MS = 3_600_000
RULES = TrendingRules()
# Half-lives since 1970, as far apart as a window can be wide.
RANKS = st.lists(st.floats(82_000, 82_400), min_size=1, max_size=40)


def naive(ranks: list[float]) -> Fraction:
    """The sum itself, as far as numbers go; relative to the year 2026, or it would have 25,000 digits."""
    return sum((Fraction(2.0 ** (rank - 82_200)) for rank in ranks), Fraction())


def close(rank: float | None, total: Fraction) -> bool:
    return rank is not None and abs(Fraction(2.0 ** (rank - 82_200)) / total - 1) < Fraction(1, 10**8)


@given(RANKS)
def test_a_rank_is_the_logarithm_of_the_sum(ranks: list[float]) -> None:
    assert close(sum_ranks(ranks), naive(ranks))


@given(RANKS)
def test_adding_one_by_one_comes_to_the_same(ranks: list[float]) -> None:
    rank: float | None = None
    for gained in ranks:
        rank = add_rank(rank, gained)
    assert close(rank, naive(ranks))


@given(RANKS, st.data())
def test_a_loss_is_right_or_refused(ranks: list[float], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(ranks))
    rest = naive(ranks) - naive([lost])
    total = sum_ranks(ranks)
    assert total is not None
    left = subtract_rank(total, lost)
    if left is None:
        assert naive([lost]) * 2 >= naive(ranks) * (1 - Fraction(1, 10**8))
    else:
        assert close(left, rest)


@given(st.floats(82_000, 82_400), st.floats(0, 100))
def test_a_replaced_weight_gains_the_difference(lower: float, step: float) -> None:
    higher = lower + step
    gained = difference(higher, lower)
    if gained is None:
        assert higher == lower
    else:
        # Of two nearly equal numbers only so much is known as they have digits.
        assert close(add_rank(lower, gained), naive([higher]))
    assert difference(lower, higher) is None


def test_a_half_life_makes_half_of_a_weight() -> None:
    then, now = (RULES.rank_of_use(first_id_at(NOW_MS - hours * HOUR_MS)) for hours in (6, 0))
    assert now - then == pytest.approx(1.0)


def test_ten_people_once_outrank_one_person_a_thousand_times() -> None:
    # One person is one weight, of the latest use.
    spammer = RULES.rank_of_use(first_id_at(NOW_MS))
    ten = sum_ranks(RULES.rank_of_use(first_id_at(NOW_MS - hour * HOUR_MS)) for hour in range(10))
    assert ten is not None
    assert ten > spammer


@pytest.mark.parametrize("year", [1970, 2026, 2500, 4000])
def test_numbers_stay_finite_for_centuries(year: int) -> None:
    rules = TrendingRules(half_life_hours=1)
    now_ms = (year - 1970) * 31_557_600_000
    ranks = [rules.rank_of_use(first_id_at(now_ms + number)) for number in range(1000)]
    rank = sum_ranks(ranks)
    assert rank is not None
    assert math.isfinite(rank)
    assert rank == pytest.approx(ranks[0] + math.log2(1000), abs=1e-3)


def test_order_does_not_change_with_time() -> None:
    # That is what one index needs. The weights of today, seen from any later day, are all smaller by one factor.
    two_now = sum_ranks([100.0, 100.0])
    three_earlier = sum_ranks([99.5, 99.5, 99.5])
    assert two_now is not None
    assert three_earlier is not None
    for half_lives_later in (0, 8, 1000):
        assert (two_now - half_lives_later > three_earlier - half_lives_later) == (two_now > three_earlier)


def test_nobody_is_no_rank() -> None:
    assert sum_ranks([]) is None
    assert add_rank(None, None) is None
    assert add_rank(None, 5.0) == add_rank(5.0, None) == 5.0


def test_the_window_bounds_ids_and_ranks() -> None:
    first_id = RULES.window_first_id(NOW_MS)
    assert first_id == first_id_at(NOW_MS - 48 * HOUR_MS)
    assert sum_ranks([RULES.rank_of_use(first_id)] * 2) == pytest.approx(RULES.lowest_rank(NOW_MS))
    assert TrendingRules().window_first_id(0) == 0


@pytest.mark.parametrize("text", ["birds", "#birds", "#Birds", "＃birds", " birds ", "ＢＩＲＤＳ", "BIRDS"])
def test_one_tag_has_many_names(text: str) -> None:
    found = read_tag(text)
    assert found is not None
    assert fold_tag(found.text) == "birds"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#",
        "##",
        "##a",
        "123",
        "a b",
        "a-b",
        "#a #b",
        "a#b",
        "a/b",
        "\x00",
        "a\x00",
        "\ud800",
        "a" * 3000,
        "🐦",
        "é!",
    ],
)
def test_what_no_tweet_can_carry_is_no_tag(text: str) -> None:
    assert read_tag(text) is None
