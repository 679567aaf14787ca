"""The bundled servers start from nothing, refuse with one sentence, die with us, and come back after any kill."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from linnet.embedded import find_running
from linnet.embedded.leftovers import Leftover, find_leftovers

HOST = Path(__file__).with_name("embedded_host.py")
SOURCES = Path(__file__).parents[2] / "src"
PATIENCE_SECONDS = 120
NOBODY = 65534


class Host:
    """One process with the bundled servers."""

    def __init__(self, directory: Path, speed: str, command: list[str], extra: list[str], cwd: Path | None) -> None:
        self.directory = directory
        environment = os.environ | {"PYTHONPATH": f"{SOURCES}:{os.pathsep.join(sys.path)}"}
        arguments = [*command, str(HOST), str(directory), speed, *extra]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment, cwd=cwd)
        self.words: dict[str, str] = {}

    def read_words(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.words = json.loads(output.readline())

    def servers(self) -> list[Leftover]:
        return find_leftovers(self.directory / "postgres", "postgres") + find_leftovers(
            self.directory / "valkey", "valkey-server"
        )

    def end(self, signal_number: signal.Signals) -> int:
        self.process.send_signal(signal_number)
        return self.process.wait(PATIENCE_SECONDS)

    def ask(self, sql: str) -> object:
        assert "sentence" not in self.words, self.words["sentence"]
        with psycopg.connect(self.words["database_url"], autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall()[0][0] if cursor.description else None

    def ask_valkey(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.connect(self.words["valkey_url"].removeprefix("unix://"))
            client.sendall(command.encode() + b"\r\n")
            return client.makefile("rb").readline().decode().strip()


class Hosts:
    """Starts hosts, and leaves none."""

    def __init__(self) -> None:
        self.started: list[Host] = []

    def start(
        self,
        directory: Path,
        speed: str = "fast",
        *,
        command: list[str] | None = None,
        extra: list[str] | None = None,
        cwd: Path | None = None,
    ) -> Host:
        host = Host(directory, speed, command or [sys.executable], extra or [], cwd)
        self.started.append(host)
        host.read_words()
        return host

    def end_all(self) -> None:
        for host in self.started:
            if host.process.poll() is None:
                host.end(signal.SIGKILL)
        for host in self.started:
            wait_all_gone(host.servers())


def wait_all_gone(processes: list[Leftover]) -> None:
    """Waits on each process itself, so that it is over in the moment they are."""
    for process in processes:
        poll = select.poll()
        poll.register(process.pidfd, select.POLLIN)
        assert poll.poll(PATIENCE_SECONDS * 1000), f"process {process.pid} still lives"
        process.close()


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    hosts = Hosts()
    yield hosts
    hosts.end_all()


def test_servers_start_from_nothing_and_answer(hosts: Hosts, tmp_path: Path) -> None:
    host = hosts.start(tmp_path / "data")
    assert host.ask("select current_database()") == "linnet"
    assert host.ask("select 'É' < 'z'") is False  # C.UTF-8: by code point, on every machine
    assert host.ask_valkey("PING") == "+PONG"
    assert host.end(signal.SIGTERM) == 0
    assert host.servers() == []


def test_sockets_admit_nobody_else(hosts: Hosts, tmp_path: Path) -> None:
    host = hosts.start(tmp_path / "data")
    sockets = Path(str(conninfo_to_dict(host.words["database_url"])["host"]))
    assert sockets.stat().st_mode & 0o777 == 0o700
    assert host.ask("show listen_addresses") == ""


def test_running_servers_are_found_by_other_commands(hosts: Hosts, tmp_path: Path) -> None:
    assert find_running(tmp_path / "data") is None
    host = hosts.start(tmp_path / "data")
    urls = find_running(tmp_path / "data")
    assert urls is not None
    assert urls.database_url == host.words["database_url"]
    host.end(signal.SIGKILL)
    assert find_running(tmp_path / "data") is None


def test_second_start_on_the_same_directory_is_refused(hosts: Hosts, tmp_path: Path) -> None:
    first = hosts.start(tmp_path / "data")
    second = hosts.start(tmp_path / "data")
    assert second.words["sentence"] == (
        f"The data directory {tmp_path / 'data'} is already in use by another linnet (process {first.process.pid})."
    )
    assert second.process.wait(PATIENCE_SECONDS) == 1
    assert first.ask_valkey("PING") == "+PONG"


def test_directory_of_a_newer_linnet_is_refused_and_left_alone(hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "linnet.json").write_text('{"format": 2}')
    host = hosts.start(tmp_path)
    assert host.words["sentence"] == (
        f"The data directory {tmp_path} was written by a newer linnet (format 2, this one knows 1): "
        "start it with that version."
    )
    assert {path.name for path in tmp_path.iterdir()} == {"linnet.json", "lock"}


def test_directory_of_something_else_is_refused(hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("dear to someone")
    host = hosts.start(tmp_path)
    assert "is not empty and holds no linnet data" in host.words["sentence"]


def test_database_of_a_newer_postgres_is_refused(hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "linnet.json").write_text('{"format": 1}')
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("99\n")
    host = hosts.start(tmp_path)
    assert "was made by PostgreSQL 99, and this linnet brings PostgreSQL 18" in host.words["sentence"]


def test_unwritable_directory_is_refused(hosts: Hosts, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    # Root may write everywhere, so there the host becomes someone else once it has started.
    host = hosts.start(closed / "data", extra=[str(NOBODY)] if os.geteuid() == 0 else [])
    assert host.words["sentence"] == (
        f"linnet cannot write to the data directory {closed / 'data'} (Permission denied): choose another --data-dir."
    )


def test_a_data_directory_too_long_for_sockets_works(hosts: Hosts, tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 30) / "data"
    host = hosts.start(directory)
    assert host.ask("select 1") == 1
    killed_sockets = Path(str(conninfo_to_dict(host.words["database_url"])["host"]))
    host.end(signal.SIGKILL)
    again = hosts.start(directory)
    assert again.ask_valkey("PING") == "+PONG"
    sockets = Path(str(conninfo_to_dict(again.words["database_url"])["host"]))
    assert again.end(signal.SIGTERM) == 0
    assert not killed_sockets.exists()
    assert not sockets.exists()


def test_a_killed_parent_takes_its_servers_along(hosts: Hosts, tmp_path: Path) -> None:
    host = hosts.start(tmp_path / "data")
    servers = host.servers()
    assert len(servers) >= 5  # PostgreSQL with its own children, and Valkey
    host.end(signal.SIGKILL)
    wait_all_gone(servers)
    # PostgreSQL may have begun another one just then.
    wait_all_gone(host.servers())
    assert host.servers() == []


def test_next_start_right_after_a_kill_finds_everything_acknowledged(hosts: Hosts, tmp_path: Path) -> None:
    host = hosts.start(tmp_path / "data", "durable")
    host.ask("create table said (word text)")
    for word in ("one", "two"):
        host.ask(f"insert into said values ('{word}')")
        host.end(signal.SIGKILL)
        # Not waited for: the servers of the killed one are still ending.
        host = hosts.start(tmp_path / "data", "durable")
    assert host.ask("select string_agg(word, ' ' order by word) from said") == "one two"


def test_everything_killed_at_once_comes_back(hosts: Hosts, tmp_path: Path) -> None:
    host = hosts.start(tmp_path / "data", "durable")
    host.ask("create table said as select 'kept' as word")
    servers = host.servers()
    host.end(signal.SIGKILL)
    for server in servers:
        server.send(signal.SIGKILL)
    wait_all_gone(servers)
    assert hosts.start(tmp_path / "data", "durable").ask("select word from said") == "kept"


def test_a_killed_postgres_is_started_again_although_its_backends_still_work(hosts: Hosts, tmp_path: Path) -> None:
    host = hosts.start(tmp_path / "data", "durable")
    host.ask("create table said as select 'kept' as word")
    url = host.words["database_url"]
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as busy:
        # Computes without a pause, so that it does not notice the death of its postmaster.
        busy.pgconn.send_query(b"select sum(i * i) from generate_series(1, 3000000000) as i")
        postmaster_pid = int((tmp_path / "data" / "postgres" / "postmaster.pid").read_text().split()[0])
        servers = find_leftovers(tmp_path / "data" / "postgres", "postgres")
        os.kill(postmaster_pid, signal.SIGKILL)
        wait_all_gone(servers)
    assert ask_when_back(url, "select word from said") == "kept"


def ask_when_back(url: str, sql: str) -> object:
    """The new server's readiness cannot be waited on from outside, so the connection is tried until it stands."""
    for _ in range(PATIENCE_SECONDS * 20):
        try:
            with psycopg.connect(url) as connection:
                row = connection.execute(sql.encode()).fetchone()
                assert row is not None
                return row[0]
        except psycopg.OperationalError:
            select.select([], [], [], 0.05)
    raise AssertionError("PostgreSQL did not come back")


