"""Whatever any endpoint is sent: the answer is one that the documentation names, and says what is wrong.

What is asked here is made from the endpoints themselves, so one that is added is asked too.
"""

import re
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from linnet.api.app import ENDPOINTS
from linnet.api.endpoints import Endpoint
from linnet.api.openapi import field_error_of, problems_of
from linnet.api.params import CURSOR, Query
from linnet.api.problems import status_of
from linnet.ids import MAX_ID
from tests.http.app_world import Person, Site, assert_problem, problem_fields

JSON = {"Content-Type": "application/json"}
BY_ID = [endpoint for endpoint in ENDPOINTS if "_id}" in endpoint.path]
BY_NAME = [endpoint for endpoint in ENDPOINTS if "{" in endpoint.path and endpoint not in BY_ID]
WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.body is not None]
WITHOUT_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.body is None and not endpoint.takes_picture]
FOR_USERS = [endpoint for endpoint in ENDPOINTS if endpoint.access == "user"]

NO_IDS = ["x", "0", "-1", "1.5", "+1", "01", "1e3", "null", " 1", "٣", str(MAX_ID + 1), "9" * 3000, "\0", "1\0", "🐦"]
NO_NAMES = ["\0", " ", "..%2f", "@", "🐦", "x" * 5000, "-1", "{}", "'; --", "null"]
NOT_FOUND = {
    f"{what}_not_found" for what in ("user", "tweet", "session", "attachment", "list", "filter", "conversation")
}
OF_NO_FIELD: list[Any] = [5, -1.5, 2**70, [], {}, [["x"]], {"x": 1}]
OF_SOME_FIELDS: list[Any] = [True, None, "", "\0", "x" * 60_000, "🐦" * 200, "0", "9" * 30]


def endpoints(*several: Endpoint) -> pytest.MarkDecorator:
    """By their tags: a site for each of them would take longer than asking it."""
    tags = list(dict.fromkeys(endpoint.tag for endpoint in several))
    groups = [[endpoint for endpoint in several if endpoint.tag == tag] for tag in tags]
    return pytest.mark.parametrize("group", groups, ids=tags)


def path_of(endpoint: Endpoint, value: str | None = None, query: str = "") -> str:
    """The address with one value in all its places, and what it cannot do without."""
    path = endpoint.path
    if value is None:
        # No tag is a number.
        value = "x" if "{tag}" in path else "1"
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + quote(value, safe="") + rest.partition("}")[2]
    needed = "q=x" if endpoint.operation_id == "search" and "q=" not in query else ""
    joined = "&".join(part for part in (needed, query) if part)
    return f"{path}?{joined}" if joined else path


async def ask(site: Site, endpoint: Endpoint, path: str, by: Person | None, **more: Any) -> httpx.Response:
    """Asks, with a body that is right where there has to be one, and sees that the answer is one of those named."""
    if endpoint.body is not None and not more:
        more["json"] = msgspec.to_builtins(endpoint.body_example)
    answer = await site.ask(endpoint.method, path, by=by, **more)
    documented = {endpoint.success.status, *(status_of(problem) for problem in problems_of(endpoint))}
    documented |= set() if endpoint.failure is None else {endpoint.failure.status}
    assert answer.status_code in documented, f"{endpoint.operation_id}: {answer.text}"
    assert answer.status_code < 500 or endpoint.failure is not None, f"{endpoint.operation_id}: {answer.text}"
    if answer.status_code >= 400 and endpoint.failure is None:
        assert_problem(answer, answer.status_code, answer.json()["code"])
        assert "\0" not in answer.text
        assert len(answer.content) < 5000, "what was sent does not come back"
    return answer


@endpoints(*BY_ID)
async def test_an_id_that_is_none_names_nothing(busy_site: Site, group: list[Endpoint]) -> None:
    for endpoint in group:
        ada = await busy_site.newcomer()
        for value in NO_IDS:
            answer = await ask(busy_site, endpoint, path_of(endpoint, value), ada)
            if endpoint.operation_id == "followed_timeline":
                # Nobody's but one's own.
                assert_problem(answer, 403, "forbidden")
                continue
            assert answer.status_code == 404, value
            assert answer.json()["code"] in NOT_FOUND, value


