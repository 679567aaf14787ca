"""Every route of the Mastodon API is called, by who may and who may not; and the page about it says what there is."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from linnet.api.mastodon.endpoints import Route
from linnet.api.mastodon.routes import ROUTES
from linnet.domain.scopes import SCOPES, covers
from linnet.ids import SessionId, UserId, token_owner
from linnet.stores.postgres import instance, sessions
from linnet.write.actions.apps import NewApp, grant_own_token, register_app
from linnet.write.actions.grants import AccessRequest, grant, redeem
from tests.http.app_world import Person, Site
from tests.http.mastodon_calls import Place, address_of, body_of, headers_of, name_of, not_yet, set_place
from tests.http.mastodon_published import answer_faults, published, without_names

PAGE = Path(__file__).parents[2] / "docs/mastodon-api.md"
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
# As they are published: the one changes nothing, and the other only whom oneself is shown.
READERS_MAY = ("POST /api/v1/statuses/{id}/translate", "DELETE /api/v1/suggestions/{account_id}")
OUTSIDE = {"error": "This action is outside the authorized scopes"}


async def call(site: Site, route: Route, place: Place, address: str, token: str | None) -> Any:
    headers = headers_of(route)
    if token is not None:
        headers = {**headers, "Authorization": f"Bearer {token}"}
    return await site.client.request(route.method, address, headers=headers, content=body_of(route, place))


async def let_in(site: Site, person: Person, scopes: Sequence[str]) -> str:
    """The token of an app that may do so much, without the way through pages."""
    write, user_id = site.world.write, UserId(int(person.id))
    [log_in, *_] = await sessions.fetch_by_user(write.db, user_id, unused_since_ms=0, page_size=100)
    registered = await register_app(write, NewApp("An app", [OUT_OF_BAND], " ".join(scopes)))
    wish = AccessRequest("code", OUT_OF_BAND, " ".join(scopes))
    code = await grant(write, user_id, SessionId(log_in.id), registered.app, wish)
    return (await redeem(write, registered.app, code=code, redirect_uri=OUT_OF_BAND, verifier="")).token


async def test_a_scope_opens_what_needs_it_and_nothing_else(busy_site: Site) -> None:
    """Each route × a token with just its scope, with all others, of an app itself, of a log-in, and none."""
    place = await set_place(busy_site)
    registered = await register_app(busy_site.world.write, NewApp("An app", [OUT_OF_BAND], "read write follow push"))
    of_app = await grant_own_token(busy_site.world.write, registered.app, registered.secret, wanted="")
    tokens: dict[tuple[str, ...], str] = {}

    async def with_scopes(scopes: Sequence[str]) -> str:
        if tuple(scopes) not in tokens:
            tokens[tuple(scopes)] = await let_in(busy_site, place.ada, scopes)
        return tokens[tuple(scopes)]

    wrong: list[str] = []

    async def expect_of(
        route: Route, fresh: Place, address: str, who: str, token: str | None, *statuses: int, body: Any = None
    ) -> None:
        answer = await call(busy_site, route, fresh, address, token)
        if answer.status_code not in statuses or (body is not None and answer.json() != body):
            wrong.append(f"{name_of(route)} by {who}: {answer.status_code} {answer.text[:100]}")

    for route in ROUTES:
        if route.access == "everyone":
            continue
        # What goes, or went with a block, must be there once more for whoever may.
        passes = route.method == "DELETE" or "/notifications/{" in route.path or "/follow_requests/{" in route.path
        # Of somebody whom the app's own person does not follow.
        follows = route.path.endswith(("/endorse", "/accounts/{id}/pin"))
        passes = passes or follows
        fresh = await set_place(busy_site) if passes else place
        expect = partial(expect_of, route, fresh, address_of(route, fresh))
        anonymous = (200, 404) if route.access == "viewer" else (401,)
        await expect("nobody", None, *anonymous)
        await expect("an old token", "x" * 43, 401)
        if route.access == "client":
            await expect("an app itself", of_app, 200)
            await expect("an app of somebody's", await with_scopes(route.scopes), 403)
            await expect("ada", fresh.ada.token, 403)
            continue
        if route.access == "user":
            await expect("an app itself", of_app, 422)
        refusal = 403 if route.path == "/api/v1/emails/confirmations" else 422
        may = (refusal,) if route.has == "refused" else (200, 404, *((422,) if follows else ()))
        if route.scopes:
            others = [scope for scope in SCOPES if not any(covers([scope], needed) for needed in route.scopes)]
            await expect("all others", await with_scopes(others), 403, body=OUTSIDE)
        for scope in route.scopes:
            await expect(scope, await with_scopes([scope]), *may)
        if route.access != "app":
            await expect("ada", fresh.ada.token, may[0])
    assert wrong == []
    assert token_owner(tokens["read:statuses",]) == int(place.ada.id)


def test_a_scope_that_nobody_can_grant_opens_nothing() -> None:
    assert {scope for route in ROUTES for scope in route.scopes} <= set(SCOPES)
    for route in ROUTES:
        if route.method != "GET" and route.access == "user":
            assert route.scopes, f"{name_of(route)} changes something for any token"
        if route.method != "GET" and name_of(route) not in READERS_MAY:
            assert not any(covers(["read"], scope) for scope in route.scopes), name_of(route)


def is_empty(value: Any) -> bool:
    """Whether it holds nothing that somebody made: times, states and ids of what was asked for are no things."""
    if isinstance(value, dict):
        return all(is_empty(each) for key, each in value.items() if key not in ("updated_at", "effective_date", "id"))
    return value in ([], "", None, True, "finished", "ineligible")


async def test_what_is_empty_is_empty_and_the_rest_says_something(busy_site: Site) -> None:
    place = await set_place(busy_site)
    for route in ROUTES:
        if route.method != "GET" or route.path.startswith(("/api/v1/pictures", "/api/v1/streaming")):
            continue
        answer = await call(busy_site, route, place, address_of(route, place), place.ada.token)
        if route.path == "/api/v1/apps/verify_credentials":
            assert answer.status_code == 401, "a log-in is no app"
            continue
        assert answer.status_code == 200, name_of(route)
        if route.has == "empty":
            assert is_empty(answer.json()), name_of(route)
        # With a slash at its end it is the same.
        path, question, query = address_of(route, place).partition("?")
        again = await call(busy_site, route, place, f"{path}/{question}{query}", place.ada.token)
        assert again.content == answer.content, name_of(route)


async def test_what_changes_nothing_is_done_and_what_would_be_believed_is_refused(busy_site: Site) -> None:
    """Twice alike: nobody was told that it is done, and nothing was kept of it."""
    place = await set_place(busy_site)
    writes = [route for route in ROUTES if route.method != "GET" and route.has != "yes"]
    assert {"empty", "refused"} == {route.has for route in writes}
    for route in writes:
        for _ in range(2):
            answer = await call(busy_site, route, place, address_of(route, place), place.ada.token)
            if route.has == "empty":
                assert (answer.status_code, answer.json()) == (200, {}), name_of(route)
            else:
                assert answer.status_code in (403, 422), name_of(route)
                assert "linnet" in answer.json()["error"] or "here" in answer.json()["error"], name_of(route)


async def test_weeks_are_counted(busy_site: Site) -> None:
    """This one first, each from a Monday's midnight on; all of it as text, as apps read it."""
    before = (await busy_site.ask("GET", "/api/v1/instance/activity")).json()
    assert len(before) == 12
    for newer, older in pairwise(before):
        assert int(newer["week"]) - int(older["week"]) == 7 * 86_400
    assert datetime.fromtimestamp(int(before[0]["week"]), UTC).strftime("%a %H:%M:%S") == "Mon 00:00:00"
    ada = await busy_site.newcomer()
    await busy_site.post(ada)
    now_ms = busy_site.world.write.clock.now_ms()
    [now, *_] = await instance.fetch_weeks(busy_site.world.db, now_ms=now_ms, weeks=1)
    assert now.begins_ms == 1000 * int(before[0]["week"])
    assert now.tweets > int(before[0]["statuses"])
    assert now.sign_ups > int(before[0]["registrations"])
    assert now.logins > int(before[0]["logins"])
    later = await instance.fetch_weeks(busy_site.world.db, now_ms=now_ms + 7 * 86_400_000, weeks=2)
    assert (later[0].tweets, later[1]) == (0, now)


