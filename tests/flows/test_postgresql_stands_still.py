"""PostgreSQL stands still: connected, and silent. People are told so at once, read on, and all goes on by itself."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from psycopg.conninfo import make_conninfo

from linnet.ids import random_bytes
from tests.flows._linnet_process import REQUEST_SECONDS, Linnet, Person, eventually, family, free_port, url_of
from tests.support.servers import Servers
from tests.support.strait import Strait, open_strait


@pytest.fixture
def strait(database_url: str) -> Iterator[Strait]:
    with open_strait(database_url) as strait:
        yield strait


def _tcp_url(strait: Strait) -> str:
    return url_of(strait.url)


def test_everybody_is_answered_meanwhile_and_nothing_has_to_be_started_again(
    tmp_path: Path, servers: Servers, strait: Strait
) -> None:
    settings = {
        "LINNET_DATABASE_URL": _tcp_url(strait),
        "LINNET_VALKEY_URL": servers.valkey_url,
        "LINNET_VALKEY_PREFIX": f"still{random_bytes(4).hex()}:",
        "LINNET_RATE_LIMITS_ENABLED": "false",
    }
    with family(tmp_path) as linnets:

        def start(*arguments: str) -> Linnet:
            port = free_port()
            linnet = linnets.start(*arguments, str(port), **settings)
            linnet.wait_ready(port)
            return linnet

        web, worker = start("web", "--port"), start("worker", "--jobs", "--metrics-port")
        ada, bob = Person(web.url, "ada").sign_up(), Person(web.url, "bob").sign_up()
        bob.follow(ada)
        ada.post("before")
        eventually(lambda: bob.reads("before"), what="bob reads ada")

        with strait.closed():
            refused = eventually(lambda: _refusal(bob, f"/users/{ada.id}/followers"), what="a read is refused")
            assert refused.headers["retry-after"] == "1"
            assert refused.json()["code"] == "unavailable"
            # It is known from now on: none of these waits for anything.
            for _ in range(20):
                answer = ada.call("POST", "/tweets", json={"text": "not now"})
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            for _ in range(20):
                assert bob.home() == ["before"], "home needs no PostgreSQL"
            for each in (web, worker):
                _wait_for(each, 503)
                checks = {check["name"]: check["ok"] for check in each.get("/health/ready").json()["checks"]}
                assert checks == {"postgresql": False, "valkey": True, "ids": True}
                assert 'linnet_store_up{store="postgresql"} 0.0' in each.get("/metrics").text
                assert each.get("/health/live").status_code == 200

        ada.post_at_last("after")
        eventually(lambda: bob.reads("after"), what="the worker goes on")
        assert bob.home() == ["after", "before"], "and what was refused was not done"
        for each in (web, worker):
            _wait_for(each, 200)
            assert each.stop().code == 0


def test_a_process_that_starts_before_its_postgresql_waits_for_it(
    tmp_path: Path, servers: Servers, database_url: str
) -> None:
    beyond, port = free_port(), free_port()
    settings = {
        "LINNET_DATABASE_URL": url_of(make_conninfo(database_url, host="127.0.0.1", port=beyond)),
        "LINNET_VALKEY_URL": servers.valkey_url,
        "LINNET_VALKEY_PREFIX": f"early{random_bytes(4).hex()}:",
    }
    with family(tmp_path) as linnets:
        web = linnets.start("web", "--port", str(port), **settings)
        eventually(lambda: "waiting for PostgreSQL" in web.err, what="it says what it waits for")
        with open_strait(database_url, beyond):
            web.wait_ready(port)
            assert web.stop().code == 0


def _wait_for(linnet: Linnet, status: int) -> None:
    eventually(lambda: linnet.get("/health/ready").status_code == status, what=f"its readiness is {status}")


def _refusal(person: Person, path: str) -> httpx.Response | None:
    answer = httpx.get(
        f"{person.url}/api{path}", headers={"Authorization": f"Bearer {person.token}"}, timeout=REQUEST_SECONDS
    )
    return answer if answer.status_code == 503 else None