@endpoints(*BY_ID)
async def test_an_id_of_nothing_is_not_found(busy_site: Site, group: list[Endpoint]) -> None:
    for endpoint in group:
        ada = await busy_site.newcomer()
        for value in ("1", str(MAX_ID), ada.id if "{tweet_id}" in endpoint.path else str(int(ada.id) + 1)):
            answer = await ask(busy_site, endpoint, path_of(endpoint, value), ada)
            # Taking back what never was is quiet; nobody but oneself has a home timeline.
            quiet = (200, 204) if endpoint.method == "DELETE" else ()
            assert answer.status_code in (404, *quiet) or endpoint.operation_id == "followed_timeline", value


@endpoints(*BY_NAME)
async def test_a_name_of_nothing_is_not_found_or_has_nothing(busy_site: Site, group: list[Endpoint]) -> None:
    for endpoint in group:
        ada = await busy_site.newcomer()
        for value in NO_NAMES:
            answer = await ask(busy_site, endpoint, path_of(endpoint, value), ada)
            if answer.status_code == 200 and endpoint.method == "GET":
                assert answer.json()["items"] == [], value
            else:
                # What can be a name may be put somewhere, and taken away.
                done = () if endpoint.method == "GET" else (200, 204)
                assert answer.status_code in (404, 422, *done), value
        # Bytes that are no text.
        answer = await ask(busy_site, endpoint, path_of(endpoint, "1").replace("/1", "/%ff"), ada)
        assert answer.status_code in (200, 204, 404, 422)


@endpoints(*WITH_BODY)
async def test_a_body_that_is_no_object_is_refused(busy_site: Site, group: list[Endpoint]) -> None:
    for endpoint in group:
        ada = await busy_site.newcomer()
        path = path_of(endpoint)
        for content in (b"", b"  ", b"{", b"{]", b"\xff", b'{"a":NaN}', b'{"a":"\\ud800"}', b"[" * 50_000):
            answer = await ask(busy_site, endpoint, path, ada, content=content, headers=JSON)
            assert_problem(answer, 400, "malformed_json")
        for content in (b"[]", b"5", b"null", b'"text"', b"true"):
            assert problem_fields(await ask(busy_site, endpoint, path, ada, content=content, headers=JSON)) == ["body"]
        large = b'{"a":"' + b"x" * 70_000 + b'"}'
        assert_problem(await ask(busy_site, endpoint, path, ada, content=large, headers=JSON), 413, "body_too_large")
        for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "multipart/form-data; boundary=x"}):
            assert_problem(await ask(busy_site, endpoint, path, ada, content=b"{}", headers=headers), 415, "not_json")


@endpoints(*WITH_BODY)
async def test_unknown_missing_and_wrong_fields_are_named(busy_site: Site, group: list[Endpoint]) -> None:
    for endpoint in group:
        ada = await busy_site.newcomer()
        path = path_of(endpoint)
        right = msgspec.to_builtins(endpoint.body_example)
        answer = await ask(busy_site, endpoint, path, ada, json=right | {"colour": 1, "": 2, "x" * 500: 3})
        assert {"colour", "", "x" * 64} <= set(problem_fields(answer))
        answer = await ask(busy_site, endpoint, path, ada, json={f"x{number}": number for number in range(5000)})
        assert len(problem_fields(answer)) <= 25
        assert endpoint.body is not None
        for field in msgspec.structs.fields(endpoint.body):
            if field.required:
                missing = {name: value for name, value in right.items() if name != field.name}
                answer = await ask(busy_site, endpoint, path, ada, json=missing)
                # A password that is not given is a wrong one.
                if answer.status_code not in (401, 403):
                    assert field.name in problem_fields(answer)
            for value in [value for value in OF_NO_FIELD if not fits(value, field.type)]:
                answer = await ask(busy_site, endpoint, path, ada, json=right | {field.name: value})
                assert field.name in problem_fields(answer), value
            content = msgspec.json.encode(right | {field.name: 0}).replace(b":0", b":1" + b"0" * 400)
            answer = await ask(busy_site, endpoint, path, ada, content=content, headers=JSON)
            assert answer.status_code in (400, 422)
            for value in OF_SOME_FIELDS:
                await ask(busy_site, endpoint, path, ada, json=right | {field.name: value})


