"""The files that are said to take longest are there: one that has another name now would begin last."""

from pathlib import Path

import pytest

from tests.support.order import LONGEST_FIRST

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", LONGEST_FIRST)
def test_a_file_that_begins_first_is_there(name: str) -> None:
    assert (ROOT / name).is_file()
