"""What is done even when this process is killed: a shell waits for the end of a pipe that only this process holds."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Servers that were told to stop by the death of their parent still write for a while.
_TRIES = 60
_REMOVE = f'for _ in $(seq {_TRIES}); do [ -d "$1" ] || exit 0; sleep 2; rm -rf "$1" 2>/dev/null; done'
_THAW = 'kill -CONT "$@" 2>/dev/null'


@contextmanager
def removed_afterwards(directory: Path) -> Iterator[None]:
    """The directory, unless it is gone already."""
    with _afterwards(_REMOVE, str(directory)):
        yield


@contextmanager
def thawed_afterwards(pids: list[int]) -> Iterator[None]:
    """Processes that were stopped go on. Nobody else could end them: a process that stands still obeys only SIGKILL."""
    with _afterwards(_THAW, *map(str, pids)):
        yield


@contextmanager
def _afterwards(script: str, *arguments: str) -> Iterator[None]:
    process = subprocess.Popen(
        ["sh", "-c", f"cat >/dev/null; {script}", "sh", *arguments], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield
    finally:
        process.communicate()
