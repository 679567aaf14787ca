"""linnet with its pages, as it is run: ``linnet web`` and ``linnet worker``, on the servers of the tests."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from linnet.ids import random_bytes
from tests.flows._linnet_process import Family, Person, eventually, family, free_port, url_of
from tests.support.servers import Servers

_numbers = count()


class WebSite:
    """An installation that answers at ``url``. People who need not sign up on a page do it over the API."""

    def __init__(self, linnets: Family, database_url: str, valkey_url: str, settings: Mapping[str, str]) -> None:
        self.linnets = linnets
        self.database_url = database_url
        self.settings = {
            "LINNET_DATABASE_URL": url_of(database_url),
            "LINNET_VALKEY_URL": valkey_url,
            "LINNET_VALKEY_PREFIX": f"pages{random_bytes(4).hex()}:",
            "LINNET_MEDIA_URL": (linnets.directory.with_name("media")).as_uri(),
            # All people of a test come from one address.
            "LINNET_RATE_LIMITS_ENABLED": "false",
            "LINNET_LOG_LEVEL": "warning",
            **settings,
        }
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        web = linnets.start("web", "--port", str(port), **self.settings)
        port_of_worker = free_port()
        worker = linnets.start("worker", "--jobs", "--metrics-port", str(port_of_worker), **self.settings)
        with ThreadPoolExecutor(2) as both:
            list(both.map(lambda one, at: one.wait_ready(at), (web, worker), (port, port_of_worker)))

    def sign_up(self, name: str) -> Person:
        """Somebody new, under exactly this name."""
        return Person(self.url, name).sign_up()

    def newcomer(self, name: str = "n") -> Person:
        """Somebody new, under a name that begins so."""
        return self.sign_up(f"{name}{next(_numbers)}")

    def settle(self) -> None:
        """Waits until the worker applied every event that waits."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:

            def nothing_waits() -> bool:
                found = connection.execute("select not exists (select from outbox)").fetchone()
                return found is not None and found[0]

            eventually(nothing_waits, what="all events are applied")
            parked = connection.execute("select kind, reason from parked_events").fetchall()
        assert not parked, parked


@contextmanager
def open_web_site(servers: Servers, directory: Path, **settings: str) -> Iterator[WebSite]:
    """A site without people. Its processes are gone after the block, and also when this process is killed.

    ``settings`` go into their environment.
    """
    (directory / "media").mkdir()
    with servers.fresh_database() as database_url, family(directory) as linnets:
        yield WebSite(linnets, database_url, servers.valkey_url, settings)