def test_a_pid_file_whose_pid_is_someone_else_now_does_not_stop_the_start(hosts: Hosts, tmp_path: Path) -> None:
    host = hosts.start(tmp_path / "data")
    assert host.end(signal.SIGTERM) == 0
    cluster = tmp_path / "data" / "postgres"
    (cluster / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster}\n1\n5432\n\n\n")
    assert hosts.start(tmp_path / "data").ask("select 1") == 1


def test_what_valkey_holds_stays_over_a_stop_in_good_order(hosts: Hosts, tmp_path: Path) -> None:
    host = hosts.start(tmp_path / "data", "durable")
    assert host.ask_valkey("SET kept yes") == "+OK"
    assert host.end(signal.SIGTERM) == 0
    assert hosts.start(tmp_path / "data", "durable").ask_valkey("STRLEN kept") == ":3"


def test_after_a_kill_valkey_starts_empty_because_its_file_may_lack_the_last_moment(
    hosts: Hosts, tmp_path: Path
) -> None:
    host = hosts.start(tmp_path / "data", "durable")
    assert host.ask_valkey("SET lost yes") == "+OK"
    host.end(signal.SIGKILL)
    host = hosts.start(tmp_path / "data", "durable")
    assert host.ask_valkey("EXISTS lost") == ":0"
    [server] = find_leftovers(tmp_path / "data" / "valkey", "valkey-server")
    assert host.ask_valkey("SET lost yes") == "+OK"
    os.kill(server.pid, signal.SIGKILL)
    wait_all_gone([server])
    assert ask_valkey_when_back(host, "EXISTS lost") == ":0"


