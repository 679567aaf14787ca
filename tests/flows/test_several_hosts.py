"""Linnet on two hosts of which one is cut off: nothing is lost, nothing comes twice, no number is held by two.

Both hosts run a web process and a worker; PostgreSQL and Valkey are on a third. Cut off means that packets vanish:
nobody is told, connections stay open, and what the host had locked stays locked until PostgreSQL takes it for gone.
"""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from linnet.domain.event import LANES
from linnet.ids import SEQUENCE_BITS, WORKERS, random_bytes
from tests.flows._linnet_process import REQUEST_SECONDS, Family, Person, eventually, family
from tests.support.hosted_stores import Stores, open_stores
from tests.support.hosts import Host, Network, NoHosts, open_network

WEB, SECOND_WEB, MONITORED = 8000, 8001, 9000
# A writer's pause between two tweets. It leaves the processor to others, and decides nothing.
PAUSE_SECONDS = 0.2


def number_in(tweet_id: str) -> int:
    """The worker number that an id was minted under."""
    return int(tweet_id) >> SEQUENCE_BITS & WORKERS - 1


class Place:
    """One installation, on hosts ``a`` and ``b`` and the stores' own."""

    def __init__(self, network: Network, stores: Stores, hosts: tuple[Host, Host], linnets: Family) -> None:
        self.network, self.linnets = network, linnets
        self.a, self.b = hosts
        self._database = psycopg.connect(stores.beside, autocommit=True)
        self._beside = stores.beside
        self.settings = {
            "LINNET_DATABASE_URL": stores.database_url,
            "LINNET_VALKEY_URL": stores.valkey_url,
            "LINNET_RATE_LIMITS_ENABLED": "false",
        }

    def web(self, host: Host, port: int = WEB) -> "Future[None]":
        return self._start(host, port, "web", "--port", str(port))

    def worker(self, host: Host) -> "Future[None]":
        return self._start(host, MONITORED, "worker", "--jobs", "--metrics-port", str(MONITORED))

    def _start(self, host: Host, port: int, *command: str) -> "Future[None]":
        """Starts a process of linnet; done when it is ready."""
        linnet = host.start(self.linnets.start, *command, **self.settings)
        return host.begin(linnet.wait_ready, port)

    def rows(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        return self._database.execute(query.encode(), params).fetchall()

    def run(self, statement: str, *params: Any) -> None:
        self._database.execute(statement.encode(), params)

    @contextmanager
    def locked(self, person: Person) -> Iterator[None]:
        """Whoever counts something for this person waits for the end of the block."""
        with psycopg.connect(self._beside) as connection:
            connection.execute("select id from users where id = %s for no key update", (int(person.id),))
            yield
            connection.rollback()

    def holds_a_lane_and_waits(self, host: Host) -> bool:
        return bool(
            self.rows(
                "select from pg_stat_activity a join pg_locks l on l.pid = a.pid and l.locktype = 'advisory'"
                " where l.granted and a.wait_event_type = 'Lock' and a.client_addr = %s::inet",
                host.address,
            )
        )

    def holds_locks(self, host: Host) -> bool:
        return bool(
            self.rows(
                "select from pg_stat_activity where client_addr = %s::inet and xact_start is not null", host.address
            )
        )

    def has_half_of_the_lanes(self, host: Host) -> bool:
        """Whether this host's worker says that it looks after so many."""
        return f"linnet_worker_lanes {LANES / 2}" in self.metrics(host)

    def applied_on(self, host: Host) -> float:
        said = [line for line in self.metrics(host) if line.startswith('linnet_events_total{outcome="applied"}')]
        return float(said[0].split()[1]) if said else 0.0

    def metrics(self, host: Host) -> list[str]:
        return self._get(host, f"http://127.0.0.1:{MONITORED}/metrics").text.splitlines()

    def is_ready(self, host: Host) -> bool:
        with suppress(httpx.TransportError):
            return self._get(host, f"http://127.0.0.1:{WEB}/health/ready").status_code == 200
        return False

    def _get(self, host: Host, url: str) -> httpx.Response:
        # Nothing is encrypted here; reading who may sign for it would take longer than the answer.
        return host.ask(httpx.get, url, timeout=REQUEST_SECONDS, verify=False)

    def close(self) -> None:
        self._database.close()


class Writer:
    """Somebody who posts one text after the other, each as often as it takes until it is acknowledged, and each once.

    ``host`` is where they stand, which the test may change between two attempts.
    """

    def __init__(self, person: Person, host: Host) -> None:
        self.person, self.host = person, host
        self.posted: dict[str, str] = {}
        self.last_id = ""
        self.refused = 0
        self._stopped = threading.Event()

    def write(self) -> None:
        while not self._stopped.wait(PAUSE_SECONDS):
            text, key = f"{self.person.name} {len(self.posted)}", random_bytes(8).hex()
            while not (tweet_id := self._attempt(text, key)):
                self.refused += 1
                # Stopped in vain: the test has failed already.
                if self._stopped.wait(PAUSE_SECONDS):
                    return
            self.posted[text] = self.last_id = tweet_id

    def _attempt(self, text: str, key: str) -> str:
        try:
            answer = self.host.ask(
                self.person.call,
                "POST",
                "/tweets",
                json={"text": text},
                headers={"Idempotency-Key": key},
                verify=False,
            )
        except httpx.TransportError:
            return ""
        assert answer.status_code in (201, 409, 503), answer.text
        return str(answer.json()["id"]) if answer.status_code == 201 else ""

    def goes_on(self, *, count: int = 3) -> None:
        """Returns when so many more are acknowledged."""
        wanted = len(self.posted) + count
        eventually(lambda: len(self.posted) >= wanted, what=f"{self.person.name} posts")

    def is_refused(self) -> None:
        """Returns when this was so once more."""
        refused = self.refused
        eventually(lambda: self.refused > refused, what=f"{self.person.name} is refused")

    def stop(self) -> None:
        self._stopped.set()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        try:
            network = stack.enter_context(open_network())
            hosts = [network.add() for _ in range(3)]
        except NoHosts as error:
            pytest.skip(f"no network namespaces can be made here ({error}): this takes root, and a kernel with veth")
        stores = stack.enter_context(open_stores(hosts[0], tmp_path / "stores"))
        linnets = stack.enter_context(family(tmp_path))
        place = Place(network, stores, (hosts[1], hosts[2]), linnets)
        stack.callback(place.close)
        yield place


@contextmanager
def writing(*writers: Writer) -> Iterator[None]:
    """All of them write inside the block, and are through with their last text after it."""
    with ThreadPoolExecutor(len(writers)) as threads:
        futures = [threads.submit(writer.write) for writer in writers]
        try:
            yield
        finally:
            for writer in writers:
                writer.stop()
        for future in futures:
            future.result()


def everything_on(host: Host, person: Person) -> list[str]:
    """The texts of all pages of a home timeline, newest first."""
    texts: list[str] = []
    path = "/timelines/home?limit=100"
    while True:
        answer = host.ask(person.call, "GET", path)
        assert answer.status_code == 200, answer.text
        texts += [item["text"] for item in answer.json()["items"]]
        if (cursor := answer.json()["next"]) is None:
            return texts
        path = f"/timelines/home?limit=100&before={cursor}"


def reads_so_far(host: Host, reader: Person, writer: Writer, count: int) -> bool:
    """Whether so many of the writer's texts have come, or more. The newest are looked at: they do not end meanwhile."""
    with suppress(httpx.TransportError, AssertionError):
        told = [text.split() for text in host.ask(reader.home)]
        return any(name == writer.person.name and int(number) + 1 >= count for name, number in told)
    return False


def is_counted(host: Host, reader: Person, writer: Writer) -> bool:
    counts = host.ask(reader.call, "GET", f"/users/{writer.person.id}").json()["counts"]
    return bool(counts["tweets"] == len(writer.posted))


def test_a_host_that_is_cut_off_loses_nothing_and_brings_nothing_twice(place: Place) -> None:
    a, b, network = place.a, place.b, place.network
    for started in [place.web(a), place.web(b), place.worker(b)]:
        started.result()
    people = {name: Person(f"http://127.0.0.1:{WEB}", name) for name in ("ada", "bob", "eve")}
    ada, bob, eve = people.values()
    for person, host in ((ada, a), (bob, b), (eve, a)):
        host.ask(person.sign_up)
    for reader, author in ((eve, ada), (eve, bob), (ada, bob), (bob, ada)):
        a.ask(reader.follow, author)
    ada_writes, bob_writes = Writer(ada, a), Writer(bob, b)
    with writing(ada_writes, bob_writes):
        for writer in (ada_writes, bob_writes):
            writer.goes_on()
        number_of_b = number_in(bob_writes.last_id)

        # Cut off while its worker is in the middle of a batch: it holds lanes, and cannot say that it is gone.
        with place.locked(ada):
            eventually(lambda: place.holds_a_lane_and_waits(b), what="the worker of B is in a batch")
            network.cut(b)
        worker_a = place.worker(a)
        bob_writes.is_refused()
        eventually(lambda: not place.is_ready(b), what="B says that it is not ready")
        # The app of somebody who is refused goes to the other host, with what was not acknowledged.
        bob_writes.host = a
        worker_a.result()
        for writer in (ada_writes, bob_writes):
            writer.goes_on()
        for writer in (ada_writes, bob_writes):
            is_there = partial(reads_so_far, a, eve, writer, len(writer.posted))
            eventually(is_there, what="A applies what waited in lanes of B")
        eventually(lambda: not place.holds_locks(b), what="PostgreSQL takes B for gone")

        # The number of B's web process is somebody else's before B can hear of it: the only one that is free.
        # All others are held for longer than this test takes, also those of processes that cannot say so now.
        place.run(
            "update worker_leases"
            " set expires_at = now() + case worker when %s then interval '-1 s' else interval '1 day' end",
            number_of_b,
        )
        place.run(
            "insert into worker_leases select n, '\\x00', 0, 0, now() + interval '1 day' from generate_series(0, %s) n"
            " on conflict do nothing",
            WORKERS - 1,
        )
        place.web(a, SECOND_WEB).result()
        ada.url = f"http://127.0.0.1:{SECOND_WEB}"
        eventually(lambda: number_in(ada_writes.last_id) == number_of_b, what="ada posts under the number of B")
        place.run("delete from worker_leases where holder = '\\x00'")

        network.join(b)
        eventually(lambda: place.is_ready(b), what="B is back")
        bob_writes.host = b
        bob_writes.goes_on()
        eventually(lambda: number_in(bob_writes.last_id) != number_of_b, what="B mints under a number of its own")
        ada_writes.goes_on()
        assert number_in(ada_writes.last_id) == number_of_b

        # What is under way when the wire is pulled arrives late, or never.
        for _ in range(2):
            network.cut(b)
            bob_writes.is_refused()
            network.join(b)
            bob_writes.goes_on()

        for host in (a, b):
            eventually(partial(place.has_half_of_the_lanes, host), what="each worker has half of the lanes")
        applied, names = place.applied_on(b), map("newcomer{}".format, itertools.count())

        def comes_in_a_lane_of_b() -> bool:
            newcomer = Person(eve.url, next(names))
            a.ask(newcomer.sign_up)
            a.ask(newcomer.follow, eve)
            return place.applied_on(b) > applied

        eventually(comes_in_a_lane_of_b, what="B takes part again")

    eventually(lambda: place.rows("select count(*) from outbox") == [(0,)], what="all events are applied")
    assert place.rows("select kind, reason from parked_events") == []
    assert place.rows("select id from tweets group by id having count(*) > 1") == []
    texts = sorted([*ada_writes.posted, *bob_writes.posted])
    for host in (a, b):
        for reader in (eve, ada, bob):
            reader.url = f"http://127.0.0.1:{WEB}"
            assert sorted(everything_on(host, reader)) == texts, (host.address, reader.name)
    for writer in (ada_writes, bob_writes):
        # What a process remembers of a profile is taken from it a moment after the commit.
        eventually(partial(is_counted, a, eve, writer), what=f"the tweets of {writer.person.name} are counted")
    compared = a.start(place.linnets.start, "timelines", "verify", **place.settings).outcome()
    assert compared.code == 0, compared.err
    assert compared.out.endswith("0 differences\n")
