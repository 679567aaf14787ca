"""Child processes that never outlive us.

Every child gets a signal from the kernel when we die, even by ``kill -9``, and a session of its own, so that Ctrl-C in
a terminal reaches it through us alone and in our order. Call ``spawn`` from the main thread: the kernel's signal comes
at the death of the thread that spawned.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from linnet.embedded import launch
from linnet.embedded.account import Account
from linnet.embedded.logs import open_log


class StopStep(msgspec.Struct, frozen=True):
    """One signal, and how long it may take to work."""

    signal: signal.Signals
    timeout_seconds: float


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What to run and how. ``argv[0]`` is a path."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    """None: ours."""
    directory: Path | None = None
    log_path: Path | None = None
    """Where its output goes; None: where ours goes."""
    account: Account | None = None
    inherited_fds: tuple[int, ...] = ()
    umask: int | None = None
    parent_death_signal: signal.Signals = signal.SIGTERM
    stop_steps: tuple[StopStep, ...] = (StopStep(signal.SIGTERM, 20.0),)
    """After the last step comes SIGKILL."""


class Child:
    """A running child. Belongs to the event loop it was spawned in."""

    def __init__(self, spec: ChildSpec, process: subprocess.Popen[bytes]) -> None:
        self.spec = spec
        self.pid = process.pid
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._pidfd = os.pidfd_open(process.pid)
        self._loop.add_reader(self._pidfd, self._on_end)

    def _on_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        # What it started in its session must not outlive it (a web server's workers would keep the port). Its pid
        # cannot belong to anyone else until it is reaped below.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._ended.set_result(self._process.wait())

    @property
    def has_ended(self) -> bool:
        return self._ended.done()

    async def wait(self) -> int:
        """Its exit code, or minus the signal that ended it. Any number of callers may wait, also afterwards."""
        return await asyncio.shield(self._ended)

    async def ends_within(self, timeout_seconds: float) -> bool:
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.wait()
        except TimeoutError:
            return False
        return True

    def send(self, signal_number: signal.Signals) -> None:
        """Does nothing once it has ended."""
        if not self.has_ended:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal_number)

    async def stop(self) -> int:
        """Takes the steps of the spec until it has ended, and kills it after the last. Returns as ``wait`` does."""
        for step in self.spec.stop_steps:
            if self.has_ended:
                break
            self.send(step.signal)
            await self.ends_within(step.timeout_seconds)
        self.send(signal.SIGKILL)
        return await self.wait()


def spawn(spec: ChildSpec) -> Child:
    """Starts it and returns at once; whether it got far is for ``wait`` and the log to say."""
    order = {
        "parent_pid": os.getpid(),
        "parent_death_signal": spec.parent_death_signal,
        "umask": spec.umask,
        "uid": spec.account.uid if spec.account else None,
        "gid": spec.account.gid if spec.account else None,
    }
    command = [sys.executable, "-I", "-S", launch.__file__, json.dumps(order), *spec.argv]
    log_fd = None if spec.log_path is None else open_log(spec.log_path)
    try:
        process = subprocess.Popen(
            command,
            env=spec.environment,
            cwd=spec.directory,
            stdin=subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            pass_fds=spec.inherited_fds,
            start_new_session=True,
        )
    finally:
        if log_fd is not None:
            os.close(log_fd)
    return Child(spec, process)
