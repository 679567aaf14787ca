"""What every answer has in common: ids, headers, counts; and what happens when something of ours fails."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager

import httpx
import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

from linnet import logcontext, spans
from linnet.api.app import ENDPOINTS
from linnet.api.services import ApiOptions, ApiServices, Check, Readiness
from linnet.domain.addresses import Proxies
from linnet.errors import Limited, Unavailable
from linnet.ids import LeaseExhausted
from tests.http.app_world import Site, assert_problem, open_site
from tests.support.servers import Servers


async def test_a_sane_request_id_is_kept_and_another_is_replaced(busy_site: Site) -> None:
    kept = await busy_site.ask("GET", "/health/live", headers={"X-Request-Id": "abc-123_4.5"})
    assert kept.headers["x-request-id"] == "abc-123_4.5"
    for bad in ("", "a b", "x" * 65, "a\x7f", b"\xff", "<script>"):
        made = await busy_site.ask("GET", "/health/live", headers={"X-Request-Id": bad})
        assert re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", made.headers["x-request-id"])


async def test_no_two_requests_are_given_one_id(busy_site: Site) -> None:
    answers = [await busy_site.ask("GET", "/health/live") for _ in range(3)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


async def test_private_answers_are_not_stored_and_no_type_is_guessed(busy_site: Site) -> None:
    ada = await busy_site.newcomer()
    for path in ("/api/me", "/api/timelines/home", "/api/nothing", "/api/tweets?limit=0"):
        answer = await busy_site.ask("GET", path, by=ada)
        assert answer.headers.get_list("cache-control") == ["no-store"]
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


def _failing(error: Exception) -> "type[object]":
    class Failing:
        def peek(self, token: str) -> None:
            return None

        async def find(self, token: str) -> None:
            raise error

    return Failing


async def _ask_failing(servers: Servers, busy_database_url: str, error: Exception) -> httpx.Response:
    """The answer of a site whose look-up of tokens raises ``error``."""

    def change(services: ApiServices) -> ApiServices:
        return msgspec.structs.replace(services, viewers=_failing(error)())

    async with open_site(busy_database_url, servers.valkey_url, change=change) as site:
        headers = {"Authorization": "Bearer x", "X-Request-Id": "the-one"}
        return await site.ask("GET", "/api/me", headers=headers)


async def test_a_bug_is_a_problem_without_a_word_of_its_cause_and_is_logged(
    servers: Servers, busy_database_url: str
) -> None:
    with capture_logs() as logs:
        answer = await _ask_failing(servers, busy_database_url, RuntimeError("secret: psycopg said so"))
    assert_problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "the-one"
    [line] = logs
    assert (line["log_level"], line["path"]) == ("error", "/api/me")
    assert isinstance(line["exc_info"], RuntimeError)


@pytest.mark.parametrize("error", [Unavailable("PostgreSQL: secret"), LeaseExhausted("secret")])
async def test_what_is_away_is_a_503_that_says_when_to_come_back(
    servers: Servers, busy_database_url: str, error: Exception
) -> None:
    answer = await _ask_failing(servers, busy_database_url, error)
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "secret" not in answer.text


async def test_who_is_wrong_themselves_is_given_no_number_to_ask_about(busy_site: Site) -> None:
    for path in ("/api/nothing", "/api/me", "/api/tweets?limit=0"):
        assert "request_id" not in (await busy_site.ask("GET", path)).json()


async def test_a_line_for_each_request_says_who_asked_by_number_and_nothing_else_of_them(
    servers: Servers, busy_database_url: str
) -> None:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        with capture_logs(processors=[logcontext.merge]) as lines:
            async with open_site(
                busy_database_url, servers.valkey_url, api_options=ApiOptions(logs_requests=True)
            ) as site:
                ada = await site.newcomer()
                lines.clear()
                headers = {"X-Request-Id": "the-one"}
                await site.ask("GET", f"/api/users/{ada.id}?x=secret", by=ada, headers=headers)
                await site.ask("GET", "/api/tweets/secret", headers={"X-Request-Id": "the-next"})
                await site.ask("BREW", "/secret", headers={"X-Request-Id": "the-last"})
    finally:
        structlog.configure(**before)
    said = [line for line in lines if line["event"] == "request"]
    assert all(line.pop("milliseconds") >= 0 for line in said)
    common = {"event": "request", "log_level": "info"}
    assert said == [
        {
            **common,
            "method": "GET",
            "route": "/api/users/{user_id}",
            "status": 422,
            "request_id": "the-one",
            "user_id": ada.id,
        },
        {
            **common,
            "method": "GET",
            "route": "/api/tweets/{tweet_id}",
            "status": 404,
            "request_id": "the-next",
        },
        {**common, "method": "other", "route": "unmatched", "status": 404, "request_id": "the-last"},
    ]


class _Hears:
    """Who is told of spans, and keeps only whose part they say to be."""

    def __init__(self) -> None:
        self.parents: list[str | None] = []

    def whole(self, name: str, kind: spans.Kind, parent: str | None) -> AbstractContextManager[spans.Span]:
        self.parents.append(parent)
        return spans.SILENCE

    def part(self, name: str) -> AbstractContextManager[spans.Span]:
        return spans.SILENCE

    def mark(self, name: str) -> None:
        pass

    def begin(self, name: str, **values: spans.Value) -> Callable[[], None]:
        return lambda: None


@pytest.mark.parametrize(("trusted", "believed"), [((), False), (("10.0.0.0/8",), False), (("127.0.0.1",), True)])
async def test_only_proxies_that_are_trusted_say_to_which_trace_a_request_belongs(
    servers: Servers, busy_database_url: str, trusted: tuple[str, ...], believed: bool
) -> None:
    def change(services: ApiServices) -> ApiServices:
        return msgspec.structs.replace(services, proxies=Proxies(trusted))

    parent, hears = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", _Hears()
    async with open_site(busy_database_url, servers.valkey_url, change=change) as site:
        spans.listen(hears)
        try:
            answer = await site.ask("GET", "/api/tweets", headers={"traceparent": parent})
        finally:
            spans.listen(None)
    assert answer.status_code == 200
    assert hears.parents == [parent if believed else None]


async def test_too_much_is_a_429_that_says_when_to_come_back(servers: Servers, busy_database_url: str) -> None:
    answer = await _ask_failing(servers, busy_database_url, Limited(17))
    assert_problem(answer, 429, "rate_limited")
    assert answer.headers["retry-after"] == "17"


async def test_a_body_that_never_ends_is_not_waited_for(servers: Servers, busy_database_url: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"login":'
        await asyncio.Event().wait()

    options = ApiOptions(body_timeout_seconds=0.01)
    async with open_site(busy_database_url, servers.valkey_url, api_options=options) as site:
        headers = {"Content-Type": "application/json"}
        answer = await site.ask("POST", "/api/sessions", content=endless(), headers=headers)
        assert_problem(answer, 408, "body_too_slow")


async def test_the_process_is_alive_and_ready(busy_site: Site) -> None:
    live = await busy_site.ask("GET", "/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "live"})
    ready = await busy_site.ask("GET", "/health/ready")
    assert ready.status_code == 200
    assert ready.json()["ready"] is True


async def test_a_process_that_cannot_serve_says_why_with_503(servers: Servers, busy_database_url: str) -> None:
    async def not_ready() -> Readiness:
        return Readiness(ready=False, checks=[Check("postgresql", ok=False, sentence="PostgreSQL does not answer.")])

    def change(services: ApiServices) -> ApiServices:
        return msgspec.structs.replace(services, readiness=not_ready)

    async with open_site(busy_database_url, servers.valkey_url, change=change) as site:
        answer = await site.ask("GET", "/health/ready")
        assert answer.status_code == 503
        assert answer.json()["checks"][0]["sentence"] == "PostgreSQL does not answer."
        assert (await site.ask("GET", "/health/live")).status_code == 200


async def test_requests_are_counted_by_route_and_never_by_address(busy_site: Site) -> None:
    for user_id in ("123456789", "987654321"):
        await busy_site.ask("GET", f"/api/users/{user_id}")
    await busy_site.ask("GET", "/api/nothing-987654321")
    await busy_site.ask("BREW", "/api/tweets")
    metrics = (await busy_site.ask("GET", "/metrics")).text
    assert 'linnet_http_requests_total{method="GET",route="/api/users/{user_id}",status="404"}' in metrics
    assert 'linnet_http_requests_total{method="GET",route="unmatched",status="404"}' in metrics
    assert 'linnet_http_requests_total{method="other",route="/api/tweets",status="405"}' in metrics
    assert 'linnet_http_request_seconds_bucket{le="0.01",method="GET",route="/api/users/{user_id}"}' in metrics
    assert "987654321" not in metrics


async def test_every_route_of_a_user_needs_a_token(busy_site: Site) -> None:
    protected = [endpoint for endpoint in ENDPOINTS if endpoint.access == "user"]
    assert len(protected) >= 15
    for endpoint in protected:
        path = re.sub(r"\{\w+\}", "1", endpoint.path)
        answer = await busy_site.ask(endpoint.method, path, {})
        assert_problem(answer, 401, "not_logged_in")
