"""A real PgBouncer on the configuration that is shipped, in front of a database."""

import configparser
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from linnet.embedded.account import service_account
from tests.flows._linnet_process import LIBC, eventually, free_port
from tests.support.strait import Strait, open_strait

SHIPPED = Path(__file__).parents[2] / "deploy/pgbouncer/pgbouncer.ini"


def read_shipped() -> configparser.ConfigParser:
    configured = configparser.ConfigParser(interpolation=None, strict=True, comment_prefixes=(";;",))
    configured.read_string(SHIPPED.read_text("utf-8"))
    return configured


class PgBouncer:
    """``url`` leads through it. PostgreSQL has at most ``connections`` of it to bear."""

    def __init__(self, directory: Path, strait: Strait, connections: int) -> None:
        self._directory = directory
        self._strait = strait
        self._port = free_port()
        words = {name: str(value) for name, value in conninfo_to_dict(strait.url).items()}
        self.url = f"postgresql://{words['user']}@127.0.0.1:{self._port}/linnet"
        self._configure(words, connections)
        self._process: subprocess.Popen[bytes] | None = None

    def _configure(self, words: dict[str, str], connections: int) -> None:
        """As it is shipped, but for where things are and how many."""
        configured = read_shipped()
        there = f"host={words['host']} port={words['port']} dbname={words['dbname']} user={words['user']}"
        shipped = configured["databases"]["linnet"]
        prefix, said, query = shipped.partition(" connect_query=")
        assert prefix == "host=127.0.0.1 port=5432 dbname=linnet"
        configured["databases"]["linnet"] = there + said + query
        users = self._directory / "users.txt"
        users.write_text(f'"{words["user"]}" ""\n')
        configured["pgbouncer"].update(
            listen_port=str(self._port),
            auth_type="trust",
            auth_file=str(users),
            default_pool_size=str(connections),
            unix_socket_dir="",
        )
        with (self._directory / "pgbouncer.ini").open("w") as file:
            configured.write(file)

    def start(self) -> None:
        program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program is not None, "PgBouncer is not installed: apt-get install pgbouncer"
        account = service_account(0) if os.geteuid() == 0 else None
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, str(self._directory / "pgbouncer.ini")],
                # It refuses to be root.
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else [],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: LIBC.prctl(1, signal.SIGKILL),
            )
        eventually(self._answers, what="PgBouncer answers")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.kill()

    @property
    def log(self) -> str:
        return (self._directory / "log").read_text()

    @property
    def connections(self) -> int:
        """How many PostgreSQL has to bear."""
        return self._strait.crossings

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


@contextmanager
def open_pgbouncer(database_url: str, *, connections: int) -> Iterator[PgBouncer]:
    """Started, and gone after the block."""
    # Where another account can read it.
    with (
        tempfile.TemporaryDirectory(prefix="linnet-pgbouncer-", dir="/tmp") as place,
        open_strait(database_url) as strait,
    ):
        directory = Path(place)
        directory.chmod(0o755)
        pgbouncer = PgBouncer(directory, strait, connections)
        try:
            pgbouncer.start()
            yield pgbouncer
        finally:
            pgbouncer.close()
