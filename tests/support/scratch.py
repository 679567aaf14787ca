"""Where tests keep their files: in memory, when there is plenty, so that making a database is no matter of disks.

Nothing that a test says is about what a power failure leaves: processes are killed, and what they wrote stays.
"""

import os
import tempfile
from pathlib import Path

from linnet.embedded.postgres_settings import memory_bytes

_SHARED_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 8 << 30


def keep_files_in_memory() -> None:
    """For this process and all that it starts. Whoever says by ``TMPDIR`` where files belong has them there."""
    if "TMPDIR" not in os.environ and _has_plenty(_SHARED_MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(_SHARED_MEMORY)


def _has_plenty(directory: Path) -> bool:
    if not directory.is_dir() or not os.access(directory, os.W_OK | os.X_OK):
        return False
    place = os.statvfs(directory)
    # Containers often have little there, and let nothing be run from it.
    return (
        not place.f_flag & os.ST_NOEXEC
        and min(place.f_bavail * place.f_frsize, memory_bytes(), _available_bytes()) >= _ENOUGH_BYTES
    )


def _available_bytes() -> int:
    """What of the machine's memory could be taken without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return 0
