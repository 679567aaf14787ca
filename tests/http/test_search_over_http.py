"""Searching, as clients do it."""

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linnet.domain.searching import check_query, parse_search, tsquery_of
from linnet.errors import Invalid
from tests.http.app_world import Person, Site, problem_fields

ODD = [
    *(
        "'",
        "\\",
        "a:*",
        "!(a)",
        "a <-> b",
        "a & | b",
        "((((",
        '"',
        '""',
        "from:",
        "to:@",
        "#",
        "@",
        "-",
        "- -",
        "%",
        "_",
        "🚀",
    ),
    *("since:9999-12-31 x", "x until:0001-01-01", "́", "ｱ", "\u200b\u200b", "x" * 300, "字" * 300, "a " * 150),
]


async def search(site: Site, *, by: Person | None = None, **query: str | int) -> dict[str, Any]:
    answer = await site.ask("GET", "/api/search", by=by, params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def texts(page: dict[str, Any]) -> Sequence[str]:
    return [item["text"] for item in page["items"]]


async def test_tweets_are_found_with_what_the_viewer_did(site: Site) -> None:
    ada = await site.sign_up("ada")
    linus = await site.sign_up("linus")
    tweet = await site.post(ada, "Finches at the window")
    await site.settle()
    await site.ask("PUT", f"/api/tweets/{tweet['id']}/retweet", by=linus)
    await site.settle()
    [found] = (await search(site, by=linus, q="finch"))["items"]
    assert (found["id"], found["viewer"]["retweeted"]) == (tweet["id"], True)
    [found] = (await search(site, q="finch"))["items"]
    assert found["viewer"] is None


async def test_pages_of_tweets_join(site: Site) -> None:
    ada = await site.sign_up("ada")
    for number in range(5):
        await site.post(ada, f"finch {number}")
    await site.settle()
    first = await search(site, q="finch", limit=2)
    second = await search(site, q="finch", limit=2, before=first["next"])
    last = await search(site, q="finch", limit=2, before=second["next"])
    assert texts(first) + texts(second) + texts(last) == [f"finch {number}" for number in range(4, -1, -1)]
    assert last["next"] is None
    newer = await search(site, q="finch", limit=2, after=second["prev"])
    assert newer["items"] == first["items"]


async def test_a_new_name_is_found_at_once(site: Site) -> None:
    ada = await site.sign_up("ada", "Ada Finch")
    await site.sign_up("adam")
    page = await search(site, q="ada", type="users", limit=1)
    assert [user["username"] for user in page["items"]] == ["ada"]
    page = await search(site, q="ada", type="users", before=page["next"])
    assert [user["username"] for user in page["items"]] == ["adam"]
    assert page["next"] is None
    answer = await site.ask("PATCH", "/api/me", {"name": "Countess Lovelace"}, by=ada)
    assert answer.status_code == 200, answer.text
    assert [user["name"] for user in (await search(site, q="lovel", type="users"))["items"]] == ["Countess Lovelace"]
    assert (await search(site, q="finch", type="users"))["items"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": " \u3000"}, "q"),
        ({"q": "", "type": "users"}, "q"),
        ({"q": "x" * 301}, "q"),
        ({"q": "a\x00b"}, "q"),
        ({"q": "-x"}, "q"),
        ({"q": "has:link"}, "q"),
        ({"q": "x", "type": "birds"}, "type"),
        ({"q": "x", "limit": "0"}, "limit"),
        ({"q": "x", "limit": "101"}, "limit"),
        ({"q": "x", "before": "x"}, "before"),
        ({"q": "x", "page": "2"}, "page"),
    ],
)
async def test_a_query_that_cannot_be_is_refused(busy_site: Site, query: dict[str, str], field: str) -> None:
    answer = await busy_site.ask("GET", "/api/search", params=query)
    assert problem_fields(answer) == [field]


@pytest.mark.parametrize("query", ODD)
async def test_odd_queries_are_answered(busy_site: Site, query: str) -> None:
    for kind in ("tweets", "users"):
        page = await search(busy_site, q=query, type=kind)
        assert page["next"] is None or page["items"]
    assert msgspec.json.encode(page)


def test_every_query_that_is_built_is_one_for_postgresql(busy_database_url: str) -> None:
    with psycopg.connect(busy_database_url, autocommit=True) as connection:

        @settings(max_examples=200, suppress_health_check=list(HealthCheck))
        @given(st.text(max_size=60) | st.text("-\"'\\:&|!()<>*#@ax:from since:2026-01-31東🚀", max_size=40))
        def run(typed: str) -> None:
            try:
                parsed = parse_search(check_query(typed))
            except Invalid:
                return
            query = tsquery_of(parsed, user_ids={"a": 1}, stems={}, slices=("0/a", "0/b"))
            connection.execute("select 'x'::tsvector @@ %s::tsquery", [query or ""])

        run()