async def test_a_process_says_that_it_is_alive(busy_site: Site) -> None:
    answer = await busy_site.client.get("/health")
    assert (answer.status_code, answer.text) == (200, "OK")
    # What lies below it is linnet's own, as ever.
    assert (await busy_site.client.get("/health/live")).json() == {"status": "live"}


async def test_what_there_is_not_yet_is_not_found(busy_site: Site) -> None:
    place = await set_place(busy_site)
    for name in not_yet():
        method, _, path = name.partition(" ")
        answer = await busy_site.ask(method, without_names(path).replace("{}", "1"), by=place.ada)
        assert answer.status_code in (404, 405), name
        if path.startswith(("/api/v1/", "/api/v2/", "/oauth/")):
            assert answer.json()["error"], name


def test_scopes_are_those_that_are_published() -> None:
    """One of several is enough: a stream, say, is opened by either."""
    wrong = {}
    for route in ROUTES:
        endpoint = published().endpoints.get((route.method, without_names(route.path)))
        if endpoint is not None and endpoint.scopes and not set() < set(route.scopes) <= endpoint.scopes:
            wrong[name_of(route)] = (set(route.scopes), endpoint.scopes)
    assert wrong == {}


@pytest.mark.parametrize(
    ("path", "content", "fault"),
    [
        ("/api/v1/accounts/relationships", b'{"id": "1"}', "is no list"),
        ("/api/v1/accounts/relationships", b'[{"id": "1"}]', "[0].blocked_by is missing"),
        ("/api/v1/markers", b'{"home": {"last_read_id": 1}}', "home.last_read_id is no string"),
        ("/api/v1/markers", b'{"home": {"version": true, "last_read_id": "", "updated_at": ""}}', "is no integer"),
        ("/api/v1/markers", b'{"home": {"updated_at": "2026-01-01T00:00:00Z"}}', "is no time"),
        ("/api/v1/statuses/1", b'{"poll": {"id": "1"}}', "poll.options is missing"),
        ("/api/v1/statuses/1", b'{"visibility": "all"}', "visibility is no one(public,unlisted,private,direct)"),
        ("/api/v1/statuses/1", b'{"emoji": []}', "emoji is not published"),
        ("/api/v1/statuses/1", b'{"account": null}', "account is no Account"),
        ("/api/v1/statuses/1", b'{"account": {"avatar": "/x.png"}}', "avatar is no url"),
        ("/api/v1/statuses/1/source", b'{"id": "1", "text": "", "spoiler_text": null}', "spoiler_text is no string"),
    ],
)
def test_an_answer_that_is_not_as_published_is_caught(path: str, content: bytes, fault: str) -> None:
    """Every answer of every test of this interface is looked at so: it must be able to fail."""
    assert any(fault in found for found in answer_faults("GET", path, 200, content))


