"""The bundled Valkey: starts it and says when it answers.

All it holds is derived and comes back from PostgreSQL. Its file is taken up only after a stop in good order: after
any other end the last moment may be missing from it, and a window that lacks a tweet is worse than no window. Then it
starts empty, as it does when it cannot read the file.
"""

import asyncio
import shutil
import signal
from pathlib import Path

import msgspec
import structlog

from linnet.embedded.account import Account, reach
from linnet.embedded.children import Child, ChildSpec, StopStep, spawn
from linnet.embedded.datadir import DataDir, sync_directory
from linnet.embedded.errors import EmbeddedError
from linnet.embedded.leftovers import all_end_within, find_leftovers
from linnet.embedded.logs import log_size_bytes, read_log_since
from linnet.embedded.programs import Programs

log: structlog.stdlib.BoundLogger = structlog.get_logger()

SOCKET_NAME = "valkey.sock"
_AOF_DIRECTORY = "appendonlydir"
_STOPPED_CLEANLY = "stopped-cleanly"
_POLL_SECONDS = 0.01
_START_TIMEOUT_SECONDS = 300.0
_UNREADABLE = ("append only file", "AOF", "appendonly", "RDB", "rdb")


class Valkey(msgspec.Struct, frozen=True, kw_only=True):
    """The server on one data directory. ``sockets`` is where it listens."""

    data_dir: DataDir
    sockets: Path
    programs: Programs
    account: Account | None
    durable: bool

    @property
    def directory(self) -> Path:
        return self.data_dir.valkey

    @property
    def log_path(self) -> Path:
        return self.data_dir.logs / "valkey.log"

    async def start(self) -> Child:
        """Ends what an earlier linnet left running, starts, and returns once it answers."""
        self.data_dir.make_directory(self.directory, self.account)
        await self._end_leftovers()
        self._take_up_file()
        log_offset_bytes = log_size_bytes(self.log_path)
        try:
            return await self._try_start(log_offset_bytes)
        except EmbeddedError as error:
            lines = read_log_since(self.log_path, log_offset_bytes)
            if not any(word in line for line in lines if " # " in line for word in _UNREADABLE):
                raise
            self._put_aside(str(error))
        return await self._try_start(log_size_bytes(self.log_path))

    def note_stop(self, exit_code: int) -> None:
        """To be told how it ended when it was asked to. Only after 0 is everything it answered for in its file."""
        if self.durable and exit_code == 0:
            self.data_dir.write_file(self.directory / _STOPPED_CLEANLY, b"")

    def _take_up_file(self) -> None:
        try:
            (self.directory / _STOPPED_CLEANLY).unlink()
            # Were this undone by a power cut, the next start would trust a file that it must not.
            sync_directory(self.directory)
        except FileNotFoundError:
            if (self.directory / _AOF_DIRECTORY).exists():
                log.info("valkey_starts_empty", reason="it was not stopped in good order")
                shutil.rmtree(self.directory / _AOF_DIRECTORY)

    async def _try_start(self, log_offset_bytes: int) -> Child:
        (self.sockets / SOCKET_NAME).unlink(missing_ok=True)
        with reach(self.account, self.sockets) as reached:
            child = spawn(
                ChildSpec(
                    name="Valkey",
                    argv=(str(self.programs.valkey_server), *self._settings(f"{reached.names[0]}/{SOCKET_NAME}")),
                    environment={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
                    directory=self.directory,
                    log_path=self.log_path,
                    account=self.account,
                    inherited_fds=reached.fds,
                    umask=0o077,
                    stop_steps=(StopStep(signal.SIGTERM, 30.0),),
                )
            )
        try:
            await self._wait_ready(child, log_offset_bytes)
        except BaseException:
            await child.stop()
            raise
        return child

    def _settings(self, socket: str) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": socket,
            "unixsocketperm": "700",
            # The working directory is set before the user changes, so it needs no path.
            "dir": ".",
            "save": "",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "appenddirname": _AOF_DIRECTORY,
            "aof-load-truncated": "no",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "always-show-logo": "no",
            "shutdown-timeout": "5",
        }
        return [word for name, value in settings.items() for word in (f"--{name}", value)]

    async def _end_leftovers(self) -> None:
        leftovers = find_leftovers(self.directory, "valkey-server")
        try:
            if leftovers:
                log.warning("valkey_left_over", pids=[leftover.pid for leftover in leftovers])
                for step_signal in (signal.SIGTERM, signal.SIGKILL):
                    for leftover in leftovers:
                        leftover.send(step_signal)
                    if await all_end_within(leftovers, 10.0):
                        return
                raise EmbeddedError(
                    f"An earlier Valkey (process {leftovers[0].pid}) still uses {self.directory} and does not end."
                )
        finally:
            for leftover in leftovers:
                leftover.close()

    def _put_aside(self, reason: str) -> None:
        aside = self.directory / f"{_AOF_DIRECTORY}.unreadable"
        shutil.rmtree(aside, ignore_errors=True)
        (self.directory / _AOF_DIRECTORY).rename(aside)
        log.warning("valkey_starts_empty", reason=reason, kept=str(aside))

    async def _wait_ready(self, child: Child, log_offset_bytes: int) -> None:
        try:
            async with asyncio.timeout(_START_TIMEOUT_SECONDS):
                while not await _answers(self.sockets / SOCKET_NAME):
                    if await child.ends_within(_POLL_SECONDS):
                        lines = [line for line in read_log_since(self.log_path, log_offset_bytes) if line.strip()]
                        reason = lines[-1].split(" # ", 1)[-1] if lines else "it gave no reason"
                        raise EmbeddedError(f"Valkey did not start: {reason} (see {self.log_path}).")
        except TimeoutError:
            raise EmbeddedError(
                f"Valkey was not ready after {_START_TIMEOUT_SECONDS:.0f} s (see {self.log_path})."
            ) from None


async def _answers(socket: Path) -> bool:
    """False while it is not there yet, or still loads its file."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"
    except OSError:
        return False
    finally:
        writer.close()
