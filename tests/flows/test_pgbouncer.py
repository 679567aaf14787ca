"""Web processes behind PgBouncer in transaction mode, with workers that go to PostgreSQL itself.

The PgBouncer is real and has two connections to PostgreSQL for all of them, so that hardly any two transactions of one
client are on the same one.
"""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from click.testing import CliRunner

from linnet.cli import main
from linnet.ids import random_bytes
from linnet.stores.postgres.pool import Database, PostgresOptions
from linnet.stores.postgres.queries import Query, load_queries
from tests.flows._linnet_process import REQUEST_SECONDS, Family, Person, eventually, family, free_port, url_of
from tests.support.pgbouncer import PgBouncer, open_pgbouncer, read_shipped
from tests.support.servers import Servers

SQL = Path(__file__).parents[2] / "src/linnet/stores/postgres/sql"
SHOW = "select name, setting from pg_settings where name = any(%(names)s)"


class Patient(Person):
    """Comes again when told to, as programs do: a machine that is busy turns people away for a moment."""

    def __init__(self, url: str, name: str, client: httpx.Client) -> None:
        super().__init__(url, name)
        self.client = client
        self.refused = 0

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        if method == "POST":
            headers["Idempotency-Key"] = random_bytes(8).hex()
        headers |= more.pop("headers", {})

        def answered() -> httpx.Response | None:
            answer = self.client.request(method, path, headers=headers, **more)
            self.refused += answer.status_code == 503
            return None if answer.status_code == 503 else answer

        return eventually(answered, what=f"an answer to {method} {path}")


class Site:
    """One installation; ``web`` answers through ``pgbouncer``."""

    def __init__(self, linnets: Family, pgbouncer: PgBouncer, database_url: str, valkey_url: str) -> None:
        self.linnets = linnets
        self.pgbouncer = pgbouncer
        self.database_url = database_url
        self.settings = {
            "LINNET_DATABASE_URL": url_of(database_url),
            "LINNET_VALKEY_URL": valkey_url,
            "LINNET_VALKEY_PREFIX": f"site{random_bytes(4).hex()}:",
            "LINNET_RATE_LIMITS_ENABLED": "false",
        }
        self.through = {**self.settings, "LINNET_DATABASE_URL": pgbouncer.url}
        port = free_port()
        self.web = linnets.start("web", "--port", str(port), **self.through)
        self.web.wait_ready(port)

    @contextmanager
    def person(self, name: str) -> Iterator[Patient]:
        with httpx.Client(base_url=f"{self.web.url}/api", timeout=REQUEST_SECONDS) as client:
            person = Patient(self.web.url, name, client)
            person.sign_up()
            yield person


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[Site]:
    with (
        servers.fresh_database() as database_url,
        open_pgbouncer(database_url, connections=2) as pgbouncer,
        family(tmp_path_factory.mktemp("site")) as linnets,
    ):
        yield Site(linnets, pgbouncer, database_url, servers.valkey_url)


def live_a_day(ada: Patient, bob: Patient, number: int) -> None:
    """What two people do, every statement of which a client would prepare after some times."""
    tweet_id = ada.post(f"day {number} #pooled")
    answers = [
        bob.call("PUT", f"/users/{ada.id}/follow"),
        bob.call("PUT", f"/tweets/{tweet_id}/like"),
        bob.call("POST", "/tweets", json={"text": f"so it is @{ada.name}", "reply_to": tweet_id}),
        bob.call("PUT", f"/tweets/{tweet_id}/retweet"),
        bob.call("GET", "/timelines/home"),
        ada.call("GET", "/notifications"),
        ada.call("PATCH", "/me", json={"bio": f"day {number}"}),
        bob.call("GET", f"/users/{ada.id}/tweets"),
        bob.call("GET", f"/tweets/{tweet_id}/thread"),
        bob.call("GET", "/search", params={"q": "pooled", "type": "tweets"}),
        bob.call("GET", "/tags/pooled/tweets"),
        bob.call("GET", "/tweets"),
        bob.call("DELETE", f"/tweets/{tweet_id}/like"),
        bob.call("DELETE", f"/users/{ada.id}/follow"),
        ada.call("DELETE", f"/tweets/{tweet_id}"),
        bob.call("GET", f"/tweets/{tweet_id}"),
    ]
    assert [answer.status_code for answer in answers[:-1] if answer.status_code >= 400] == [], [
        answer.text for answer in answers if answer.status_code >= 400
    ]
    assert answers[-1].status_code == 404


