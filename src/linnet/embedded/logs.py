"""The children's log files: appended to by the children themselves, kept small by us.

The children write to the file and not to a pipe of ours, so that a busy parent never holds them up and their last
words are kept when we were killed.
"""

import os
from pathlib import Path

LOG_LIMIT_BYTES = 8 * 1024 * 1024


def open_log(path: Path) -> int:
    """A descriptor that appends. Small again first, if it had grown."""
    trim_log(path)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def trim_log(path: Path) -> None:
    """Moves the content of a log that is over the limit to ``<name>.1``, in place of what was there.

    The file itself stays, since the child has it open. A line written between copy and cut is lost; that is accepted.
    """
    if log_size_bytes(path) <= LOG_LIMIT_BYTES:
        return
    with path.open("rb+") as log:
        log.seek(-LOG_LIMIT_BYTES, os.SEEK_END)
        kept = log.read()
        log.truncate(0)
    path.with_name(path.name + ".1").write_bytes(kept)


def log_size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def read_log_since(path: Path, offset_bytes: int) -> list[str]:
    """The lines written since the log had that size, the last 64 KiB of them at most."""
    try:
        with path.open("rb") as log:
            size_bytes = log.seek(0, os.SEEK_END)
            log.seek(max(0, size_bytes - 65536, min(offset_bytes, size_bytes)))
            return log.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
