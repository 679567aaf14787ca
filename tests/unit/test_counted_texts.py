"""How long texts are, by a table that the page's counter is held to as well (``tests/web/test_scripts_counter.py``)."""

from pathlib import Path

import msgspec
import pytest

from linnet.domain.text import TextRules, count_chars, find_entities, normalise


class Counted(msgspec.Struct, frozen=True):
    """``why`` says what the case is about."""

    why: str
    text: str
    chars: int


COUNTED = msgspec.json.decode(Path(__file__).with_name("counted_texts.json").read_bytes(), type=list[Counted])


@pytest.mark.parametrize("counted", COUNTED, ids=lambda counted: counted.why)
def test_a_text_is_as_long_as_the_table_says(counted: Counted) -> None:
    rules, text = TextRules(), normalise(counted.text)
    assert count_chars(text, find_entities(text, rules).links, rules) == counted.chars
