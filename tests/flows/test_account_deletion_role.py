"""Leaving a running linnet: the jobs process erases while the others serve."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from linnet.ids import random_bytes
from tests.flows._linnet_process import Family, Linnet, Person, eventually, family, free_port, url_of
from tests.support.servers import Servers


@pytest.fixture
def linnets(tmp_path: Path) -> Iterator[Family]:
    with family(tmp_path) as linnets:
        yield linnets


def started(linnets: Family, settings: dict[str, str], role: str, option: str) -> Linnet:
    port = free_port()
    linnet = linnets.start(role, option, str(port), **settings)
    linnet.wait_ready(port)
    return linnet


def test_an_account_is_erased_while_processes_come_and_go(linnets: Family, servers: Servers, database_url: str) -> None:
    settings = {
        "LINNET_DATABASE_URL": url_of(database_url),
        "LINNET_VALKEY_URL": servers.valkey_url,
        "LINNET_VALKEY_PREFIX": f"leaving{random_bytes(4).hex()}:",
    }
    web, other_web = (started(linnets, settings, "web", "--port") for _ in range(2))
    started(linnets, settings, "worker", "--metrics-port")
    zoe, ada = Person(web.url, "zoe").sign_up(), Person(web.url, "ada").sign_up()
    ada.follow(zoe)
    zoe.follow(ada)
    for number in range(3):
        zoe.post(f"thimble {number}")
    eventually(lambda: ada.reads("thimble 2"), what="ada reads zoe")

    answer = zoe.call("DELETE", "/me", json={"password": "correct horse"})
    assert answer.status_code == 204, answer.text
    # The other process may know the token for as long as the word of its end takes.
    zoe.url = other_web.url
    eventually(lambda: zoe.call("GET", "/me").status_code == 401, what="zoe is logged out everywhere")
    assert not ada.reads("thimble 2")

    with psycopg.connect(database_url, autocommit=True) as connection:

        def count(query: bytes) -> int:
            row = connection.execute(query).fetchone()
            assert row is not None
            return int(row[0])

        first = started(linnets, settings, "jobs", "--metrics-port")
        os.kill(first.pid, signal.SIGKILL)
        second = started(linnets, settings, "jobs", "--metrics-port")
        waiting = b"select count(*) from linnet_jobs.procrastinate_jobs where task_name = 'erase_last_traces'"
        eventually(lambda: count(waiting) == 1, what="the first job is done")
        assert count(b"select count(*) from tweets") == 0
        assert count(b"select followers_count + following_count from users where username = 'ada'") == 0
        # Fifteen minutes later.
        connection.execute(b"update linnet_jobs.procrastinate_jobs set scheduled_at = null")
        eventually(lambda: count(b"select count(*) from users") == 1, what="the account is gone")
        eventually(
            lambda: (
                count(
                    b"select count(*) from linnet_jobs.procrastinate_jobs where task_name not in ('prune', 'end_mutes')"
                )
                == 0
            ),
            what="the job is gone too",
        )
    outcome = second.stop()
    assert (outcome.code, "Traceback" in outcome.err) == (0, False), outcome.err
