"""What a client has, as the id of an event."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.ids import MAX_ID
from linnet.read.streams import Bookmark, bookmark_of, parse_bookmark

_IDS = st.lists(st.integers(1, MAX_ID), unique=True, max_size=20)


@given(_IDS)
def test_an_event_id_comes_back_as_what_it_was(ids: list[int]) -> None:
    assert parse_bookmark(str(bookmark_of(ids))) == bookmark_of(ids)


@given(_IDS)
def test_only_the_same_entries_have_the_same_bookmark(ids: list[int]) -> None:
    assert bookmark_of(reversed(ids)) == bookmark_of(ids)
    for left_out in ids:
        assert bookmark_of(some_id for some_id in ids if some_id != left_out) != bookmark_of(ids)


def test_an_id_alone_says_only_what_is_newer() -> None:
    assert parse_bookmark("117653571599663168") == Bookmark(117653571599663168)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "1.2",
        "1.2.0123456789abcdef",
        "2.1.0123456789ABCDEF",
        "2.1.0123",
        "01",
        "١",
        "9223372036854775808",
    ],
)
def test_what_no_event_has_as_its_id_is_none(text: str) -> None:
    assert parse_bookmark(text) is None
