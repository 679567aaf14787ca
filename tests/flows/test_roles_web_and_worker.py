"""``linnet web`` and ``linnet worker`` on given servers: any number of each, and any may be killed."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from linnet.ids import random_bytes
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.keys import Keys
from tests.flows._linnet_process import (
    REQUEST_SECONDS,
    Family,
    Linnet,
    Person,
    eventually,
    family,
    free_port,
    url_of,
)
from tests.support.servers import Servers


class Site:
    """One installation on given servers."""

    def __init__(self, linnets: Family, database_url: str, valkey_url: str) -> None:
        self.linnets = linnets
        self.settings = {
            "LINNET_DATABASE_URL": url_of(database_url),
            "LINNET_VALKEY_URL": valkey_url,
            "LINNET_VALKEY_PREFIX": f"site{random_bytes(4).hex()}:",
        }

    def web(self, **settings: str) -> Linnet:
        port = free_port()
        web = self.linnets.start("web", "--port", str(port), **self.settings, **settings)
        web.wait_ready(port)
        return web

    def worker(self) -> Linnet:
        port = free_port()
        worker = self.linnets.start("worker", "--metrics-port", str(port), **self.settings)
        worker.wait_ready(port)
        return worker

    @property
    def keys(self) -> Keys:
        return Keys.of_installation(self.settings["LINNET_VALKEY_PREFIX"].encode())


@pytest.fixture
def site(tmp_path: Path, servers: Servers, database_url: str) -> Iterator[Site]:
    with family(tmp_path) as linnets:
        yield Site(linnets, database_url, servers.valkey_url)


def test_two_of_each_carry_on_when_one_of_each_is_killed(site: Site) -> None:
    webs, workers = [site.web(), site.web()], [site.worker(), site.worker()]
    ada, bob = Person(webs[0].url, "ada").sign_up(), Person(webs[1].url, "bob").sign_up()
    bob.follow(ada)
    ada.post("over two webs and two workers")
    eventually(lambda: bob.reads("over two webs and two workers"), what="bob reads ada")

    os.kill(workers[0].pid, signal.SIGKILL)
    os.kill(webs[0].pid, signal.SIGKILL)
    ada.url = webs[1].url
    for number in range(5):
        ada.post(f"still there {number}")
    eventually(lambda: bob.reads("still there 4"), what="the other worker took over")
    assert bob.home()[:5] == [f"still there {number}" for number in range(4, -1, -1)]


def test_a_worker_answers_those_who_watch_it_and_finishes_on_sigterm(site: Site) -> None:
    web, worker = site.web(), site.worker()
    ada, bob = Person(web.url, "ada").sign_up(), Person(web.url, "bob").sign_up()
    bob.follow(ada)
    ada.post("counted")
    eventually(
        lambda: 'linnet_events_total{outcome="applied"} 2.0' in worker.get("/metrics").text,
        what="both events are applied",
    )
    assert "linnet_events_waiting 0.0" in worker.get("/metrics").text
    assert worker.get("/health/live").status_code == 200
    assert httpx.post(f"{worker.url}/health/live", timeout=REQUEST_SECONDS).status_code == 405
    assert worker.get("/elsewhere").status_code == 404
    outcome = worker.stop()
    assert (outcome.code, "Traceback" in outcome.err) == (0, False), outcome.err


def test_a_web_process_loses_no_request_when_it_is_told_to_stop(site: Site) -> None:
    # They all come from one address.
    web = site.web(LINNET_RATE_LIMITS_ENABLED="false")
    # Passwords take their time, so that all of these are under way when the signal comes.
    with ThreadPoolExecutor(12) as clients:
        people = [Person(web.url, f"person{number}") for number in range(12)]
        arriving = [clients.submit(person.sign_up) for person in people]
        eventually(lambda: any(future.done() for future in arriving), what="the first is through")
        web.process.send_signal(signal.SIGTERM)
        done = [future.exception() for future in arriving]
    # Nobody was let in and then dropped: who came too late was not let in at all.
    assert [error for error in done if error and not isinstance(error, httpx.ConnectError)] == []
    assert done.count(None) >= 1
    assert web.outcome().code == 0


def test_a_web_process_that_waits_for_its_stores_ends_when_it_is_told_to(site: Site, database_url: str) -> None:
    with psycopg.connect(database_url) as somebody, psycopg.connect(database_url, autocommit=True) as looking:
        somebody.execute("lock table worker_leases")
        web = site.linnets.start("web", "--port", str(free_port()), **site.settings)
        standing = "select exists (select from pg_locks where not granted and relation = 'worker_leases'::regclass)"
        eventually(lambda: looking.execute(standing).fetchone() == (True,), what="it waits")
        outcome = web.stop()
    assert outcome.code == 0, outcome.err
    assert "refused to gracefully stop" not in outcome.out + outcome.err, "it had to be killed"
    assert site.linnets.pids() == {}


def test_sleeping_and_slow_clients_shut_nobody_out(site: Site) -> None:
    web = site.web(LINNET_WEB_WRITES_AT_ONCE="4", LINNET_RATE_LIMITS_ENABLED="false")
    port = int(web.url.rpartition(":")[2])
    sleepers = []
    try:
        for _ in range(1500):
            sleeper = socket.create_connection(("127.0.0.1", port), timeout=REQUEST_SECONDS)
            sleeper.sendall(b"GET /health/live HTTP/1.1\r\nHost: linnet\r\n\r\n")
            sleepers.append(sleeper)
        assert all(sleeper.recv(1024).startswith(b"HTTP/1.1 200") for sleeper in sleepers)
        post = b"POST /api/users HTTP/1.1\r\nHost: linnet\r\nContent-Type: application/json\r\n"
        for beginning in (
            b"GET /health/live HTTP/1.1\r\nX-Slow: ",
            post + b"Content-Length: 1000\r\n\r\n{",
            post + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        ):
            for _ in range(25):
                slow = socket.create_connection(("127.0.0.1", port), timeout=REQUEST_SECONDS)
                sleepers.append(slow)
                slow.sendall(beginning)
        assert web.get("/health/ready").status_code == 200
        # Those whose bodies are on their way for ever take no place of those who write.
        Person(web.url, "ada").sign_up().post("between all of them")
        head = {"X-Large": "x" * 100_000}
        assert httpx.get(f"{web.url}/health/live", headers=head, timeout=REQUEST_SECONDS).status_code == 431
    finally:
        for sleeper in sleepers:
            sleeper.close()


def test_without_valkey_people_are_served_more_slowly(site: Site) -> None:
    site.settings["LINNET_VALKEY_URL"] = "unix:///nonexistent/valkey.sock"
    web = site.web()
    checks = {check["name"]: check["ok"] for check in web.get("/health/ready").json()["checks"]}
    assert checks == {"postgresql": True, "valkey": False, "ids": True}
    ada = Person(web.url, "ada").sign_up()
    ada.post("written down all the same")
    assert ada.home() == ["written down all the same"]


def test_a_schema_that_was_never_made_is_refused_with_the_command_to_run(site: Site, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("drop table schema_migrations")
    for command in (("web", "--port", str(free_port())), ("worker",), ("events", "list"), ("timelines", "verify")):
        site.linnets.run(*command, **site.settings).assert_refused("older than this linnet", "`linnet db migrate`")


def test_serve_uses_servers_that_it_is_given(site: Site) -> None:
    serve = site.linnets.serve(**site.settings)
    Person(serve.url, "ada").sign_up().post("on servers of our own")
    assert not site.linnets.directory.exists()
    assert site.linnets.find("postgres", str(site.linnets.directory)) == []
    assert serve.stop().code == 0
    assert site.linnets.pids() == {}


def test_parked_events_are_listed_and_replayed(site: Site, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into parked_events (actor_id, id, lane, kind, payload, appended_at, attempts, reason)"
            " values (7, 99, 1, 'user_followed', %s, now(), 5, 'it was raining')",
            ['{"follower_id": 7, "followed_id": 8}'],
        )
    shown = site.linnets.run("events", "list", **site.settings)
    assert shown.code == 0
    assert "7 99" in shown.out
    assert "it was raining" in shown.out
    [event] = [
        json.loads(line) for line in site.linnets.run("events", "list", "--json", **site.settings).out.splitlines()
    ]
    assert (event["actor_id"], event["event_id"], event["reason"]) == ("7", "99", "it was raining")
    assert event["payload"] == {"follower_id": 7, "followed_id": 8}

    site.linnets.run("events", "replay", "7", **site.settings).assert_usage()
    site.linnets.run("events", "replay", **site.settings).assert_usage()
    site.linnets.run("events", "replay", "7", "98", **site.settings).assert_refused("no event 98")
    assert site.linnets.run("events", "replay", "7", "99", **site.settings).out == "1 replayed\n"
    assert site.linnets.run("events", "list", **site.settings).out == "Nothing is parked.\n"
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert connection.execute("select actor_id, id from outbox").fetchall() == [(7, 99)]


def test_timelines_are_compared_with_their_definition_and_repaired(site: Site) -> None:
    web, worker = site.web(), site.worker()
    ada, bob = Person(web.url, "ada").sign_up(), Person(web.url, "bob").sign_up()
    bob.follow(ada)
    bob.home()
    tweet_ids = [int(ada.post(f"number {number}")) for number in range(3)]
    eventually(lambda: bob.reads("number 2"), what="bob reads ada")
    worker.stop()

    sound = site.linnets.run("timelines", "verify", "--sample", "10", **site.settings)
    assert sound.code == 0, sound.err
    assert sound.out.endswith("0 differences\n")

    asyncio.run(_lose_an_entry(site, int(bob.id)))
    differs = site.linnets.run("timelines", "verify", "--json", **site.settings)
    assert differs.code == 1
    [difference] = json.loads(differs.out)["differences"]
    assert difference["user_id"] == bob.id
    assert difference["missing"] == [str(tweet_ids[1])]
    differs.assert_refused("differ from their definition", "--repair")

    assert site.linnets.run("timelines", "verify", "--repair", **site.settings).code == 0
    assert bob.home() == ["number 2", "number 1", "number 0"]
    assert site.linnets.run("timelines", "verify", **site.settings).out.endswith("0 differences\n")


async def _lose_an_entry(site: Site, reader_id: int) -> None:
    valkey = Valkey(ValkeyOptions(site.settings["LINNET_VALKEY_URL"]))
    await valkey.open()
    key = site.keys.home(reader_id)
    entries = await valkey.call(b"LRANGE", key, 0, -1)
    assert await valkey.call(b"LREM", key, 1, entries[1]) == 1
    await valkey.close()
