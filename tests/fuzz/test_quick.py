"""Each target of ``targets.py``, with the same few inputs at each run."""

import pytest
from hypothesis import given, settings

from tests.fuzz.targets import TARGETS, Target


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_whatever_is_sent(target: Target) -> None:
    settings(max_examples=60)(given(target.inputs)(target.check))()