def test_all_that_people_do_works_when_each_transaction_has_another_connection(site: Site) -> None:
    port = free_port()
    worker = site.linnets.start("worker", "--jobs", "--metrics-port", str(port), **site.settings)
    worker.wait_ready(port)
    with ExitStack() as stack, ThreadPoolExecutor(2) as clients:
        ada, bob, eve, kim = (stack.enter_context(site.person(name)) for name in ("ada", "bob", "eve", "kim"))
        # A client of PostgreSQL prepares what it said five times.
        days = [clients.submit(live_a_day, *pair, day) for day in range(4) for pair in ((ada, bob), (eve, kim))]
        assert [each.result() for each in days] == [None] * len(days)
        bob.follow(ada)
        ada.post("the last word")
        eventually(lambda: bob.reads("the last word"), what="bob reads ada")
    assert site.pgbouncer.connections <= 2
    outcome = worker.stop()
    assert outcome.code == 0, outcome.err
    for said in (outcome.err, site.web.err):
        assert not re.search("prepared statement|Traceback", said), said


def test_a_pgbouncer_that_comes_back_has_cost_nothing_that_was_promised(site: Site) -> None:
    promised: list[str] = []
    done = threading.Event()

    def post(author: Patient) -> None:
        while not done.is_set():
            promised.append(author.post(f"number {len(promised)}"))

    def some_are_posted() -> None:
        wanted = len(promised) + 5
        eventually(lambda: len(promised) >= wanted, what="some are posted")

    def somebody_is_refused(author: Patient) -> None:
        wanted = author.refused + 1
        eventually(lambda: author.refused >= wanted, what="somebody is told to come again")

    with site.person("max") as author, ThreadPoolExecutor(1) as clients:
        posting = clients.submit(post, author)
        try:
            for _ in range(3):
                some_are_posted()
                site.pgbouncer.kill()
                somebody_is_refused(author)
                site.pgbouncer.start()
            some_are_posted()
        finally:
            done.set()
        posting.result()
    with psycopg.connect(site.database_url) as connection:
        written = "select id::text, text from tweets where author_id = %s order by id"
        rows = connection.execute(written, (author.id,)).fetchall()
    # All that was promised, and each once.
    assert rows == [(tweet_id, f"number {number}") for number, tweet_id in enumerate(promised)]


def test_who_needs_a_session_of_its_own_is_told_to_go_to_postgresql(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What they log is not to be where this process logs from now on.
    for command in ("backup", "import_graph"):
        monkeypatch.setattr(f"linnet.cli.{command}.configure_logs", lambda options: None)
    site.linnets.run("worker", **site.through).assert_refused("PgBouncer", "LINNET_DATABASE_URL")
    edges = tmp_path / "edges"
    edges.write_text("1 2\n")
    for arguments in (["db", "migrate"], ["backup", str(tmp_path / "backup")], ["import-graph", str(edges)]):
        result = CliRunner().invoke(main, arguments, env=site.through)
        assert (result.exit_code, result.output.count("PgBouncer")) == (1, 1), result.output
    # Who only asks does not mind.
    assert CliRunner().invoke(main, ["db", "check"], env=site.through).exit_code == 0


async def test_statements_end_in_time_though_a_pooler_passes_no_settings_on(site: Site) -> None:
    options = PostgresOptions(site.pgbouncer.url, pool_timeout_seconds=60.0)
    wanted = dict(re.findall(r"-c (\w+_timeout|client_\w+)=(\d+)", options.server_settings))
    assert wanted.keys() >= {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"}
    names = [name for name in wanted if not name.startswith("tcp_")]
    said = dict(re.findall(r"set (\w+) = (\d+)", read_shipped()["databases"]["linnet"]))
    assert said == {name: wanted[name] for name in names}
    db = Database(options)
    await db.open()
    try:
        assert db.is_pooled
        rows = await db.fetch(lambda *row: row, Query("test.show", ("names",), "many", SHOW), names=names)
        assert dict(rows) == said
    finally:
        await db.close()


async def test_postgresql_itself_is_known_as_such(database_url: str) -> None:
    db = Database(PostgresOptions(database_url, pool_timeout_seconds=60.0))
    await db.open()
    try:
        assert not db.is_pooled
    finally:
        await db.close()


def test_only_those_who_refuse_a_pooler_keep_something_for_longer_than_a_transaction() -> None:
    inside = re.compile(
        r"\bpg_(try_)?advisory_(un)?lock(_shared)?\(|\bset_config\([^)]*false\)|\btemporary table\b", re.DOTALL
    )
    by_itself = re.compile(r"\s*(set (?!transaction)|listen|unlisten|prepare|deallocate|declare|discard|load)\b")
    # Those that fill an installation have a connection of their own, and look where it leads.
    texts = {
        query.name: re.sub(r"--.*|'[^']*'", "", query.text)
        for path in SQL.glob("*.sql")
        if path.stem not in ("bulk", "places")
        for query in load_queries(path.stem).values()
    }
    found = {name for name, text in texts.items() if inside.search(text) or by_itself.match(text)}
    assert found == {"backups.lock_backups", "backups.unlock_backups"}
