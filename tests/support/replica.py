"""A primary of its own and a streaming replica of it, from the bundled programs.

The replica hears of the primary over a strait, so that another user's process can reach it. What it replays, and when,
the test says.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from linnet.embedded import Child
from linnet.embedded.account import Account, service_account
from linnet.embedded.datadir import DataDir, open_data_dir
from linnet.embedded.postgres import DATABASE, USER, Postgres
from linnet.embedded.programs import Programs, programs_for
from linnet.embedded.sockets import open_sockets_directory, remove_sockets_directory
from linnet.stores.postgres.migrate import migrate
from tests.support.servers import Servers
from tests.support.strait import Strait, open_strait

T = TypeVar("T")


class Ground:
    """A thread with a loop of its own, for as long as children live: they die with the thread that started them."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._runner.run, work).result()

    def close(self) -> None:
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


class Pair:
    """``primary`` makes databases; ``beside`` says where one of them is on the replica."""

    def __init__(self, ground: Ground, primary: Servers, replica: Postgres) -> None:
        self._ground = ground
        self._replica = replica
        self._child: Child | None = None
        self.primary = primary
        self._admin = make_conninfo(host=str(replica.sockets), user=USER, dbname="postgres")

    def beside(self, database_url: str) -> str:
        return make_conninfo(database_url, host=str(self._replica.sockets))

    def pause(self) -> None:
        """From now on it replays nothing. Returns when that is so."""
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute("select pg_wal_replay_pause()")
            while connection.execute("select pg_get_wal_replay_pause_state()").fetchone() != ("paused",):
                connection.execute("select pg_sleep(0.01)")

    def resume(self) -> None:
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute("select pg_wal_replay_resume()")

    def stop(self) -> None:
        if self._child is not None:
            self._ground.run(self._child.stop())
            self._child = None

    def start(self) -> None:
        """Returns when it answers."""
        self._child = self._ground.run(self._replica.start())


@contextmanager
def open_pair(directory: Path, valkey_url: str) -> Iterator[Pair]:
    """Both run inside the block."""
    with (
        closing(Ground()) as ground,
        open_data_dir(directory / "primary") as first,
        open_data_dir(directory / "replica") as second,
    ):
        account = service_account(first.owner_uid)
        programs = programs_for(account)
        primary, replica = (_postgres(each, account, programs) for each in (first, second))
        running = ground.run(primary.start())
        try:
            primary_url = make_conninfo(host=str(primary.sockets), user=USER, dbname=DATABASE)
            with psycopg.connect(primary_url, autocommit=True) as connection:
                connection.execute("alter system set autovacuum = off")
                connection.execute("select pg_reload_conf()")
            migrate(primary_url)
            # Nobody may be in a database that is copied.
            servers = Servers(make_conninfo(primary_url, dbname="postgres"), valkey_url, DATABASE)
            with open_strait(primary_url) as strait:
                _copy(programs, strait, second.path / "postgres", account)
                pair = Pair(ground, servers, replica)
                try:
                    pair.start()
                    yield pair
                finally:
                    pair.stop()
        finally:
            ground.run(running.stop())
            remove_sockets_directory(first)
            remove_sockets_directory(second)
    shutil.rmtree(directory, ignore_errors=True)


def _postgres(data_dir: DataDir, account: Account | None, programs: Programs) -> Postgres:
    data_dir.make_directory(data_dir.logs, None)
    sockets = open_sockets_directory(data_dir, account)
    return Postgres(data_dir=data_dir, sockets=sockets, programs=programs, account=account, durable=False)


def _copy(programs: Programs, strait: Strait, cluster: Path, account: Account | None) -> None:
    """A base backup that goes on as a replica when it is started."""
    place = make_conninfo(strait.url, dbname="postgres")
    command = [programs.of_postgres("pg_basebackup"), "--pgdata", str(cluster), "--dbname", place]
    command += ["--write-recovery-conf", "--checkpoint", "fast", "--wal-method", "stream", "--no-sync"]
    subprocess.run(command, check=True, timeout=120, stdin=subprocess.DEVNULL)
    if account is not None:
        for path in (cluster, *cluster.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
