"""What keeps ``linnet serve`` from starting is one clear sentence and an exit code, never a traceback."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from linnet.embedded import find_running
from tests.flows._linnet_process import Family, family, free_port

NOBODY = 65534
# Becomes nobody once all is imported, encodings too: they may not be able to read it.
AS_NOBODY = f"""
import encodings.idna, os, sys
import linnet.cli.serve
from linnet.cli import main
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
main(prog_name="linnet")
"""


@pytest.fixture
def linnets(tmp_path: Path) -> Iterator[Family]:
    with family(tmp_path) as linnets:
        yield linnets


def serve(linnets: Family, *, port: int | None = None) -> tuple[str, ...]:
    return ("serve", "--data-dir", str(linnets.directory), "--port", str(port or free_port()), "--no-demo")


def test_a_second_start_on_the_same_data_directory(linnets: Family) -> None:
    port = free_port()
    first = linnets.serve(port=str(port))
    # Also at the same port, which is what happens to people: the directory is what is worth knowing.
    for other_port in (port, free_port()):
        linnets.run(*serve(linnets, port=other_port)).assert_refused("already in use by another linnet", str(first.pid))
    first.wait_ready(port)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_busy_port(linnets: Family, host: str) -> None:
    with socket.socket() as other:
        # As Granian does it: two of its kind would both be let in.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        outcome = linnets.run(*serve(linnets, port=port), "--host", host)
        outcome.assert_refused(f"port {port}", "in use", "--port")
        linnets.run("web", "--port", str(port), "--host", host, **NO_STORES).assert_refused(f"port {port}")
        linnets.run("worker", "--metrics-port", str(port), **NO_STORES).assert_refused("--metrics-port")
    assert not linnets.directory.exists(), "nothing heavy was started for it"


NO_STORES = {"LINNET_DATABASE_URL": "postgresql:///none?host=/nonexistent", "LINNET_VALKEY_URL": "unix:///nonexistent"}


def test_an_address_that_is_not_ours(linnets: Family) -> None:
    linnets.run(*serve(linnets), "--host", "192.0.2.1").assert_refused("192.0.2.1", "not an address of this machine")
    linnets.run(*serve(linnets), "--host", "no.such.host.invalid").assert_refused("no.such.host.invalid")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_unwritable_directory_as_an_ordinary_user(linnets: Family) -> None:
    linnets.directory.mkdir(mode=0o755)
    outcome = linnets.run(*serve(linnets), command=(sys.executable, "-c", AS_NOBODY))
    outcome.assert_refused("cannot write to the data directory", "--data-dir")


def test_a_data_directory_that_can_be_none(linnets: Family) -> None:
    linnets.directory.write_text("a file")
    linnets.run(*serve(linnets)).assert_refused("cannot write to the data directory")


def test_somebody_elses_directory(linnets: Family) -> None:
    linnets.directory.mkdir()
    (linnets.directory / "thesis.tex").write_text("\\begin{document}")
    linnets.run(*serve(linnets)).assert_refused("holds no linnet data")
    assert [path.name for path in linnets.directory.iterdir() if path.name != "lock"] == ["thesis.tex"]


def test_a_data_directory_of_a_newer_version(linnets: Family) -> None:
    linnets.directory.mkdir()
    (linnets.directory / "linnet.json").write_text('{"format": 99}')
    linnets.run(*serve(linnets)).assert_refused("newer linnet")


def test_a_schema_of_a_newer_version(linnets: Family) -> None:
    running = linnets.serve()
    servers = find_running(linnets.directory)
    assert servers is not None
    with psycopg.connect(servers.database_url) as connection:
        connection.execute(
            "insert into schema_migrations (migration_hash, migration_id, applied_at_utc)"
            " values ('x', '9999.from-the-future', now())"
        )
    place = ("--data-dir", str(linnets.directory))
    linnets.run("db", "check", *place).assert_refused("newer linnet", "9999.from-the-future")
    linnets.run("web", "--port", str(free_port()), *place).assert_refused("newer linnet")
    linnets.run("worker", *place).assert_refused("newer linnet")
    assert running.stop().code == 0
    linnets.run(*serve(linnets)).assert_refused("newer linnet")
    assert linnets.pids() == {}


def test_settings_that_cannot_be_used(linnets: Family) -> None:
    outcome = linnets.run(*serve(linnets), LINNET_TWEET_MAX_CHARS="lots", LINNET_WEB_PROCESES="2")
    assert outcome.code == 2
    assert outcome.err.splitlines() == [
        "linnet: LINNET_WEB_PROCESES is not a setting. Did you mean LINNET_WEB_PROCESSES?",
        "linnet: LINNET_TWEET_MAX_CHARS must be a whole number from 1 to 10000; it is 'lots'.",
    ]


def test_only_one_of_the_two_stores_given(linnets: Family) -> None:
    only_one = {"LINNET_DATABASE_URL": "postgresql:///linnet"}
    linnets.run(*serve(linnets), **only_one).assert_refused("only one of")
    linnets.run("worker", **only_one).assert_refused("LINNET_VALKEY_URL is not")


def test_commands_where_nothing_runs(linnets: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["events", "list"], ["db", "check"], ["demo"], ["worker"], ["web", "--port", str(free_port())]):
        linnets.run(*command).assert_refused("no linnet runs here", "linnet serve", "LINNET_DATABASE_URL")


def test_commands_when_the_stores_are_away(linnets: Family) -> None:
    for command in (["events", "list"], ["db", "check"], ["db", "migrate"], ["demo"]):
        linnets.run(*command, **NO_STORES).assert_refused("PostgreSQL")
