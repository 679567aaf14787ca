"""``linnet jobs``: the process that runs background jobs, and what it shows of them."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from linnet.clock import SystemClock
from linnet.domain.session import SESSION_DAYS
from tests.flows._linnet_process import COMMAND, REQUEST_SECONDS, Family, eventually, family, free_port, url_of
from tests.support.servers import Servers


@pytest.fixture
def linnets(tmp_path: Path) -> Iterator[Family]:
    with family(tmp_path) as linnets:
        yield linnets


@pytest.fixture
def settings(database_url: str, servers: Servers) -> dict[str, str]:
    return {"LINNET_DATABASE_URL": url_of(database_url), "LINNET_VALKEY_URL": servers.valkey_url}


def linnet(linnets: Family, settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (*COMMAND, *arguments)
    return subprocess.run(
        command, env=linnets.environment(settings), capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize("role", [("jobs",), ("worker", "--jobs")], ids=" ".join)
def test_the_periodic_job_prunes_and_the_process_stops_in_good_order(
    linnets: Family, settings: dict[str, str], database_url: str, role: tuple[str, ...]
) -> None:
    now_ms = SystemClock().now_ms()
    with psycopg.connect(database_url, autocommit=True) as connection:
        for number, last_used_ms in enumerate([now_ms, now_ms - (SESSION_DAYS + 1) * 86_400_000]):
            connection.execute(
                "insert into sessions (user_id, id, token_hash, device, last_used_ms) values (7, %s, %s, '', %s)",
                (number, bytes([number]), last_used_ms),
            )
        connection.execute(
            "insert into idempotency_keys (user_id, key, request_hash, tweet_id, created_at)"
            " values (7, 'old', '', 1, now() - interval '2 hours'), (7, 'new', '', 1, now())"
        )

        def left() -> list[tuple[str, ...]]:
            return connection.execute(
                "select id::text from sessions union all select key from idempotency_keys"
            ).fetchall()

        port = free_port()
        process = linnets.start(*role, "--metrics-port", str(port), **settings)
        process.wait_ready(port)
        eventually(lambda: left() == [("0",), ("new",)], what="what is old is pruned")

        def metrics() -> str:
            return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=REQUEST_SECONDS).text

        # Its turn may come again meanwhile.
        done = re.compile(r'^linnet_job_runs_total{job="prune",outcome="done"} [1-9]', re.M)
        eventually(lambda: done.search(metrics()), what="the run counts")
        assert "linnet_jobs_given_up 0.0" in metrics()
        outcome = process.stop()
        assert (outcome.code, "Traceback" in outcome.err) == (0, False), outcome.err
        # It signed off, so that nobody has to wait and see whether it is still alive.
        assert connection.execute("select count(*) from linnet_jobs.procrastinate_workers").fetchone() == (0,)


def test_jobs_are_listed_and_tried_again(linnets: Family, settings: dict[str, str], database_url: str) -> None:
    assert linnet(linnets, settings, "jobs", "list").stdout == "No jobs.\n"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into linnet_jobs.procrastinate_jobs (queue_name, task_name, args, status, attempts)"
            """ values ('dig', 'dig', '{"depth": 3}', 'failed', 11), ('dig', 'dig', '{}', 'todo', 0)"""
        )
    assert linnet(linnets, settings, "jobs", "list").stdout == (
        '1  dig {"depth": 3}  given up, 11 earlier attempts\n2  dig {}  waits\n2 jobs\n'
    )
    assert json.loads(linnet(linnets, settings, "jobs", "list", "--json").stdout.splitlines()[0]) == {
        "job_id": "1",
        "name": "dig",
        "status": "failed",
        "attempts": 11,
        "due_at": None,
        "arguments": {"depth": 3},
    }
    assert linnet(linnets, settings, "jobs", "retry", "1").returncode == 0
    again = linnet(linnets, settings, "jobs", "retry", "1")
    assert (again.returncode, again.stderr) == (1, "linnet: no job 1 was given up.\n")
    assert "given up" not in linnet(linnets, settings, "jobs", "list").stdout
