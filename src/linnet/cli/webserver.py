"""The main process of ``linnet web``: it listens, keeps the web processes alive, and ends them in good order.

So that no request is lost when one ``linnet web`` takes the place of another, either a balancer stands in front, which
learns from ``/health/ready`` that one of them ends soon, or the socket is somebody else's (systemd's, say) and stays:
then connections that nobody has accepted yet wait there for the next ``linnet web``.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from granian._granian import SocketHolder
from granian.server.mp import MPServer, WorkerProcess

from linnet.bootstrap.stopping import EARLY

_FIRST_GIVEN_FD = 3
# For those who have connected and not yet sent anything: the server would drop them.
_SETTLE_SECONDS = 2.0


def given_socket(environ: Mapping[str, str], pid: int) -> int | None:
    """The number of the one listening socket that this process was started with, in the way of ``systemd.socket``."""
    if environ.get("LISTEN_PID") != str(pid) or environ.get("LISTEN_FDS") != "1":
        return None
    with socket.socket(fileno=os.dup(_FIRST_GIVEN_FD)) as given:
        listens = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    return _FIRST_GIVEN_FD if listens else None


class WatchedProcess:
    """A process that several threads wait for: one that watches it, and one that ends it.

    The system hands out the end of a process once. With bare processes whoever asks second, before the first has kept
    the answer, is told that it still lives: Granian then says that it refused to end, and kills its number.
    """

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self._asks = threading.Lock()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def start(self) -> None:
        self._process.start()

    def join(self, timeout: float | None = None) -> None:
        if wait([self._process.sentinel], timeout):
            with self._asks:
                self._process.join()

    def is_alive(self) -> bool:
        with self._asks:
            return self._process.is_alive()

    def terminate(self) -> None:
        with self._asks:
            self._process.terminate()

    def kill(self) -> None:
        with self._asks:
            self._process.kill()


class WebServer(MPServer):
    """Granian's server. ``stop_delay_seconds`` lie between SIGTERM and the end; another SIGTERM ends the waiting.

    SIGINT comes from somebody at a keyboard, and does not wait at all.
    """

    def __init__(self, *args: Any, given_fd: int | None, stop_delay_seconds: float, **more: Any) -> None:
        super().__init__(*args, **more)
        self._given_fd = given_fd
        self._stop_delay_seconds = stop_delay_seconds
        self._is_ending = False

    def _init_shared_socket(self) -> None:
        if self._given_fd is None:
            super()._init_shared_socket()  # type: ignore[no-untyped-call]  # Granian declares no types here
            return
        self._ssp = None
        os.set_blocking(self._given_fd, False)
        self._shd = SocketHolder(self._given_fd, False, self.backlog)  # type: ignore[call-arg, assignment]  # nor here
        self._sfd = self._given_fd  # type: ignore[assignment]  # nor here: None stands for all of them at first
        # Somebody else's to close.
        self._sso = socket.socket(fileno=os.dup(self._given_fd))

    def _spawn_worker(self, *args: Any, **more: Any) -> WorkerProcess:
        worker: WorkerProcess = super()._spawn_worker(*args, **more)
        worker.inner = WatchedProcess(worker.inner)
        return worker

    def signal_handler_interrupt(self, *args: Any, **more: Any) -> None:
        number: int = args[0]
        if number != signal.SIGTERM or not self._stop_delay_seconds:
            self._interrupt()
            return
        if self._is_ending:
            self._end()
            return
        self._is_ending = True
        self._tell_workers()
        _after(self._stop_delay_seconds, self._end)

    def _end(self) -> None:
        if self._given_fd is None:
            self._interrupt()
            return
        # From now on they leave new connections to others.
        self._tell_workers()
        _after(_SETTLE_SECONDS, self._interrupt)

    def _interrupt(self) -> None:
        super().signal_handler_interrupt()  # type: ignore[no-untyped-call]  # Granian declares no types here

    def _tell_workers(self) -> None:
        for worker in self.wrks:
            with suppress(ProcessLookupError, TypeError):
                os.kill(worker.inner.pid, EARLY)


def _after(seconds: float, call: Callable[[], object]) -> None:
    later = threading.Timer(seconds, call)
    later.daemon = True
    later.start()