def fits(value: Any, wanted: Any) -> bool:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return False
    return True


@endpoints(*WITHOUT_BODY)
async def test_a_body_that_nobody_asked_for_is_not_read(busy_site: Site, group: list[Endpoint]) -> None:
    for endpoint in group:
        ada = await busy_site.newcomer()
        for content in (b"{", b"\xff" * 100_000):
            answer = await ask(busy_site, endpoint, path_of(endpoint), ada, content=content, headers=JSON)
            assert answer.status_code not in (400, 413, 415, 422)


@endpoints(*ENDPOINTS)
async def test_an_unknown_or_repeated_parameter_is_named(busy_site: Site, group: list[Endpoint]) -> None:
    for endpoint in group:
        ada = await busy_site.newcomer()
        value = ada.id
        assert problem_fields(await ask(busy_site, endpoint, path_of(endpoint, value, "colour=red"), ada)) == ["colour"]
        answer = await ask(busy_site, endpoint, path_of(endpoint, value, "&".join(["x=1"] * 30)), ada)
        assert problem_fields(answer) == ["query"]
        for parameter in endpoint.query:
            twice = f"{parameter.name}=1&{parameter.name}=1"
            answer = await ask(busy_site, endpoint, path_of(endpoint, value, twice), ada)
            assert problem_fields(answer) == [parameter.name]


@endpoints(*[endpoint for endpoint in ENDPOINTS if endpoint.query])
async def test_a_parameter_that_makes_no_sense_is_named(busy_site: Site, group: list[Endpoint]) -> None:
    for endpoint in group:
        ada = await busy_site.newcomer()
        value = ada.id
        for parameter in endpoint.query:
            for wrong in _wrong_values(parameter):
                query = f"{parameter.name}={quote(wrong, safe='')}"
                answer = await ask(busy_site, endpoint, path_of(endpoint, value, query), ada)
                if answer.status_code != 404:
                    assert answer.status_code == 422, query[:50]
                    assert problem_fields(answer) == [parameter.name], query
            answer = await ask(busy_site, endpoint, path_of(endpoint, value, f"{parameter.name}=%FF"), ada)
            assert answer.status_code in (404, 422)


def _wrong_values(parameter: Query) -> list[str]:
    """Those that the documented schema does not allow."""
    schema: Any = parameter.schema
    if schema["type"] == "integer":
        return ["", "x", "1.5", "+1", "1_0", "٣", str(schema["minimum"] - 1), str(schema["maximum"] + 1), "9" * 3000]
    if "enum" in schema:
        return ["", "nothing", schema["enum"][0].upper(), "\0"]
    if schema == CURSOR:
        return [value for value in NO_IDS if value]
    return [value for value in ("", " ", "x" * 3000) if not re.search(schema.get("pattern", "^$"), value)]


@endpoints(*FOR_USERS)
async def test_nobody_does_anything_without_saying_who_they_are(busy_site: Site, group: list[Endpoint]) -> None:
    for endpoint in group:
        assert_problem(await ask(busy_site, endpoint, path_of(endpoint), None), 401, "not_logged_in")
        nonsense = {"Authorization": "Bearer nonsense"}
        answer = await busy_site.ask(endpoint.method, path_of(endpoint), headers=nonsense)
        assert_problem(answer, 401, "invalid_token")


@endpoints(*ENDPOINTS)
async def test_the_mistake_that_the_documentation_shows_can_be_made(busy_site: Site, group: list[Endpoint]) -> None:
    for endpoint in group:
        ada = await busy_site.newcomer()
        shown = field_error_of(endpoint)
        path, more = path_of(endpoint, ada.id), {}
        if shown.field != "colour":
            path = path_of(endpoint, ada.id, f"{shown.field}=1000000000000")
        elif endpoint.body is not None:
            more = {"json": msgspec.to_builtins(endpoint.body_example) | {"colour": "red"}}
        else:
            path = path_of(endpoint, ada.id, "colour=red")
        answer = await ask(busy_site, endpoint, path, ada, **more)
        assert answer.status_code == 422, endpoint.operation_id
        assert answer.json()["errors"] == [msgspec.to_builtins(shown)]