def ask_valkey_when_back(host: Host, command: str) -> str:
    """The new server's readiness cannot be waited on from outside, so the socket is tried until it answers."""
    for _ in range(PATIENCE_SECONDS * 20):
        try:
            return host.ask_valkey(command)
        except OSError:
            select.select([], [], [], 0.05)
    raise AssertionError("Valkey did not come back")


def test_a_cut_append_only_file_is_put_aside(hosts: Hosts, tmp_path: Path) -> None:
    host = hosts.start(tmp_path / "data", "durable")
    assert host.ask_valkey("SET kept yes") == "+OK"
    assert host.ask_valkey("SET cut yes") == "+OK"
    assert host.end(signal.SIGTERM) == 0
    (log,) = (tmp_path / "data" / "valkey" / "appendonlydir").glob("*.incr.aof")
    os.truncate(log, log.stat().st_size - 5)
    host = hosts.start(tmp_path / "data", "durable")
    assert host.ask_valkey("EXISTS kept") == ":0"
    assert (tmp_path / "data" / "valkey" / "appendonlydir.unreadable").is_dir()


def test_an_unreadable_append_only_file_is_put_aside(hosts: Hosts, tmp_path: Path) -> None:
    host = hosts.start(tmp_path / "data", "durable")
    assert host.ask_valkey("SET lost yes") == "+OK"
    assert host.end(signal.SIGTERM) == 0
    valkey = tmp_path / "data" / "valkey"
    (log,) = (valkey / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"*nonsense\r\n" * 100)
    host = hosts.start(tmp_path / "data", "durable")
    assert host.ask_valkey("EXISTS lost") == ":0"
    assert (valkey / "appendonlydir.unreadable").is_dir()


def test_a_kill_while_the_database_is_made_leaves_nothing_half_made(hosts: Hosts, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    (directory / "linnet.json").write_text('{"format": 1}')
    (directory / "postgres.new").mkdir()
    (directory / "postgres.new" / "PG_VERSION").write_text("18\n")
    assert hosts.start(directory).ask("select 1") == 1
    assert not (directory / "postgres.new").exists()


@pytest.fixture
def ordinary_python() -> list[str]:
    """A Python that an ordinary user can run with our packages, and the way to become that user."""
    if os.geteuid() != 0:
        return [sys.executable]
    switch = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    environment = os.environ | {"PYTHONPATH": f"{SOURCES}:{os.pathsep.join(sys.path)}"}
    for python in (sys.executable, "/usr/bin/python3"):
        # A child of a child, since that is what runs the servers.
        program = "import linnet.embedded, subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True); "
        program += f"open({str(HOST)!r}).close()"
        look = [*switch, python, "-c", program]
        if subprocess.run(look, env=environment, cwd="/", capture_output=True, check=False).returncode == 0:
            return [*switch, python]
    pytest.skip("the checkout or its Python lies where only root can read")


def test_an_ordinary_user_can_start_and_root_after_them(
    hosts: Hosts, ordinary_python: list[str], ordinary_home: Path
) -> None:
    directory = ordinary_home / "data"
    host = hosts.start(directory, command=ordinary_python, cwd=ordinary_home)
    host.ask("create table said as select 'kept' as word")
    assert host.end(signal.SIGTERM) == 0
    # As root this one runs the servers as the directory's owner, so that the owner can start again after it.
    host = hosts.start(directory)
    assert host.ask("select word from said") == "kept"
    assert host.end(signal.SIGTERM) == 0
    host = hosts.start(directory, command=ordinary_python, cwd=ordinary_home)
    assert host.ask("select word from said") == "kept"


@pytest.fixture
def ordinary_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory of the ordinary user, reachable for them: pytest's own is closed to everybody else."""
    home = Path(tempfile.mkdtemp(prefix="linnet-test-"))
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    yield home
    shutil.rmtree(home)
