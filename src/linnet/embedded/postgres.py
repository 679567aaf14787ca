"""The bundled PostgreSQL: makes its cluster once, starts it, and says when it answers.

It listens on a socket in a directory that only its own user and root can enter, so whoever gets there is trusted.
"""

import asyncio
import os
import re
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from linnet.embedded.account import Account, reach
from linnet.embedded.children import Child, ChildSpec, StopStep, spawn
from linnet.embedded.datadir import DataDir, give_tree, sync_directory
from linnet.embedded.errors import EmbeddedError
from linnet.embedded.leftovers import all_end_within, find_leftovers
from linnet.embedded.logs import log_size_bytes, read_log_since
from linnet.embedded.postgres_settings import server_settings
from linnet.embedded.programs import Programs

log: structlog.stdlib.BoundLogger = structlog.get_logger()

MAJOR_VERSION = 18
USER = "linnet"
DATABASE = "linnet"
SOCKET_NAME = ".s.PGSQL.5432"

_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
_POLL_SECONDS = 0.01
# Recovery after a crash replays up to max_wal_size, on a slow disk too.
_START_TIMEOUT_SECONDS = 600.0
_ON_SERVER_LINE = re.compile(r"(?:FATAL|PANIC|ERROR):\s+(.*)")
_SETUP_LINE = re.compile(r"^(?:initdb|psql|createdb): (?:error|detail): (.*)|(?:FATAL|PANIC):\s+(.*)")


