"""One command from nothing to a tweet; whatever is killed, nothing that was acknowledged is missing."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.flows._linnet_process import REQUEST_SECONDS, Family, Person, eventually, family, free_port


@pytest.fixture
def linnets(tmp_path: Path) -> Iterator[Family]:
    with family(tmp_path) as linnets:
        yield linnets


def test_from_nothing_to_a_tweet_that_outlives_the_death_of_everybody(linnets: Family) -> None:
    port = str(free_port())
    first = linnets.serve(port=port)
    ada, bob = Person(first.url, "ada").sign_up(), Person(first.url, "bob").sign_up()
    bob.follow(ada)
    tweet_id = ada.post("still here tomorrow")
    eventually(lambda: bob.reads("still here tomorrow"), what="bob reads ada")
    acknowledged = [ada.post(f"number {number}") for number in range(20)]

    linnets.kill_everybody()
    again = linnets.serve(port=port)

    assert again.get(f"/api/tweets/{tweet_id}").json()["text"] == "still here tomorrow"
    for some_id in acknowledged:
        assert again.get(f"/api/tweets/{some_id}").status_code == 200
    # The events that were not applied yet are applied now.
    eventually(lambda: bob.reads("number 19"), what="bob reads what was on its way")
    assert bob.home()[:21] == [*(f"number {number}" for number in range(19, -1, -1)), "still here tomorrow"]


def test_kill_9_of_serve_ends_everybody_and_the_next_start_works_at_once(linnets: Family) -> None:
    port = str(free_port())
    serve = linnets.serve(port=port)
    ada = Person(serve.url, "ada").sign_up()
    ada.post("before")
    os.kill(serve.pid, signal.SIGKILL)
    # Without waiting for anything: this is what a service manager does.
    linnets.serve(port=port)
    assert "before" in ada.home()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_every_child(linnets: Family, how: signal.Signals) -> None:
    serve = linnets.serve(LINNET_WEB_PROCESSES="2")
    assert linnets.find("worker")
    assert linnets.find("postgres")
    assert linnets.find("valkey-server")
    outcome = serve.stop(how)
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    assert outcome.out.endswith("Stopping …\nStopped.\n")
    assert linnets.pids() == {}


def test_a_signal_during_the_start_stops_every_child(linnets: Family) -> None:
    serve = linnets.start("serve", "--data-dir", str(linnets.directory), "--port", str(free_port()), "--no-demo")
    serve.wait_said("Starting PostgreSQL")
    outcome = serve.stop()
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err
    assert linnets.pids() == {}
    # Whatever was half made is no hindrance.
    linnets.serve()


def test_whoever_is_killed_is_started_again_and_nothing_is_missing(linnets: Family) -> None:
    serve = linnets.serve()
    ada, bob = Person(serve.url, "ada").sign_up(), Person(serve.url, "bob").sign_up()
    bob.follow(ada)
    texts = [f"before {number}" for number in range(3)]
    for text in texts:
        ada.post(text)

    def postmaster() -> list[int]:
        return [pid for pid in linnets.find("postgres", "-D") if "/bin/postgres" in linnets.pids().get(pid, "")]

    def web_process() -> list[int]:
        """Of the two that look alike, the child: the one that answers."""
        main = linnets.find("linnet web")
        return [pid for pid in main if _parent_of(pid) in main]

    for victim, find in (
        ("the worker", lambda: linnets.find("linnet worker")),
        ("a web process", web_process),
        ("the web's main process", lambda: [pid for pid in linnets.find("linnet web") if pid not in web_process()]),
        ("Valkey", lambda: linnets.find("valkey-server")),
        ("PostgreSQL", postmaster),
    ):
        pids = find()
        assert pids, victim
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        text = f"after the death of {victim}"
        ada.post_at_last(text)
        texts.append(text)
        eventually(partial(bob.reads, text), what=f"bob reads ada {text}")
        eventually(partial(_others, find, pids), what=f"{victim} is back")
    assert [text for text in reversed(bob.home()) if text in texts] == texts
    assert serve.stop().code == 0
    assert linnets.pids() == {}


def test_a_web_process_that_lost_its_main_process_keeps_no_port(linnets: Family) -> None:
    serve = linnets.serve(LINNET_WEB_PROCESSES="2")
    # The first of them answers before the others are there.
    eventually(lambda: len(linnets.find("linnet web")) >= 3, what="a main process and two that answer")
    before = linnets.find("linnet web")
    main = [pid for pid in before if _parent_of(pid) == serve.pid]
    os.kill(main[0], signal.SIGKILL)
    eventually(lambda: not set(before) & set(linnets.find("linnet web")), what="all of the old ones are gone")
    serve.wait_ready(int(serve.url.rpartition(":")[2]))


def test_the_first_start_brings_a_town_and_every_start_tells_how_to_log_in(linnets: Family) -> None:
    logins = []
    for _ in range(2):
        port = str(free_port())
        serve = linnets.start("serve", "--data-dir", str(linnets.directory), "--port", port)
        serve.wait_said("Ctrl-C")
        assert f"linnet is ready at http://127.0.0.1:{port}\n" in serve.out
        found = re.search(r"Log in as +(\S+)\n +with the password +(\S+)\n", serve.out)
        assert found, serve.out
        logins.append(found.groups())
        login = {"login": logins[-1][0], "password": logins[-1][1]}
        answer = httpx.post(f"http://127.0.0.1:{port}/api/sessions", json=login, timeout=REQUEST_SECONDS)
        assert answer.status_code == 201, answer.text
        town = Person(f"http://127.0.0.1:{port}", logins[-1][0])
        town.token = answer.json()["token"]
        assert len(town.home()) > 20
        assert serve.stop().code == 0
    assert logins[0] == logins[1]


def test_who_starts_without_the_town_is_never_given_it(linnets: Family) -> None:
    linnets.serve().stop()
    serve = linnets.start("serve", "--data-dir", str(linnets.directory), "--port", str(free_port()))
    serve.wait_said("Ctrl-C")
    assert "Log in" not in serve.out


def test_the_metrics_of_one_process_tell_of_all(linnets: Family) -> None:
    serve = linnets.serve(LINNET_WEB_PROCESSES="2")
    ada, bob = Person(serve.url, "ada").sign_up(), Person(serve.url, "bob").sign_up()
    bob.follow(ada)
    bob.home()
    ada.post("counted")
    eventually(lambda: bob.reads("counted"), what="bob reads ada")

    def metrics() -> dict[str, float]:
        lines = serve.get("/metrics").text.splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

    eventually(
        lambda: metrics().get("linnet_delivery_lag_seconds_count", 0) >= 2, what="the worker's counters are here too"
    )
    found = metrics()
    assert found['linnet_window_rebuilds_total{outcome="built"}'] >= 1
    assert found['linnet_http_requests_total{method="POST",route="/api/tweets",status="201"}'] == 1
    assert {f'linnet_lane_depth{{lane="{lane}"}}' for lane in range(64)} <= found.keys()
    assert found["linnet_events_waiting"] == 0
    assert {store: found[f'linnet_store_up{{store="{store}"}}'] for store in ("postgresql", "valkey")} == {
        "postgresql": 1,
        "valkey": 1,
    }
    assert found["linnet_processes"] >= 2
    assert found["linnet_database_pool_size"] >= 4


def test_commands_beside_a_running_serve_find_its_servers(linnets: Family) -> None:
    serve = linnets.serve()
    place = ("--data-dir", str(linnets.directory))
    assert linnets.run("db", "check", *place).code == 0
    assert linnets.run("db", "migrate", *place).out == "The schema is up to date.\n"
    assert linnets.run("events", "list", *place).out == "Nothing is parked.\n"
    assert linnets.run("events", "replay", "--all", *place).out == "0 replayed\n"
    linnets.run("events", "replay", "1", "2", *place).assert_refused("no event 2 of actor 1")
    serve.stop()
    linnets.run("events", "list", *place).assert_refused("no linnet runs on", "linnet serve")


def _others(find: Callable[[], list[int]], pids: list[int]) -> bool:
    found = find()
    return bool(found) and not set(found) & set(pids)


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
