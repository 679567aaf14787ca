"""The bundled PostgreSQL and Valkey together: started side by side, watched, stopped.

``linnet serve`` holds one of these and hands the two addresses to everything above.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import msgspec

from linnet.embedded.account import service_account
from linnet.embedded.datadir import DataDir, is_in_use, open_data_dir
from linnet.embedded.errors import EmbeddedError
from linnet.embedded.postgres import DATABASE, USER, Postgres
from linnet.embedded.programs import programs_for
from linnet.embedded.sockets import open_sockets_directory, remove_sockets_directory
from linnet.embedded.supervision import RestartPolicy, Supervisor
from linnet.embedded.valkey import SOCKET_NAME, Valkey


class EmbeddedOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to run the bundled servers."""

    durable: bool = True
    """False is for tests: nothing is forced to the disk, and Valkey keeps no file."""
    is_restore: bool = False
    """The directory must be new, and is of use to nobody until ``note_restored`` was called."""
    is_move: bool = False
    """The directory must be new, or one that a move into it was begun with; until ``note_moved_in`` nobody else opens
    it."""
    restart: RestartPolicy = RestartPolicy()


class ServerUrls(msgspec.Struct, frozen=True):
    """Where the two servers listen, as the settings spell it."""

    database_url: str
    valkey_url: str


class EmbeddedServers:
    """``async with EmbeddedServers(path) as servers``: both servers answer inside the block and are gone after it.

    Enter it in the main thread. Raises EmbeddedError with one sentence for the person who started linnet.
    """

    def __init__(self, data_dir: Path, options: EmbeddedOptions | None = None) -> None:
        self._path = data_dir
        self._options = options or EmbeddedOptions()
        self._stack = AsyncExitStack()
        self._supervisors: list[Supervisor] = []
        self._urls: ServerUrls | None = None
        self._data_dir: DataDir | None = None

    @property
    def urls(self) -> ServerUrls:
        if self._urls is None:
            raise RuntimeError("the servers are not started")
        return self._urls

    @property
    def database_url(self) -> str:
        return self.urls.database_url

    @property
    def valkey_url(self) -> str:
        return self.urls.valkey_url

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException as error:
            await self._stack.aclose()
            if isinstance(error, OSError):
                where = f" ({error.filename})" if error.filename else ""
                raise EmbeddedError(f"The bundled servers cannot run: {error.strerror}{where}.") from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def wait_failed(self) -> str:
        """Returns only when a server died and could not be kept running: one sentence that says which and why."""
        waits = [asyncio.ensure_future(supervisor.wait_given_up()) for supervisor in self._supervisors]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for wait in waits:
                wait.cancel()

    def note_restored(self) -> None:
        """What a restore has to put into the directory is there."""
        if self._data_dir is not None:
            self._data_dir.note_restored()

    def note_moved_in(self) -> None:
        """All of the place that moves into the directory is there."""
        if self._data_dir is not None:
            self._data_dir.note_moved_in()

    async def _start(self) -> None:
        options = self._options
        data_dir = self._stack.enter_context(
            open_data_dir(self._path, is_restore=options.is_restore, is_move=options.is_move)
        )
        self._data_dir = data_dir
        account = service_account(data_dir.owner_uid)
        programs = await asyncio.to_thread(programs_for, account)
        data_dir.make_directory(data_dir.logs, None)
        sockets = open_sockets_directory(data_dir, account)
        self._stack.callback(remove_sockets_directory, data_dir)
        durable = self._options.durable
        postgres = Postgres(data_dir=data_dir, sockets=sockets, programs=programs, account=account, durable=durable)
        valkey = Valkey(data_dir=data_dir, sockets=sockets, programs=programs, account=account, durable=durable)
        watched_postgres = Supervisor("PostgreSQL", postgres.start, self._options.restart)
        watched_valkey = Supervisor("Valkey", valkey.start, self._options.restart)
        self._supervisors = [watched_postgres, watched_valkey]

        async def stop() -> None:
            _, exit_code = await asyncio.gather(watched_postgres.stop(), watched_valkey.stop())
            if exit_code is not None:
                valkey.note_stop(exit_code)

        self._stack.push_async_callback(stop)
        results = await asyncio.gather(*(each.start() for each in self._supervisors), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        self._urls = ServerUrls(
            f"postgresql:///{DATABASE}?host={quote(str(sockets), safe='/')}&user={USER}",
            f"unix://{quote(str(sockets / SOCKET_NAME), safe='/')}",
        )
        data_dir.write_file(data_dir.servers_file, msgspec.json.encode(self._urls) + b"\n")
        self._stack.callback(data_dir.servers_file.unlink, missing_ok=True)


def find_running(data_dir: Path) -> ServerUrls | None:
    """Where the servers of a linnet that runs on this directory listen, for commands that run beside it."""
    if not is_in_use(data_dir):
        return None
    try:
        return msgspec.json.decode((data_dir / "servers.json").read_bytes(), type=ServerUrls)
    except (OSError, msgspec.DecodeError):
        # In use, but still starting or already stopping.
        return None