async def test_every_answer_is_looked_at(busy_site: Site) -> None:
    [hook] = busy_site.client.event_hooks["response"]
    answer = await busy_site.ask("GET", "/api/v2/instance")
    answer._content = answer.content.replace(b'"domain"', b'"domains"')
    with pytest.raises(AssertionError, match="domains is not published"):
        await hook(answer)


async def test_pages_of_any_origin_may_ask(busy_site: Site) -> None:
    """Answers, refusals and what is not there alike; and before they ask they may ask whether they may."""
    for path in ("/api/v1/timelines/public", "/api/v1/timelines/home", "/api/v1/nothing", "/oauth/token"):
        asked = await busy_site.client.request("OPTIONS", path, headers={"Origin": "https://phanpy.social"})
        assert asked.status_code == 204
        assert "Idempotency-Key" in asked.headers["access-control-allow-headers"]
        assert "DELETE" in asked.headers["access-control-allow-methods"]
        answer = await busy_site.client.get(path, headers={"Origin": "https://phanpy.social"})
        for headers in (asked.headers, answer.headers):
            assert headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in headers, "what a browser keeps is never sent along"
        assert "Link" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in (await busy_site.ask("GET", "/api/tweets")).headers


def table() -> str:
    """The page about it, as the routes are."""
    rows: list[tuple[str, str, str, str]] = [(route.path, route.method, route.has, _needed(route)) for route in ROUTES]
    rows += [(name.partition(" ")[2], name.partition(" ")[0], "not yet", "") for name in not_yet()]
    rows += [("/oauth/authorize", method, "yes", "a person, on a page") for method in ("GET", "POST")]
    lines = [f"| {method} | `{path}` | {has} | {needed} |" for path, method, has, needed in sorted(rows)]
    return "\n".join(["| | | linnet has it | who may |", "|---|---|---|---|", *lines, ""])


def _needed(route: Route) -> str:
    scopes = " or ".join(f"`{scope}`" for scope in route.scopes)
    match route.access:
        case "everyone":
            return "everybody"
        case "viewer":
            return f"everybody; a token needs {scopes}" if scopes else "everybody"
        case "app":
            return "an app, or somebody by one"
        case "client":
            return f"an app itself, with {scopes}"
        case _:
            return f"somebody; an app with {scopes}" if scopes else "somebody"


def test_the_page_about_it_says_what_there_is() -> None:
    """Written anew with LINNET_WRITE_MASTODON=1."""
    begin, end = "<!-- routes -->\n", "<!-- end of routes -->\n"
    written = PAGE.read_text("utf-8")
    head, _, rest = written.partition(begin)
    tail = rest.partition(end)[2]
    now = f"{head}{begin}{table()}{end}{tail}"
    if os.environ.get("LINNET_WRITE_MASTODON"):
        PAGE.write_text(now, "utf-8")
    else:
        assert written == now
