"""Whoever does too much is told when to go on; everybody else is told how much is left."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from linnet.api.app import ENDPOINTS
from linnet.api.endpoints import Endpoint, Success
from linnet.api.health import live
from linnet.api.limits import LIMIT_HEADERS
from linnet.api.services import ApiServices
from linnet.clock import Clock, ManualClock, SystemClock
from linnet.domain.addresses import Proxies
from linnet.domain.limits import LIMIT_NAMES, RULES, parse_quota
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.limits import LimitOptions, Limits
from linnet.write.actions.apps import NewApp, grant_own_token, register_app
from tests.http.app_world import PASSWORD, Person, Site, assert_problem, open_site
from tests.support.servers import Servers

# Ids of a clock are of its time: each test has one of its own.
_starts_ms = itertools.count(1_800_000_000_000, 400 * 86_400_000)
HOME = "/api/timelines/home"
OFF = dict.fromkeys((rule.name for rule in RULES), "off")

Opening = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture
def limited(servers: Servers, busy_database_url: str) -> Opening:
    """Opens a site with these limits and no others, behind a proxy at the address that the tests come from."""

    @asynccontextmanager
    async def opening(
        *,
        clock: Clock | None = None,
        valkey: Valkey | None = None,
        proxies: tuple[str, ...] = ("127.0.0.1",),
        **quotas: str,
    ) -> AsyncIterator[Site]:
        options = LimitOptions(quotas={name: parse_quota(text) for name, text in (OFF | quotas).items()})

        def change(services: ApiServices) -> ApiServices:
            write = services.write
            limits = Limits(valkey or write.valkey, write.keys, write.clock, options)
            return msgspec.structs.replace(services, limits=limits, proxies=Proxies(proxies))

        # However long a test takes, no time passes that it did not ask for.
        clock = clock or ManualClock(next(_starts_ms))
        async with open_site(busy_database_url, servers.valkey_url, clock=clock, change=change) as site:
            yield site

    return opening


def at(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def limit_headers(answer: httpx.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in LIMIT_HEADERS if name in answer.headers}


async def log_in(site: Site, login: str, password: str = "wrong password", *, address: str) -> httpx.Response:
    return await site.ask("POST", "/api/sessions", {"login": login, "password": password}, headers=at(address))


async def test_of_many_requests_at_once_exactly_so_many_are_answered(limited: Opening) -> None:
    async with limited(request="20/5m") as site:
        ada, linus = await site.newcomer(), await site.newcomer()
        answers = await asyncio.gather(*(site.ask("GET", HOME, by=ada) for _ in range(60)))
        assert statuses(answers) == [200] * 20 + [429] * 40
        assert (await site.ask("GET", HOME, by=linus)).status_code == 200
        assert (await site.ask("GET", "/api/tweets")).status_code == 200, "nor does it count for the address"


async def test_of_many_posts_at_once_exactly_so_many_are_made(limited: Opening) -> None:
    async with limited(tweet="7/3h") as site:
        ada = await site.newcomer()
        answers = await asyncio.gather(
            *(site.ask("POST", "/api/tweets", {"text": str(number)}, by=ada) for number in range(40))
        )
        assert statuses(answers) == [201] * 7 + [429] * 33
        page = await site.ask("GET", f"/api/users/{ada.id}/tweets?limit=100", by=ada)
        assert len(page.json()["items"]) == 7


async def test_a_refusal_says_when_to_try_again_and_then_it_works(limited: Opening) -> None:
    clock = ManualClock(next(_starts_ms))
    async with limited(clock=clock, request="2/5m") as site:
        ada = await site.newcomer()
        for _ in range(2):
            assert (await site.ask("GET", "/api/me", by=ada)).status_code == 200
        refused = await site.ask("GET", "/api/me", by=ada)
        assert_problem(refused, 429, "rate_limited")
        seconds = int(refused.headers["retry-after"])
        assert 300 <= seconds <= 305
        assert limit_headers(refused) == {
            "RateLimit-Limit": "2",
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(seconds),
            "RateLimit-Policy": '"request";q=2;w=300',
            "RateLimit": f'"request";r=0;t={seconds}',
        }
        clock.advance(seconds - 1)
        assert (await site.ask("GET", "/api/me", by=ada)).status_code == 429
        clock.advance(1)
        assert (await site.ask("GET", "/api/me", by=ada)).status_code == 200


async def test_every_answer_that_counts_says_what_is_left(limited: Opening) -> None:
    async with limited(request="100/5m", tweet="10/3h") as site:
        ada = await site.newcomer()
        answers: list[tuple[int, httpx.Response]] = [
            (200, await site.ask("GET", HOME, by=ada)),
            (200, await site.ask("HEAD", f"/api/users/{ada.id}", by=ada)),
            (404, await site.ask("GET", "/api/tweets/1", by=ada)),
            (422, await site.ask("GET", HOME + "?limit=0", by=ada)),
            (422, await site.ask("GET", "/api/me?x=1", by=ada)),
            (415, await site.ask("POST", "/api/tweets", by=ada, content=b"x")),
        ]
        for number, (status, answer) in enumerate(answers):
            assert answer.status_code == status, answer.text
            left = 99 - number
            assert f'"request";r={left};' in answer.headers["ratelimit"]
        posted = await site.ask("POST", "/api/tweets", {"text": "hello"}, by=ada)
        headers = limit_headers(posted)
        assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("10", "9"), "the nearest of the two"
        assert headers["RateLimit-Policy"] == '"request";q=100;w=300, "tweet";q=10;w=10800'
        assert headers["RateLimit"].startswith('"request";r=93;t=30')
        assert ', "tweet";r=9;t=1' in headers["RateLimit"]


async def test_a_refusal_wins_over_whatever_else_would_have_been_answered(limited: Opening) -> None:
    async with limited(request="1/5m") as site:
        ada = await site.newcomer()
        assert (await site.ask("GET", "/api/tweets/1", by=ada)).status_code == 404
        for path in ("/api/tweets/1", "/api/me?x=1", "/api/me"):
            assert_problem(await site.ask("GET", path, by=ada), 429, "rate_limited")
        assert_problem(await site.ask("POST", "/api/tweets", by=ada, content=b"{"), 429, "rate_limited")


async def test_what_must_never_be_refused_does_not_count(limited: Opening) -> None:
    async with limited(request="1/5m") as site:
        for path in ("/health/live", "/health/ready", "/metrics", "/api/docs", "/api/openapi.json"):
            for _ in range(3):
                answer = await site.ask("GET", path)
                assert answer.status_code == 200
                assert limit_headers(answer) == {}


async def test_who_is_not_logged_in_counts_by_address_and_so_do_wrong_tokens(limited: Opening) -> None:
    async with limited(request="3/5m") as site:
        ada = await site.newcomer()
        wrong = Person("1", "nobody", "A" * 43)
        assert (await site.ask("GET", "/api/tweets", headers=at("198.51.100.1"))).status_code == 200
        assert (await site.ask("GET", "/api/me", by=wrong, headers=at("198.51.100.1"))).status_code == 401
        assert (await site.ask("GET", HOME, headers=at("198.51.100.1"))).status_code == 401
        for answer in (
            await site.ask("GET", "/api/tweets", headers=at("198.51.100.1")),
            await site.ask("GET", "/api/me", by=wrong, headers=at("198.51.100.1")),
        ):
            assert_problem(answer, 429, "rate_limited")
        assert (await site.ask("GET", "/api/tweets", headers=at("198.51.100.2"))).status_code == 200
        assert (await site.ask("GET", "/api/tweets", by=ada, headers=at("198.51.100.1"))).status_code == 200
        assert (await site.ask("GET", "/api/tweets", headers=at("2001:db8::1"))).status_code == 200
        more = [await site.ask("GET", "/api/tweets", headers=at(f"2001:db8::{n}:0:0:1")) for n in range(3)]
        assert statuses(more) == [200, 200, 429], "of one network of 64 bits"


async def test_a_spoofed_address_changes_nothing(limited: Opening) -> None:
    async with limited(request="2/5m", proxies=()) as site:
        answers = [await site.ask("GET", "/api/tweets", headers=at(f"198.51.100.{n}")) for n in range(4)]
        assert statuses(answers) == [200, 200, 429, 429]
    async with limited(request="2/5m") as site:
        names = ("Forwarded", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP", "Client-IP")
        answers = [
            await site.ask("GET", "/api/tweets", headers=at("203.0.113.8") | {name: f"198.51.100.{n}"})
            for n, name in enumerate(names)
        ]
        assert statuses(answers) == [200, 200, 429, 429, 429, 429], "no other header is heard of"
    async with limited(request="2/5m") as site:
        answers = [await site.ask("GET", "/api/tweets", headers=at(f"198.51.100.{n}, 203.0.113.9")) for n in range(4)]
        assert statuses(answers) == [200, 200, 429, 429], "behind a proxy, which writes the last one"


async def test_five_accounts_an_hour_are_made_from_an_address_and_mistakes_are_free(limited: Opening) -> None:
    async with limited(sign_up="5/h") as site:

        async def sign_up(address: str, **wrong: Any) -> httpx.Response:
            name = f"s{site.world.write.ids.mint()}"
            form = {"username": name, "name": "S", "email": f"{name}@example.com", "password": "a feather for a pen"}
            return await site.ask("POST", "/api/users", form | wrong, headers=at(address))

        for _ in range(10):
            assert (await sign_up("198.51.100.1", password="short")).status_code == 422
        answers = await asyncio.gather(*(sign_up("198.51.100.1") for _ in range(12)))
        assert statuses(list(answers)) == [201] * 5 + [429] * 7
        assert (await sign_up("198.51.100.2")).status_code == 201
        [taken, *_] = [answer.json()["user"]["username"] for answer in answers if answer.status_code == 201]
        probing = [await sign_up("198.51.100.3", username=taken) for _ in range(6)]
        assert statuses(probing)[-1] == 429, "whoever asks which names are taken has asked"


async def test_five_log_ins_an_hour_come_from_an_address_right_or_wrong(limited: Opening) -> None:
    async with limited(log_in="5/h") as site:
        ada = await site.newcomer()
        for _ in range(3):
            assert (
                await site.ask("POST", "/api/sessions", {"login": 1}, headers=at("198.51.100.1"))
            ).status_code == 422
        answers = [await log_in(site, ada.username, address="198.51.100.1") for _ in range(4)]
        answers += [await log_in(site, ada.username, "a feather for a pen", address="198.51.100.1") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [401] * 4 + [201, 429]


async def test_five_wrong_passwords_an_hour_are_tried_on_an_account_from_wherever(limited: Opening) -> None:
    async with limited(log_in_failure="5/h") as site:
        for login in ((await site.newcomer()).username, "nobody_has_this_name", "nobody@example.net"):
            answers = await asyncio.gather(*(log_in(site, login, address=f"198.51.100.{n}") for n in range(20)))
            assert statuses(list(answers)) == [401] * 5 + [429] * 15, "the same whether anybody has the name or not"
            assert site.services.passwords.verifications % 5 == 0, "and no password was looked at for the others"
            assert_problem(answers[-1] if answers[-1].status_code == 429 else answers[0], 429, "rate_limited")
            assert (await log_in(site, login.upper(), address="198.51.100.99")).status_code == 429


async def test_a_right_password_is_no_failure_and_nor_is_a_bad_form(limited: Opening) -> None:
    async with limited(log_in_failure="2/h") as site:
        ada = await site.newcomer()
        for n in range(5):
            right = await log_in(site, ada.username, "a feather for a pen", address=f"198.51.100.{n}")
            assert right.status_code == 201
            form = {"login": ada.username, "password": ["x"]}
            assert (await site.ask("POST", "/api/sessions", form, headers=at("203.0.113.1"))).status_code == 422
        assert (await log_in(site, ada.username, address="203.0.113.1")).status_code == 401


async def test_nobody_is_locked_out_of_their_account_by_others(limited: Opening) -> None:
    clock = ManualClock(next(_starts_ms))
    async with limited(clock=clock, log_in_failure="2/h") as site:
        ada = await site.newcomer()
        right = "a feather for a pen"
        assert (await log_in(site, ada.username, right, address="198.51.100.1")).status_code == 201
        for n in range(4):
            await log_in(site, ada.username, address=f"203.0.113.{n}")
        assert (await log_in(site, ada.username, right, address="203.0.113.9")).status_code == 429
        assert (await log_in(site, ada.username, right, address="198.51.100.1")).status_code == 201
        assert (await log_in(site, ada.username, right, address="127.0.0.1")).status_code == 201, "signed up from there"
        clock.advance(31 * 86_400)
        for n in range(3):
            await log_in(site, ada.username, address=f"203.0.113.{n}")
        assert (await log_in(site, ada.username, right, address="198.51.100.1")).status_code == 429, "long ago"


async def test_a_username_and_an_email_address_do_not_give_each_other_away(limited: Opening) -> None:
    async with limited(log_in_failure="1/h") as site:
        ada = await site.newcomer()
        assert (await log_in(site, ada.username, address="203.0.113.1")).status_code == 401
        assert (await log_in(site, ada.username, address="203.0.113.1")).status_code == 429
        assert (await log_in(site, f"{ada.username}@example.com", address="203.0.113.1")).status_code == 401


async def test_asking_for_ones_password_again_is_limited(limited: Opening) -> None:
    async with limited(password="2/h") as site:
        ada = await site.newcomer()
        form = {"old_password": "wrong password", "new_password": "two feathers for a pen"}
        answers = [await site.ask("POST", "/api/me/password", form, by=ada) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [403, 403, 429]


async def test_a_post_that_is_sent_again_counts_once(limited: Opening) -> None:
    # Keys are as old as PostgreSQL says.
    async with limited(clock=SystemClock(), tweet="2/3h") as site:
        ada = await site.newcomer()
        key = {"Idempotency-Key": "one"}
        answers = [await site.ask("POST", "/api/tweets", {"text": "hello"}, by=ada, headers=key) for _ in range(5)]
        assert statuses(answers) == [201] * 5
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert statuses([await site.ask("POST", "/api/tweets", {"text": str(n)}, by=ada) for n in range(2)]) == [
            201,
            429,
        ]


async def test_following_is_limited_and_unfollowing_is_not(limited: Opening) -> None:
    async with limited(follow="1/d") as site:
        ada, linus, grace = await site.newcomer(), await site.newcomer(), await site.newcomer()
        assert (await site.ask("PUT", f"/api/users/{linus.id}/follow", by=ada)).status_code == 200
        assert (await site.ask("PUT", f"/api/users/{grace.id}/follow", by=ada)).status_code == 429
        form = {"user_id": grace.id, "follow": True}
        assert (await site.ask("POST", "/api/follow", form, by=ada)).status_code == 429
        assert (await site.ask("DELETE", f"/api/users/{linus.id}/follow", by=ada)).status_code == 200


async def test_counting_costs_a_warm_page_no_round_trip(limited: Opening) -> None:
    async with limited(request="300/5m") as site:
        ada = await site.newcomer()
        await site.post(ada)
        await site.settle()
        for _ in range(3):
            await site.ask("GET", HOME, by=ada)
        site.world.forget()
        # Read once a second for everybody, and part of no request.
        await site.world.read.ranking.fetch()
        with site.world.budget(sql=0, valkey=2):
            assert len((await site.ask("GET", HOME, by=ada)).json()["items"]) == 1


@pytest.fixture
async def away() -> AsyncIterator[Valkey]:
    valkey = Valkey(ValkeyOptions("unix:///nonexistent/valkey.sock"))
    yield valkey
    await valkey.close()


async def test_without_valkey_everything_passes_but_guesses_and_sign_ups(limited: Opening, away: Valkey) -> None:
    quotas = {"request": "1/5m", "tweet": "1/3h", "log_in": "3/h", "log_in_failure": "3/h", "sign_up": "2/h"}
    async with limited(valkey=away, **quotas) as site:
        ada = await site.newcomer()
        for _ in range(3):
            home = await site.ask("GET", HOME, by=ada)
            assert home.status_code == 200
            assert limit_headers(home) == {}
            await site.post(ada)
        answers = [await log_in(site, ada.username, address="198.51.100.1") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 2
        answers = [await log_in(site, ada.username, address=f"198.51.100.{n}") for n in range(2, 4)]
        assert statuses(answers) == [429, 429], "as many as a process let in itself"
        await site.newcomer()
        with pytest.raises(AssertionError, match="rate_limited"):
            await site.newcomer()


async def test_without_limits_nothing_is_counted_or_said(site: Site) -> None:
    ada = await site.newcomer()
    answers = [await log_in(site, ada.username, address="198.51.100.1") for _ in range(8)]
    assert statuses(answers) == [401] * 8
    assert limit_headers(answers[0]) == {}


def test_an_endpoint_cannot_name_a_limit_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="there is no limit 'liek'"):
        Endpoint("GET", "/x", live, "operations", Success("x"), limit="liek")


def test_whatever_writes_has_a_limit() -> None:
    for endpoint in ENDPOINTS:
        assert endpoint.limit in LIMIT_NAMES
        assert endpoint.limit or endpoint.tag == "operations" or endpoint.method == "GET", endpoint.path


async def test_apps_that_register_from_an_address_are_counted(limited: Opening) -> None:
    """And whoever does too much with an app is told so in its words."""
    async with limited(app="2/h", request="20/5m") as site:
        wish = {"client_name": "x", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob"}
        wrong = {"client_name": "", "redirect_uris": "x"}
        assert (await site.ask("POST", "/api/v1/apps", wrong, headers=at("192.0.2.1"))).status_code == 422
        answers = [await site.ask("POST", "/api/v1/apps", wish, headers=at("192.0.2.1")) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        refused = answers[-1]
        assert refused.json()["error"] == "That was a lot at once. Please wait a moment."
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert refused.headers["x-ratelimit-reset"].endswith(".000Z")
        assert int(refused.headers["retry-after"]) > 0
        assert (await site.ask("POST", "/api/v1/apps", wish, headers=at("192.0.2.2"))).status_code == 200


async def test_an_app_counts_as_the_person_who_let_it_in(limited: Opening) -> None:
    async with limited(request="5/5m", tweet="2/3h") as site:
        ada = await site.newcomer()
        posted = [await site.ask("POST", "/api/v1/statuses", {"status": f"{n}"}, by=ada) for n in range(3)]
        assert [answer.status_code for answer in posted] == [200, 200, 429]
        read = [await site.ask("GET", "/api/v1/timelines/home", by=ada) for _ in range(4)]
        # What was refused is not counted.
        assert [answer.status_code for answer in read] == [200, 200, 200, 429]
        assert (await site.ask("GET", HOME, by=ada)).status_code == 429


async def test_who_signs_up_in_an_app_counts_with_all_who_sign_up(limited: Opening) -> None:
    """Of an address, whichever door they take; what was mistyped does not count."""
    async with limited(sign_up="2/h") as site:
        write = site.world.write
        registered = await register_app(write, NewApp("An app", ["urn:ietf:wg:oauth:2.0:oob"], "write:accounts"))
        token = await grant_own_token(write, registered.app, registered.secret, wanted="")

        async def by_app(name: str, address: str, **more: Any) -> httpx.Response:
            wish = {"username": name, "email": f"{name}@example.com", "password": PASSWORD, "agreement": True, **more}
            headers = {**at(address), "Authorization": f"Bearer {token}"}
            return await site.ask("POST", "/api/v1/accounts", wish, headers=headers)

        names = [f"n{write.ids.mint()}" for _ in range(4)]
        assert (await by_app(names[0], "192.0.2.7", password="short")).status_code == 422
        assert (await by_app(names[0], "192.0.2.7")).status_code == 200
        body = {"username": names[1], "name": "N", "email": f"{names[1]}@example.com", "password": PASSWORD}
        assert (await site.ask("POST", "/api/users", body, headers=at("192.0.2.7"))).status_code == 201
        refused = await by_app(names[2], "192.0.2.7")
        assert refused.status_code == 429
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert (await by_app(names[2], "192.0.2.8")).status_code == 200
