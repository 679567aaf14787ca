"""Whatever is sent: the answer is problem JSON that says what is wrong, and never a failure of ours."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from linnet.ids import MAX_ID
from tests.http.app_world import Site, assert_problem, problem_fields

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"nonsense",
        b'{"text": "x"',
        b'{"text": "x"} trailing',
        b'{"text": "\\ud800"}',
        b'{"text": "\\udc00\\ud800"}',
        b'{"text": "\xff"}',
        b"\xff\xfe{\x00",
        b'{"text": "\xed\xa0\x80"}',
        b'{"text": "a\nb"}',
        b'{"text": NaN}',
        b'{"text": 1e999999}',
        b'{"text": ' + b"9" * 5000 + b"}",
        b'{"text": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"a":' * 10_000,
        b"\xef\xbb\xbf{}",
    ],
)
async def test_what_is_no_json_is_refused(busy_site: Site, body: bytes) -> None:
    ada = await busy_site.newcomer()
    answer = await busy_site.ask("POST", "/api/tweets", by=ada, content=body, headers=JSON)
    assert_problem(answer, 400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b'["text"]', b'"text"', b"5", b"null", b"true"])
async def test_json_that_is_no_object_is_refused(busy_site: Site, body: bytes) -> None:
    ada = await busy_site.newcomer()
    for path in ("/api/tweets", "/api/users", "/api/sessions", "/api/follow"):
        assert problem_fields(await busy_site.ask("POST", path, by=ada, content=body, headers=JSON)) == ["body"]


@pytest.mark.parametrize("path", ["/api/tweets", "/api/users", "/api/sessions", "/api/me/password"])
async def test_unknown_fields_are_named(busy_site: Site, path: str) -> None:
    ada = await busy_site.newcomer()
    body = {"text": "x", "login": "x", "name": "x", "old_password": "x", "colour": 1, "x" * 500: 2}
    fields = problem_fields(await busy_site.ask("POST", path, body, by=ada))
    assert "colour" in fields
    assert "x" * 64 in fields


async def test_of_equal_keys_the_last_one_counts(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    answer = await busy_site.ask("POST", "/api/tweets", by=ada, content=b'{"text":5,"text":"x"}', headers=JSON)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"]
)
async def test_another_content_type_is_refused(busy_site: Site, content_type: str | None) -> None:
    ada = await busy_site.newcomer()
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await busy_site.ask("POST", "/api/tweets", by=ada, content=b'{"text":"x"}', headers=headers)
    assert_problem(answer, 415, "not_json")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"]
)
async def test_a_content_type_may_have_parameters(busy_site: Site, content_type: str) -> None:
    ada = await busy_site.newcomer()
    headers = {"Content-Type": content_type}
    answer = await busy_site.ask("POST", "/api/tweets", by=ada, content=b'{"text":"x"}', headers=headers)
    assert answer.status_code == 201


async def test_a_body_over_64_kib_is_refused_with_and_without_an_announced_length(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    large = b'{"text":"' + b"x" * 65536 + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(large), 1000):
            yield large[at : at + 1000]

    for content in (large, chunks()):
        answer = await busy_site.ask("POST", "/api/tweets", by=ada, content=content, headers=JSON)
        assert_problem(answer, 413, "body_too_large")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", ["limit"]),
        ("limit=101", ["limit"]),
        ("limit=-1", ["limit"]),
        ("limit=", ["limit"]),
        ("limit", ["limit"]),
        ("limit=1.5", ["limit"]),
        ("limit=+1", ["limit"]),
        ("limit=%D9%A1", ["limit"]),
        ("limit=1_0", ["limit"]),
        ("limit=5&limit=6", ["limit"]),
        ("before=0", ["before"]),
        ("before=x&after=y&limit=z", ["limit", "before", "after"]),
        (f"before={MAX_ID + 1}", ["before"]),
        ("after=" + "9" * 3000, ["after"]),
        ("before=%00", ["before"]),
        ("before=%FF", ["query"]),
        ("befor=1", ["befor"]),
        ("=1", [""]),
        ("%F0%9F%90%A6=1", ["🐦"]),
        ("&".join(f"x{number}=1" for number in range(21)), ["query"]),
        ("limit=5&" + "x" * 5000 + "=1", ["x" * 64]),
    ],
)
@pytest.mark.parametrize("path", ["/api/tweets", "/api/timelines/home", "/api/users/top"])
async def test_a_query_that_makes_no_sense_is_named(busy_site: Site, path: str, query: str, fields: list[str]) -> None:
    ada = await busy_site.newcomer()
    assert problem_fields(await busy_site.ask("GET", f"{path}?{query}", by=ada)) == fields


@pytest.mark.parametrize(
    "query",
    ["limit=1", "limit=100", f"before={MAX_ID}", "after=1", "before=5&after=3", "after=5&before=3", "&&limit=5&"],
)
async def test_a_query_that_makes_sense_is_answered(busy_site: Site, query: str) -> None:
    ada = await busy_site.newcomer()
    for path in ("/api/tweets", "/api/timelines/home", "/api/users/top"):
        assert (await busy_site.ask("GET", f"{path}?{query}", by=ada)).status_code == 200


async def test_a_query_where_none_belongs_is_refused(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    assert problem_fields(await busy_site.ask("GET", "/api/me?fields=all", by=ada)) == ["fields"]
    assert problem_fields(await busy_site.ask("POST", "/api/tweets?text=x", {"text": "x"}, by=ada)) == ["text"]


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/nothing",
        "/api/v9/statuses",
        "/api/tweets/1/like/s",
        "/api/searches",
        "/api/%00",
        "/api/%ff",
        "/%2e%2e/etc/passwd",
        "/" + "x" * 5000,
        "/api/tweets/1/2/3",
    ],
)
async def test_an_unknown_address_is_not_found(busy_site: Site, path: str) -> None:
    assert_problem(await busy_site.ask("GET", path), 404, "not_found")


async def test_a_wrong_method_says_which_are_right(busy_site: Site) -> None:
    answer = await busy_site.ask("PATCH", "/api/tweets")
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert (await busy_site.ask("BREW", "/api/me")).status_code == 405
    assert (await busy_site.ask("OPTIONS", "/api/tweets")).headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_a_slash_at_the_end_changes_nothing(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    assert (await busy_site.ask("GET", "/api/tweets/")).status_code == 200
    assert (await busy_site.ask("POST", "/api/tweets/", {"text": "x"}, by=ada)).status_code == 201


async def test_a_head_request_gets_the_headers_of_a_get(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    await busy_site.post(ada)
    head, get = await busy_site.ask("HEAD", "/api/tweets"), await busy_site.ask("GET", "/api/tweets")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.content))


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "bearer x",
        "Basic YTpi",
        "Token x",
        "Bearer " + "A" * 43,
        "Bearer " + "x" * 5000,
        b"Bearer \xff\xfe",
        "Bearer \t",
    ],
)
async def test_a_bad_token_is_refused_also_where_none_is_needed(busy_site: Site, authorization: Any) -> None:
    for path in ("/api/me", "/api/tweets"):
        answer = await busy_site.ask("GET", path, headers={"Authorization": authorization})
        assert_problem(answer, 401, "invalid_token")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_scheme_of_a_token_is_read_in_any_case(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    answer = await busy_site.ask("GET", "/api/me", headers={"Authorization": f"bEARER {ada.token}"})
    assert answer.status_code == 200


async def test_two_tokens_are_none(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    headers = [("Authorization", f"Bearer {ada.token}"), ("Authorization", f"Bearer {ada.token}")]
    assert_problem(await busy_site.client.request("GET", "/api/me", headers=headers), 401, "invalid_token")


async def test_a_body_that_nobody_asked_for_is_not_read(busy_site: Site) -> None:
    ada, linus = await busy_site.newcomer(), await busy_site.newcomer()
    answer = await busy_site.ask("PUT", f"/api/users/{ada.id}/follow", by=linus, content=b"\xff" * 100_000)
    assert answer.status_code == 200
