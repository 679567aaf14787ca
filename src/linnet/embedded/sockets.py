"""Where the servers' sockets lie: in the data directory, or in a short place when its path is too long."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from linnet.embedded.account import Account
from linnet.embedded.datadir import DataDir
from linnet.embedded.errors import EmbeddedError

# The kernel takes 107 bytes; the longest name in the directory is ".s.PGSQL.5432".
_LONGEST_DIRECTORY_BYTES = 107 - len("/.s.PGSQL.5432")
_PREFIX = "linnet-"


def open_sockets_directory(data_dir: DataDir, account: Account | None) -> Path:
    """A directory that only the servers' user (and root) can enter."""
    _remove_earlier(data_dir)
    directory = data_dir.make_directory(data_dir.run, account)
    if len(os.fsencode(directory)) <= _LONGEST_DIRECTORY_BYTES:
        return directory
    for place in _short_places():
        try:
            short = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        except OSError:
            continue
        if account is not None:
            os.chown(short, account.uid, account.gid)
        # So that a start after `kill -9` can clear it away.
        data_dir.write_file(data_dir.path / "sockets", os.fsencode(short))
        return short
    raise EmbeddedError(
        f"The path of the data directory {data_dir.path} is too long for sockets: choose a shorter one."
    )


def remove_sockets_directory(data_dir: DataDir) -> None:
    """The short one, if there is one. The one in the data directory stays."""
    _remove_earlier(data_dir)


def _short_places() -> list[str]:
    own = os.environ.get("XDG_RUNTIME_DIR", "") if os.geteuid() else "/run"
    candidates = [own, tempfile.gettempdir(), "/tmp"]
    return [place for place in candidates if place.startswith("/") and len(os.fsencode(place)) < 60]


def _remove_earlier(data_dir: DataDir) -> None:
    note = data_dir.path / "sockets"
    try:
        earlier = Path(os.fsdecode(note.read_bytes()))
    except FileNotFoundError:
        return
    # The name in the note is only believed for what we could have made there.
    if earlier.name.startswith(_PREFIX) and str(earlier.parent) in _short_places():
        try:
            status = earlier.lstat()
        except FileNotFoundError:
            pass
        else:
            if stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700:
                shutil.rmtree(earlier, ignore_errors=True)
    note.unlink()
