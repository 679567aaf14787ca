"""``linnet bench`` as people run it: it measures on a place of its own, and whatever happens nothing is left behind.

Of figures only that they are there is asked: how large they are is for people to judge.
"""

import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from linnet.embedded import EmbeddedOptions, EmbeddedServers, ServerUrls
from linnet.settings import read_settings
from linnet.stores.postgres.migrate import migrate
from linnet.stores.valkey.client import Valkey
from tests.flows._linnet_process import Family, eventually, family

CHEAPEST = ("bench", "memory", "--rounds", "1", "--seconds", "0.1")
ENDLESS = ("bench", "memory", "--rounds", "1000")


@pytest.fixture
def runs(tmp_path: Path) -> Iterator["Runs"]:
    with family(tmp_path) as started:
        started.directory.mkdir()
        yield Runs(started)


class Runs:
    """Runs of the command, with a directory of their own for what is temporary."""

    def __init__(self, started: Family) -> None:
        self.family = started
        self.temporary = started.directory
        # What somebody set for a place of theirs must not lead there.
        self.settings = {"TMPDIR": str(self.temporary), "LINNET_DATABASE_URL": "postgresql://nowhere.invalid/place"}

    def assert_nothing_left(self) -> None:
        self.family.assert_nobody_left()
        eventually(lambda: not list(self.temporary.iterdir()), what=f"nothing is left in {self.temporary}")


def test_it_measures_on_a_place_of_its_own_and_leaves_nothing(runs: Runs, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = ("--rounds", "1", "--seconds", "0.1", "--json", str(figures), "--check")
    done = runs.family.run("bench", "sign-up", *arguments, **runs.settings)
    assert "sign-up over HTTP" in done.out, done.err
    assert "Load average" in done.out
    written = json.loads(figures.read_text())
    assert written["stores"]["are_given"] is False
    assert written["stores"]["postgres"]["fsync"] == "on"
    (measured,) = written["measured"]
    for comparison in measured["comparisons"]:
        assert comparison["ours"] > 0
        assert comparison["reference"] > 0
        assert comparison["ratios"] == [comparison["ratio"]]
    signed_up, hashed = measured["sides"]
    assert signed_up["requests"] > 0
    assert signed_up["cpu_us"].keys() >= {"web", "worker", "PostgreSQL", "Valkey"}
    assert signed_up["memory_mb"]["Valkey"] > 0
    assert hashed["p50_ms"] <= hashed["p99_ms"]
    missed = [found for one in written["measured"] for found in one["comparisons"] if found["is_met"] is False]
    assert done.code == (1 if missed else 0)
    runs.assert_nothing_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_stopped_in_the_middle_it_leaves_nothing(runs: Runs, number: signal.Signals) -> None:
    started = runs.family.start(*ENDLESS, **runs.settings)
    eventually(lambda: list(runs.temporary.glob("*/data/servers.json")), what="the place is there")
    started.process.send_signal(number)
    outcome = started.outcome()
    if number == signal.SIGINT:
        assert outcome.code == 130
        assert "nothing is left behind" in outcome.err
        assert "Traceback" not in outcome.err
        assert outcome.out == ""
    runs.assert_nothing_left()


# Servers that somebody gives


@asynccontextmanager
async def given_servers(directory: Path) -> AsyncIterator[ServerUrls]:
    async with EmbeddedServers(directory, EmbeddedOptions(durable=False)) as servers:
        yield servers.urls


def given_by(urls: ServerUrls) -> tuple[str, ...]:
    return ("--database-url", urls.database_url, "--valkey-url", urls.valkey_url)


def tables_of(urls: ServerUrls) -> list[str]:
    with psycopg.connect(urls.database_url) as connection:
        rows = connection.execute(
            "select schemaname || '.' || tablename from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema') union all"
            " select proname from pg_proc where pronamespace = 'public'::regnamespace"
        )
        return [str(name) for (name,) in rows]


@asynccontextmanager
async def valkey_of(urls: ServerUrls) -> AsyncIterator[Valkey]:
    valkey = Valkey(read_settings({"LINNET_VALKEY_URL": urls.valkey_url}).valkey)
    await valkey.open()
    try:
        yield valkey
    finally:
        await valkey.close()


async def test_given_servers_are_used_when_empty_left_as_they_were_and_refused_when_somebody_is_there(
    runs: Runs, tmp_path: Path
) -> None:
    figures = tmp_path / "figures.json"
    async with given_servers(tmp_path / "given") as urls, valkey_of(urls) as valkey:
        done = runs.family.run(*CHEAPEST, *given_by(urls), "--json", str(figures), **runs.settings)
        assert done.code == 0, done.err
        written = json.loads(figures.read_text())
        assert written["stores"]["are_given"] is True
        (window,) = written["measured"][0]["comparisons"]
        assert window["is_met"] is (0 < window["ours"] <= 20 * 1024)
        assert tables_of(urls) == []
        assert await valkey.call(b"DBSIZE") == 0
        runs.assert_nothing_left()

        await valkey.call(b"SET", b"somebody", b"is here")
        runs.family.run(*CHEAPEST, *given_by(urls), **runs.settings).assert_refused("Valkey holds 1 key")
        assert tables_of(urls) == [], "who is refused has brought nothing"
        assert await valkey.call(b"GET", b"somebody") == b"is here"
        await valkey.call(b"DEL", b"somebody")

        migrate(urls.database_url)
        before = tables_of(urls)
        runs.family.run(*CHEAPEST, *given_by(urls), **runs.settings).assert_refused("has tables already")
        with psycopg.connect(urls.database_url) as connection:
            connection.execute(
                "insert into users (id, username, name, email, password_hash) values (1, 'ada', 'Ada', 'a@b.c', '!')"
            )
        runs.family.run(*CHEAPEST, *given_by(urls), **runs.settings).assert_refused("people live in this database")
        with psycopg.connect(urls.database_url) as connection:
            assert connection.execute("select username from users").fetchall() == [("ada",)]
        assert tables_of(urls) == before
        assert await valkey.call(b"DBSIZE") == 0


def test_servers_that_are_not_there_are_named_in_a_sentence(runs: Runs) -> None:
    place = ("--database-url", "postgresql://127.0.0.1:1/nothing", "--valkey-url", "redis://127.0.0.1:1")
    runs.family.run(*CHEAPEST, *place, **runs.settings).assert_refused("PostgreSQL")
    runs.assert_nothing_left()
