"""Finds and ends server processes of ours that an earlier, killed linnet left behind.

A process counts as left over only if its program has the server's name and its working directory is the server's data
directory, which both servers enter and never leave. So no pid file has to be believed, and a pid that belongs to
someone else by now is never touched. Call this only under the data directory's lock.
"""

import asyncio
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class Leftover:
    """One such process. Holds a descriptor of it, so that signals cannot reach a later process of the same pid."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.pidfd = pidfd

    def send(self, signal_number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal_number)

    async def wait(self) -> None:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self.pidfd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self.pidfd)

    def close(self) -> None:
        os.close(self.pidfd)


def find_leftovers(directory: Path, program: str) -> list[Leftover]:
    """Close each of them after use."""
    found: list[Leftover] = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or not _runs_in(int(entry), directory, program):
            continue
        with suppress(ProcessLookupError):
            leftover = Leftover(int(entry), os.pidfd_open(int(entry)))
            # Looked at again under the descriptor: the pid may have changed hands in between.
            if _runs_in(leftover.pid, directory, program):
                found.append(leftover)
            else:
                leftover.close()
    return found


def _runs_in(pid: int, directory: Path, program: str) -> bool:
    try:
        executable = os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
        return Path(executable).name == program and Path(f"/proc/{pid}/cwd").samefile(directory)
    except OSError:
        # Gone, a zombie, or another user's.
        return False


async def all_end_within(leftovers: Iterable[Leftover], timeout_seconds: float) -> bool:
    try:
        async with asyncio.timeout(timeout_seconds):
            for leftover in leftovers:
                await leftover.wait()
    except TimeoutError:
        return False
    return True