class Others:
    """Somebody else's things, and somebody who tries."""

    def __init__(self, site: Site, tweet: dict[str, Any], owner: Person, by: Person) -> None:
        self.site, self.tweet, self.owner, self.by = site, tweet["id"], owner, by

    async def try_to(self, method: str, path: str, body: Any = None) -> httpx.Response:
        path = path.format(tweet=self.tweet, owner=self.owner.id, me=self.by.id)
        return await self.site.ask(method, f"/api{path}", body, by=self.by)


@pytest.fixture
async def others(busy_site: Site) -> Others:
    owner, by = await busy_site.newcomer(), await busy_site.newcomer()
    return Others(busy_site, await busy_site.post(owner), owner, by)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("DELETE", "/tweets/{tweet}", None, 403, "forbidden"),
        ("PUT", "/tweets/{tweet}/pin", None, 404, "tweet_not_found"),
        ("DELETE", "/tweets/{tweet}/pin", None, 404, "tweet_not_found"),
        ("GET", "/tweets/followed/{owner}", None, 403, "forbidden"),
        ("PUT", "/users/{me}/follow", None, 422, "cannot_follow_yourself"),
        ("PUT", "/users/{me}/block", None, 422, "cannot_block_yourself"),
        ("PUT", "/users/{me}/mute", None, 422, "cannot_mute_yourself"),
        ("DELETE", "/users/{me}/block", None, 422, "cannot_block_yourself"),
        ("PUT", "/users/{tweet}/block", None, 404, "user_not_found"),
        ("PUT", "/users/{tweet}/mute", None, 404, "user_not_found"),
        ("PUT", "/tweets/{owner}/like", None, 404, "tweet_not_found"),
        ("POST", "/follow", {"user_id": "1", "follow": True}, 404, "user_not_found"),
        ("POST", "/like", {"tweet_id": "1", "like": True}, 404, "tweet_not_found"),
        ("POST", "/answer", {"tweet_id": "1", "text": "x"}, 404, "tweet_not_found"),
    ],
)
async def test_of_other_people_one_changes_nothing(
    others: Others, method: str, path: str, body: Any, status: int, code: str
) -> None:
    assert_problem(await others.try_to(method, path, body), status, code)
    left = await others.site.ask("GET", f"/api/tweets/{others.tweet}", by=others.owner)
    assert (left.status_code, left.json()["pinned"]) == (200, False)


async def test_other_peoples_sessions_and_notifications_are_not_ones_own(others: Others) -> None:
    site, owner = others.site, others.owner
    [session] = (await site.ask("GET", "/api/sessions", by=owner)).json()["items"]
    assert_problem(await others.try_to("DELETE", f"/sessions/{session['id']}"), 404, "session_not_found")
    await others.try_to("PUT", "/users/{owner}/follow")
    await site.settle()
    [told] = (await site.ask("GET", "/api/notifications", by=owner)).json()["items"]
    assert (await others.try_to("POST", "/notifications/read", {"up_to": told["id"]})).json() == {"unread_count": 0}
    assert (await site.ask("GET", "/api/notifications/unread", by=owner)).json() == {"unread_count": 1}


@pytest.mark.parametrize("verb", ["like", "retweet", "pin"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_with_a_tweet_that_is_gone_one_does_nothing_any_more(others: Others, verb: str, method: str) -> None:
    await others.site.ask("DELETE", f"/api/tweets/{others.tweet}", by=others.owner)
    assert_problem(await others.try_to(method, f"/tweets/{{tweet}}/{verb}"), 404, "tweet_not_found")
    for part in ("likes", "retweets", "thread"):
        assert_problem(await others.try_to("GET", f"/tweets/{{tweet}}/{part}"), 404, "tweet_not_found")
