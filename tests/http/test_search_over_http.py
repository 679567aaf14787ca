"""Searching, as clients do it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linnet.clock import ManualClock
from linnet.domain.searching import check_query, parse_search, tsquery_of
from linnet.errors import Invalid
from linnet.ids import Lease
from tests.http.app_world import Person, Site, open_site, problem_fields
from tests.support.servers import Servers

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


NOON = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp() * 1000)
NINE = [("c", 8), ("d", 7), ("e", 6), ("f", 5), ("g", 4), ("h", 3), ("i", 2), ("j", 1)]


async def search(site: Site, *, by: Person | None = None, **query: str | int) -> dict[str, Any]:
    answer = await site.ask("GET", "/api/search", by=by, params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def texts(page: dict[str, Any]) -> list[str]:
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


async def test_words_phrases_people_days_and_links_narrow_a_search_down(servers: Servers, database_url: str) -> None:
    clock = ManualClock(NOON)
    async with open_site(database_url, servers.valkey_url, clock=clock) as site:
        site.world.write.ids.renew(Lease(0, 0, 2 * NOON))
        ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
        first = await site.post(ada, "Finches at the window")
        clock.advance(86_400)
        await site.post(linus, "The window, at finches: https://example.com", reply_to=first["id"])
        clock.advance(86_400)
        await site.post(ada, "No finch today. #sad @linus")
        await site.settle()
        by_day = {
            31: "Finches at the window",
            1: "The window, at finches: https://example.com",
            2: "No finch today. #sad @linus",
        }
        cases = {
            "finch": [2, 1, 31],
            "FINCHES": [2, 1, 31],
            '"at the window"': [31],
            '"at finches"': [1],
            "finch -window": [2],
            "finch from:ada": [2, 31],
            "finch from:@Linus": [1],
            "finch since:2026-02-01": [2, 1],
            "finch until:2026-02-01": [31],
            "since:2026-02-01 until:2026-02-02": [1],
            "finch has:link": [1],
            "finch -has:link": [2, 31],
            "to:ada": [1],
            "finch is:reply": [1],
            "@linus": [2],
            "#SAD": [2],
            "from:nobody finch": [],
        }
        for query, days in cases.items():
            assert texts(await search(site, q=query)) == [by_day[day] for day in days], query


async def test_who_is_kept_away_and_what_is_gone_is_not_found(site: Site) -> None:
    ada, linus, mona, eva = [await site.sign_up(name, f"{name} Smith") for name in ("ada", "linus", "mona", "eva")]
    for person in (linus, mona, eva):
        await site.post(person, f"a finch by {person.username}")
    deleted = await site.post(eva, "another finch")
    await site.settle()
    assert len((await search(site, by=ada, q="finch"))["items"]) == 4
    await site.ask("PUT", f"/api/users/{linus.id}/mute", by=ada)
    await site.ask("PUT", f"/api/users/{ada.id}/block", by=mona)
    await site.ask("DELETE", f"/api/tweets/{deleted['id']}", by=eva)
    site.world.forget()
    assert texts(await search(site, by=ada, q="finch")) == ["a finch by eva"]
    assert (await search(site, by=ada, q="from:linus"))["items"] == []
    people = (await search(site, by=ada, q="smith", type="users"))["items"]
    assert {person["username"] for person in people} == {"ada", "eva"}
    assert len((await search(site, q="smith", type="users"))["items"]) == 4
    # Somebody else finds all but what is gone.
    assert len((await search(site, by=eva, q="finch"))["items"]) == 3


async def test_people_are_found_with_typing_errors_and_by_beginnings(site: Site) -> None:
    await site.sign_up("jsmith", "Jonathan Smith-Jones")
    await site.sign_up("zoe", "Zoë Łukasiewicz")
    for typed, username in {
        "jon": "jsmith",
        "@JSM": "jsmith",
        "smith jonathan": "jsmith",
        "johnathan smiht": "jsmith",
        "zoe": "zoe",
        "lukas": "zoe",
        "Lukasievicz": "zoe",
    }.items():
        [found] = (await search(site, q=typed, type="users"))["items"]
        assert found["username"] == username, typed
    assert (await search(site, q="somebody else", type="users"))["items"] == []


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


def tags(page: dict[str, Any]) -> list[tuple[str, int]]:
    return [(item["tag"], item["tweets_count"]) for item in page["items"]]


async def test_tags_are_found_by_their_beginnings(site: Site) -> None:
    ada, linus = await site.sign_up("ada"), await site.sign_up("linus")
    for text in ("#Birds and #birdsong", "#birds #BirdWatching", "#birds #birdsong", "#Bird", "#cats", "#NewYork"):
        gone = await site.post(ada, text)
    await site.post(linus, "#birdsong #Straße")
    await site.settle()
    assert (await site.ask("DELETE", f"/api/tweets/{gone['id']}", by=ada)).status_code == 204
    await site.settle()
    # The one that is all of it comes first, then the most used.
    found = tags(await search(site, q="bird", type="tags"))
    assert found[0] == ("Bird", 1)
    assert sorted(found[1:3]) == [("Birds", 3), ("birdsong", 3)]
    assert found[3:] == [("BirdWatching", 1)]
    for typed in ("BIRDW", "#birdw", "＃ｂｉｒｄｗ", " #Bird W"):
        assert tags(await search(site, q=typed, type="tags")) == [("BirdWatching", 1)]
    assert tags(await search(site, q="STRASSE", type="tags")) == [("Straße", 1)]
    for typed in ("newyork", "irds", "bird%", "_", "b?", "#", "birdsongs"):
        assert tags(await search(site, q=typed, type="tags")) == []
    [item] = (await search(site, q="cat", type="tags"))["items"]
    assert item == {"tag": "cats", "name": "cats", "tweets_count": 1, "people_count": 1, "pinned": False}


async def test_pages_of_tags_join(site: Site) -> None:
    ada = await site.sign_up("ada")
    for number in range(9):
        await site.post(ada, " ".join(f"#bird{letter}" for letter in "abcdefghij"[: number + 2]))
    await site.settle()
    whole = await search(site, q="bird", type="tags", limit=100)
    assert sorted(tags(whole)) == [("birda", 9), ("birdb", 9), *((f"bird{letter}", n) for letter, n in NINE)]
    assert (whole["next"], [count for _, count in tags(whole)]) == (None, sorted(dict(tags(whole)).values())[::-1])
    found: list[tuple[str, int]] = []
    pages = [await search(site, q="bird", type="tags", limit=4)]
    while pages[-1]["next"] is not None:
        pages.append(await search(site, q="bird", type="tags", limit=4, before=pages[-1]["next"]))
    for page in pages:
        found += tags(page)
    assert (found, len(pages)) == (tags(whole), 3)
    back = await search(site, q="bird", type="tags", limit=4, after=pages[2]["prev"])
    assert back["items"] == pages[1]["items"]
    assert (await search(site, q="bird", type="tags", limit=9, after=back["prev"]))["items"] == pages[0]["items"]
    first = await search(site, q="bird", type="tags", after=pages[0]["prev"])
    assert (first["items"], first["next"], first["prev"]) == ([], pages[0]["prev"], None)


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
        ({"q": "", "type": "tags"}, "q"),
        ({"q": "a\x00b", "type": "tags"}, "q"),
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
    for kind in ("tweets", "users", "tags"):
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
