"""``linnet doctor`` as an operator meets it: beside a running installation, in one that is not, and as a machine."""

import fcntl
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from linnet.cli import main
from linnet.embedded import find_running
from tests.flows._linnet_process import Family, Person, eventually, family


@pytest.fixture(autouse=True)
def of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the settings, the data directory and the logs of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("linnet.cli.doctor.configure_logs", lambda options: None)
    for name in ("LINNET_DATABASE_URL", "LINNET_VALKEY_URL"):
        monkeypatch.delenv(name, raising=False)


def invoked(*arguments: str, **environ: str) -> Result:
    result = CliRunner().invoke(main, ["doctor", *arguments], env=environ)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Family]:
    with family(tmp_path) as home:
        yield home


def as_json(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result.output)
    assert document["healthy"] == (result.exit_code == 0)
    assert set(document) == {"healthy", "version", "checked_at", "checks", "recount"}
    for check in document["checks"]:
        assert set(check) == {"check", "state", "sentence", "examples", "advice", "details"}
        assert check["state"] in ("well", "note", "wrong", "skipped")
    return document


def spoil(home: Family, statement: str) -> None:
    """Something that no linnet does."""
    servers = find_running(home.directory)
    assert servers is not None
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_an_installation_is_well_then_not_then_mended_while_people_go_on_then_stopped(home: Family) -> None:
    linnet = home.serve(LINNET_RATE_LIMITS_ENABLED="false")
    place = ("--data-dir", str(home.directory))
    ada, ben = Person(linnet.url, "ada").sign_up(), Person(linnet.url, "ben").sign_up()
    ben.follow(ada)
    ada.post("hello")
    eventually(lambda: ben.reads("hello"), what="ben reads ada")
    # The runner of jobs says a moment after the start that it lives.
    eventually(lambda: invoked(*place).exit_code == 0, what="all is well")
    outcome = home.run("doctor", *place, "--recount")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.rstrip().endswith("All is well.")
    assert "well  counters" in outcome.out

    spoil(home, "update users set followers_count = 7 where username = 'ada'")
    found = invoked(*place, "--recount")
    assert found.exit_code == 1
    assert f"user {ada.id}: followers 7, counted 1\n" in found.output
    assert "`linnet doctor --recount --repair`" in found.output
    assert found.output.rstrip().endswith("Not well: counters.")

    stop, posted = threading.Event(), 0

    def go_on() -> None:
        nonlocal posted
        while not posted or not stop.is_set():
            ben.post(f"number {posted}")
            posted += 1

    acting = threading.Thread(target=go_on)
    acting.start()
    try:
        document = as_json(invoked(*place, "--recount", "--repair", "--json"))
    finally:
        stop.set()
        acting.join()
    wrong = {"counter": "followers", "owner": f"user {ada.id}", "stored": 7, "counted": 1, "repaired": True}
    assert document["recount"]["differences"] == [wrong]
    document = as_json(invoked(*place, "--recount", "--json"))
    assert (document["healthy"], document["recount"]["differing"], document["recount"]["held_back"]) == (True, 0, 0)
    assert posted > 0
    assert ada.call("GET", f"/users/{ada.id}").json()["counts"]["followers"] == 1
    assert ada.call("GET", f"/users/{ben.id}").json()["counts"]["tweets"] == posted

    linnet.stop()
    stopped = invoked(*place)
    assert stopped.exit_code == 1
    assert f"No linnet runs on {home.directory}: start it with `linnet serve" in stopped.output


def test_where_nothing_runs_it_says_so_and_how_to_start() -> None:
    result = invoked()
    assert result.exit_code == 1
    assert "WRONG servers     No linnet runs here: start `linnet serve`" in result.output
    document = as_json(invoked("--json"))
    assert [(each["check"], each["state"]) for each in document["checks"]] == [("servers", "wrong")]


def test_what_is_starting_is_to_be_asked_again(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with (tmp_path / "data/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = invoked("--data-dir", "data")
    assert result.exit_code == 1
    assert "The linnet on data is starting or stopping." in result.output


def test_settings_that_cannot_be_used_are_all_told() -> None:
    result = invoked(LINNET_TWEET_MAX_CHARS="many", LINNET_WRONG="1")
    assert result.exit_code == 1
    assert "WRONG settings" in result.output
    assert "LINNET_TWEET_MAX_CHARS must be" in result.output
    assert "LINNET_WRONG is not a setting" in result.output
    half = invoked(LINNET_DATABASE_URL="postgresql:///linnet")
    assert half.exit_code == 1
    assert "set both, or neither" in half.output


def test_stores_that_are_away_are_told_in_few_lines() -> None:
    away = {"LINNET_DATABASE_URL": "postgresql://127.0.0.1:1/linnet", "LINNET_VALKEY_URL": "redis://127.0.0.1:1"}
    result = invoked("--recount", **away)
    assert result.exit_code == 1
    assert "Not well: PostgreSQL, Valkey." in result.output
    assert result.output.rstrip().endswith(
        "Not looked at because of that:"
        " schema, clock, processes, events, parked, jobs, reports, timelines, backup, counters."
    )


def test_to_repair_without_counting_is_no_command() -> None:
    result = invoked("--repair")
    assert result.exit_code == 2
    assert "say both" in result.output