class Postgres(msgspec.Struct, frozen=True, kw_only=True):
    """The server on one data directory. ``sockets`` is where it listens."""

    data_dir: DataDir
    sockets: Path
    programs: Programs
    account: Account | None
    durable: bool

    @property
    def cluster(self) -> Path:
        return self.data_dir.postgres

    @property
    def log_path(self) -> Path:
        return self.data_dir.logs / "postgres.log"

    async def start(self) -> Child:
        """Ends what an earlier linnet left running, starts, and returns once the database ``linnet`` can be used."""
        if not self.cluster.is_dir():
            await self._make_cluster()
        self._check_version()
        if self.account is not None:
            give_tree(self.cluster, self.account.uid, self.account.gid)
        await self._end_leftovers()
        log_offset_bytes = log_size_bytes(self.log_path)
        with reach(self.account, self.cluster, self.sockets) as reached:
            cluster_name, sockets_name = reached.names
            self._write_settings(server_settings(sockets_name, durable=self.durable))
            child = spawn(
                ChildSpec(
                    name="PostgreSQL",
                    argv=(self.programs.of_postgres("postgres"), "-D", cluster_name),
                    environment=_ENVIRONMENT,
                    directory=self.cluster,
                    log_path=self.log_path,
                    account=self.account,
                    inherited_fds=reached.fds,
                    umask=0o077,
                    # SIGINT is a fast shutdown: clients are cut off, and all is written down.
                    parent_death_signal=signal.SIGINT,
                    stop_steps=(StopStep(signal.SIGINT, 60.0), StopStep(signal.SIGQUIT, 10.0)),
                )
            )
        try:
            await self._wait_ready(child, log_offset_bytes)
            await self._make_database()
        except BaseException:
            await child.stop()
            raise
        return child

    async def _make_cluster(self) -> None:
        """Whole or not at all: it is made beside its place and renamed."""
        for unfinished in self.data_dir.path.glob("postgres.new*"):
            shutil.rmtree(unfinished)
        new = self.data_dir.make_directory(self.data_dir.path / "postgres.new", self.account)
        try:
            with reach(self.account, new) as reached:
                argv = [self.programs.of_postgres("initdb"), "--pgdata", reached.names[0], "--username", USER]
                argv += ["--auth", "trust", "--encoding", "UTF8", "--locale-provider", "builtin"]
                argv += ["--builtin-locale", "C.UTF-8", "--locale", "C", "--no-instructions"]
                argv += [] if self.durable else ["--no-sync"]
                await self._run_setup(argv, "The database could not be made", reached.fds)
            with (new / "postgresql.conf").open("a", encoding="utf-8") as settings:
                settings.write("\ninclude_if_exists = 'linnet.conf'\n")
                settings.flush()
                os.fsync(settings.fileno())
            new.rename(self.cluster)
            sync_directory(self.data_dir.path)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise

    def _check_version(self) -> None:
        try:
            version = (self.cluster / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise EmbeddedError(f"The database in {self.cluster} cannot be read ({error.strerror}).") from error
        if version != str(MAJOR_VERSION):
            raise EmbeddedError(
                f"The database in {self.cluster} was made by PostgreSQL {version}, and this linnet brings "
                f"PostgreSQL {MAJOR_VERSION}: start it with the linnet that made it."
            )

    def _write_settings(self, text: str) -> None:
        path = self.cluster / "linnet.conf"
        with suppress(FileNotFoundError):
            path.unlink()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            if self.account is not None:
                os.fchown(fd, self.account.uid, self.account.gid)
            file.write(text)

    async def _end_leftovers(self) -> None:
        """Nobody writes to the cluster after this. Bounded: at the end of patience there is SIGKILL."""
        pid_path = self.cluster / "postmaster.pid"
        leftovers = find_leftovers(self.cluster, "postgres")
        try:
            if leftovers:
                log.warning("postgres_left_over", pids=[leftover.pid for leftover in leftovers])
                postmaster_pid = _first_line_number(pid_path)
                # Its children take other meanings from these signals, so while it lives it alone is told.
                postmasters = [leftover for leftover in leftovers if leftover.pid == postmaster_pid]
                steps = [(signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0)] if postmasters else [(signal.SIGQUIT, 5.0)]
                for step_signal, timeout_seconds in [*steps, (signal.SIGKILL, 30.0)]:
                    for leftover in leftovers if step_signal is signal.SIGKILL else postmasters or leftovers:
                        leftover.send(step_signal)
                    if await all_end_within(leftovers, timeout_seconds):
                        break
                else:
                    raise EmbeddedError(
                        f"An earlier PostgreSQL (process {leftovers[0].pid}) still uses {self.cluster} "
                        "and does not end."
                    )
        finally:
            for leftover in leftovers:
                leftover.close()
        # Nobody is left, but the pids in these may be someone else's by now, or a zombie's in a container whose first
        # process does not reap. PostgreSQL would refuse to start.
        pid_path.unlink(missing_ok=True)
        for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
            (self.sockets / name).unlink(missing_ok=True)

    async def _wait_ready(self, child: Child, log_offset_bytes: int) -> None:
        try:
            async with asyncio.timeout(_START_TIMEOUT_SECONDS):
                while not _is_ready(self.cluster / "postmaster.pid", child.pid):
                    if await child.ends_within(_POLL_SECONDS):
                        lines = read_log_since(self.log_path, log_offset_bytes)
                        reason = _last_match(_ON_SERVER_LINE, lines) or "it gave no reason"
                        raise EmbeddedError(f"PostgreSQL did not start: {reason} (see {self.log_path}).")
        except TimeoutError:
            raise EmbeddedError(
                f"PostgreSQL was not ready after {_START_TIMEOUT_SECONDS:.0f} s (see {self.log_path})."
            ) from None

    async def _make_database(self) -> None:
        where = ["--host", str(self.sockets), "--username", USER]
        look = [self.programs.of_postgres("psql"), "--no-psqlrc", *where, "--dbname", DATABASE, "--command", ""]
        failure = f"The database {DATABASE!r} cannot be used"
        try:
            await self._run_setup(look, failure, (), as_account=False)
        except EmbeddedError:
            make = [self.programs.of_postgres("createdb"), *where, "--maintenance-db", "postgres", DATABASE]
            await self._run_setup(make, failure, (), as_account=False)

    async def _run_setup(
        self, argv: list[str], failure: str, inherited_fds: tuple[int, ...], *, as_account: bool = True
    ) -> None:
        log_path = self.data_dir.logs / "postgres-setup.log"
        log_offset_bytes = log_size_bytes(log_path)
        child = spawn(
            ChildSpec(
                name=Path(argv[0]).name,
                argv=tuple(argv),
                environment=_ENVIRONMENT,
                log_path=log_path,
                directory=Path("/"),
                account=self.account if as_account else None,
                inherited_fds=inherited_fds,
                umask=0o077,
                stop_steps=(StopStep(signal.SIGTERM, 5.0),),
            )
        )
        try:
            returncode = await child.wait()
        except BaseException:
            await child.stop()
            raise
        if returncode != 0:
            reason = _last_match(_SETUP_LINE, read_log_since(log_path, log_offset_bytes))
            raise EmbeddedError(f"{failure}: {reason or f'exit code {returncode}'} (see {log_path}).")


def _is_ready(pid_path: Path, pid: int) -> bool:
    """PostgreSQL keeps its state in the eighth line of its pid file."""
    try:
        lines = pid_path.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _first_line_number(path: Path) -> int | None:
    try:
        return int(path.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def _last_match(pattern: re.Pattern[str], lines: list[str]) -> str | None:
    for line in reversed(lines):
        if found := pattern.search(line):
            return next(group for group in found.groups() if group is not None)
    return None
