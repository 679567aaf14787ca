"""An id is minted once, in order, whatever the clock does and whoever held the worker number before."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.clock import ManualClock
from linnet.ids import (
    IDS_PER_MS,
    MAX_ID,
    WORKERS,
    IdSource,
    Lease,
    LeaseExhausted,
    first_id_at,
    mint_token,
    token_hash,
    token_owner,
    unix_ms_of,
)

NOW_MS = 1_795_000_000_000


def source_at(clock: ManualClock, *, worker: int = 5, from_ms: int = 0, until_ms: int = NOW_MS * 2) -> IdSource:
    return IdSource(clock, Lease(worker, from_ms, until_ms))


def test_an_id_says_when_and_by_which_worker() -> None:
    some_id = source_at(ManualClock(NOW_MS), worker=1023).mint()
    assert unix_ms_of(some_id) == NOW_MS
    assert some_id >> 6 & (WORKERS - 1) == 1023
    assert first_id_at(NOW_MS) <= some_id < first_id_at(NOW_MS + 1)
    assert 0 < some_id <= MAX_ID


def test_more_than_fit_in_one_millisecond_stay_different_and_in_order() -> None:
    source = source_at(ManualClock(NOW_MS))
    minted = [source.mint() for _ in range(10 * IDS_PER_MS)]
    assert minted == sorted(set(minted))
    assert unix_ms_of(minted[-1]) == NOW_MS + 9


def test_a_clock_that_goes_back_repeats_nothing() -> None:
    clock = ManualClock(NOW_MS)
    source = source_at(clock)
    before = source.mint()
    clock.advance(-3600)
    after = [source.mint() for _ in range(3 * IDS_PER_MS)]
    assert after == sorted(set(after))
    assert after[0] > before


def test_nothing_is_minted_below_or_beyond_the_lease() -> None:
    clock = ManualClock(NOW_MS)
    source = source_at(clock, from_ms=NOW_MS + 10, until_ms=NOW_MS + 12)
    minted = [source.mint() for _ in range(2 * IDS_PER_MS)]
    assert {unix_ms_of(some_id) for some_id in minted} == {NOW_MS + 10, NOW_MS + 11}
    with pytest.raises(LeaseExhausted):
        source.mint()
    # The refusal changed nothing: a renewal goes on where the lease ended.
    source.renew(Lease(5, NOW_MS + 10, NOW_MS + 13))
    assert unix_ms_of(source.mint()) == NOW_MS + 12


def test_another_worker_number_goes_on_above_what_was_minted() -> None:
    clock = ManualClock(NOW_MS)
    source = source_at(clock, worker=9)
    before = source.mint()
    source.renew(Lease(2, NOW_MS - 1000, NOW_MS + 1000))
    assert source.mint() > before


@given(
    steps=st.lists(st.tuples(st.integers(-5000, 5000), st.integers(1, 3 * IDS_PER_MS)), max_size=20),
)
def test_any_course_of_the_clock_gives_growing_ids(steps: list[tuple[int, int]]) -> None:
    clock = ManualClock(NOW_MS)
    source = source_at(clock)
    minted = []
    for leap_ms, count in steps:
        clock.current_ms += leap_ms
        minted += [source.mint() for _ in range(count)]
    assert all(earlier < later for earlier, later in pairwise(minted))


def test_tokens_name_their_owner_and_never_repeat() -> None:
    tokens = {mint_token(77) for _ in range(100)}
    assert len(tokens) == 100
    assert {token_owner(token) for token in tokens} == {77}
    assert len({token_hash(token) for token in tokens}) == 100


@pytest.mark.parametrize("text", ["", "x", "é" * 43, "!" * 43, "A" * 43, "A" * 42, "A" * 44, "_" * 43])
def test_what_cannot_be_a_token_has_no_owner(text: str) -> None:
    assert token_owner(text) is None
