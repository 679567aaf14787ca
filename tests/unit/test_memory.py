"""What a process remembers: for how long, what is asked of it at once, and what it must not say."""

import pytest

from linnet.clock import ManualClock
from linnet.read.hydration.memory import Memory


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0)


@pytest.fixture
def memory(clock: ManualClock) -> Memory[int, str]:
    memory = Memory[int, str](clock, seconds=1.0, size=4)
    memory.put({1: "one", 2: "two", 3: "three"})
    return memory


def test_what_is_remembered_is_picked_in_the_order_of_the_keys(memory: Memory[int, str]) -> None:
    assert memory.pick([3, 1, 1, 2]) == ["three", "one", "one", "two"]


@pytest.mark.parametrize("keys", [[4], [1, 4], [4, 1], [1, 2, 3, 4]])
def test_nothing_is_picked_unless_all_of_it_is_remembered(memory: Memory[int, str], keys: list[int]) -> None:
    assert memory.pick(keys) is None


@pytest.mark.parametrize("keys", [[4], [1, 4], [4, 1]])
def test_what_is_known_not_to_be_there_is_not_picked_but_found(memory: Memory[int, str], keys: list[int]) -> None:
    memory.put({4: None})
    assert memory.pick(keys) is None
    found, missing = memory.get_many(keys)
    assert found[4] is None
    assert missing == []


def test_one_value_that_is_too_old_keeps_all_from_being_picked(memory: Memory[int, str], clock: ManualClock) -> None:
    clock.advance(0.5)
    memory.put({2: "two again"})
    clock.advance(0.5)
    assert memory.pick([2]) == ["two again"]
    assert memory.pick([2, 1]) is None
    assert memory.pick([1, 2]) is None
    assert memory.get_many([1, 2]) == ({2: "two again"}, [1])
    clock.advance(0.5)
    assert memory.pick([2]) is None


def test_what_is_forgotten_is_not_picked(memory: Memory[int, str]) -> None:
    memory.forget([2])
    assert memory.pick([1, 3]) == ["one", "three"]
    assert memory.pick([1, 2]) is None
    memory.forget_all()
    assert memory.pick([1]) is None


def test_what_is_used_is_picked_again_when_the_rest_has_gone(memory: Memory[int, str]) -> None:
    memory.put(dict.fromkeys(range(10, 13), "more"))
    # A full generation is the old one now, in which nothing is picked before it was asked for.
    assert memory.pick([1]) is None
    assert memory.get_many([1]) == ({1: "one"}, [])
    assert memory.pick([1]) == ["one"]
