"""Arrays arrive as they were given, and what cannot be one is refused in psycopg's words."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from linnet.stores.postgres.arrays import fast_arrays
from tests.support.servers import Servers

Echo = Callable[[list[Any], str], list[Any]]

_INTEGERS = st.integers(-(2**63), 2**63 - 1)
_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@pytest.fixture(scope="module")
def url(servers: Servers) -> Iterator[str]:
    with servers.fresh_database() as url:
        yield url


@pytest.fixture(scope="module")
def echo(url: str) -> Iterator[Echo]:
    with psycopg.connect(url, autocommit=True, context=fast_arrays()) as connection:

        def echo(values: list[Any], type_name: str) -> list[Any]:
            found = connection.execute(f"select %(values)s::{type_name}[]".encode(), {"values": values}).fetchone()
            assert found is not None
            return list(found[0])

        yield echo


@given(values=st.lists(_INTEGERS, max_size=40))
@example(values=[])
@example(values=[2**63 - 1, -(2**63), 0])
@settings(max_examples=60, deadline=None)
def test_integers_arrive_as_they_are(echo: Echo, values: list[int]) -> None:
    assert echo(values, "int8") == values


@given(values=st.lists(_TEXTS, max_size=20))
@example(values=["NULL", "null", "", " ", "{}", '"', "\\", '\\"', "a,b", "\n", "tab\t", "😀 é"])
@settings(max_examples=100, deadline=None)
def test_texts_arrive_as_they_are(echo: Echo, values: list[str]) -> None:
    assert echo(values, "text") == values


@pytest.mark.parametrize(
    ("values", "type_name"),
    [
        ([None, 1], "int8"),
        ([None, None], "int8"),
        (["NULL", None], "text"),
        ([True, False], "boolean"),
        ([1.5, -0.25], "float8"),
        ([b"\0\xff", b""], "bytea"),
        ([[1, 2], [3, 4]], "int8"),
        ([["a,", '"'], ["\\", ""]], "text"),
    ],
)
def test_other_lists_are_left_to_psycopg(echo: Echo, values: list[Any], type_name: str) -> None:
    assert echo(values, type_name) == values


@pytest.mark.parametrize("values", [["a", "b\0"], ["\ud800"], [1, "a"]])
def test_what_cannot_be_an_array_is_refused_as_psycopg_does(url: str, echo: Echo, values: list[Any]) -> None:
    with psycopg.connect(url, autocommit=True) as plain, pytest.raises((psycopg.Error, UnicodeError)) as theirs:
        plain.execute("select %(values)s::text[]", {"values": values})
    with pytest.raises(type(theirs.value)) as ours:
        echo(values, "text")
    assert str(ours.value) == str(theirs.value)
