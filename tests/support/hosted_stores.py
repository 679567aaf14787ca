"""PostgreSQL and Valkey of their own on a host, reached over its network as on any machine."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo

from linnet.embedded.account import service_account
from linnet.embedded.datadir import open_data_dir
from linnet.embedded.postgres import DATABASE, USER, Postgres
from linnet.embedded.programs import programs_for
from linnet.embedded.sockets import open_sockets_directory, remove_sockets_directory
from linnet.stores.postgres.migrate import migrate
from tests.flows._linnet_process import LIBC
from tests.support.hosts import Host


class Stores(msgspec.Struct, frozen=True):
    """``database_url`` and ``valkey_url`` are for other hosts; ``beside`` is the same database for whoever is here."""

    database_url: str
    valkey_url: str
    beside: str


@contextmanager
def open_stores(host: Host, directory: Path) -> Iterator[Stores]:
    """Both run inside the block; the database is migrated and empty."""
    with open_data_dir(directory) as data_dir, ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        account = service_account(data_dir.owner_uid)
        programs = programs_for(account)
        data_dir.make_directory(data_dir.logs, None)
        stack.callback(remove_sockets_directory, data_dir)
        sockets = open_sockets_directory(data_dir, account)
        postgres = Postgres(data_dir=data_dir, sockets=sockets, programs=programs, account=account, durable=False)
        # The first start makes it; from the second on it listens.
        host.run(host.run(postgres.start()).stop())
        with (postgres.cluster / "pg_hba.conf").open("a") as known:
            known.write("host all all 10.0.0.0/24 trust\n")
        with (postgres.cluster / "postgresql.auto.conf").open("a") as settings:
            settings.write("listen_addresses = '*'\nautovacuum = off\nport = 5432\n")
        running = host.run(postgres.start())
        stack.callback(lambda: host.run(running.stop()))
        valkey = host.start(
            subprocess.Popen,
            [
                *(str(programs.valkey_server), "--bind", "0.0.0.0", "--port", "6379"),
                *("--protected-mode", "no", "--save", "", "--appendonly", "no", "--dir", str(directory)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: LIBC.prctl(1, signal.SIGKILL),
        )
        stack.callback(valkey.wait)
        stack.callback(valkey.kill)
        beside = make_conninfo(host=str(sockets), user=USER, dbname=DATABASE)
        migrate(beside)
        psycopg.connect(beside).close()
        yield Stores(f"postgresql://{USER}@{host.address}:5432/{DATABASE}", f"valkey://{host.address}:6379", beside)
