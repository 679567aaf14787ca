"""The data directory of the bundled servers: who may use it, in which format it is, and what lies where.

::

    DIR/lock            held by the one linnet that uses DIR; names its pid
    DIR/linnet.json     the format of all this
    DIR/restoring       there while a backup is being restored into DIR; half a place is of no use to anybody
    DIR/moving          there while a place moves into DIR from other servers
    DIR/servers.json    where the running servers listen, for other commands
    DIR/postgres/       the database cluster
    DIR/valkey/         Valkey's append-only file
    DIR/run/            the servers' sockets
    DIR/logs/           the servers' logs
    DIR/media/          pictures, unless they are kept elsewhere; not ours to make
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from linnet.embedded.account import Account
from linnet.embedded.errors import EmbeddedError

FORMAT = 1
_EMPTY = ("lock", "lost+found")
_NOT_CONTENT = (*_EMPTY, "linnet.json.new", "media", "restoring", "moving")


class _Label(msgspec.Struct, frozen=True):
    format: int


class DataDir(msgspec.Struct, frozen=True):
    """A data directory that is ours alone while it is open. ``path`` is absolute and free of links."""

    path: Path
    owner_uid: int
    owner_gid: int

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def restoring_file(self) -> Path:
        return self.path / "restoring"

    @property
    def moving_file(self) -> Path:
        return self.path / "moving"

    @property
    def servers_file(self) -> Path:
        return self.path / "servers.json"

    def make_directory(self, path: Path, account: Account | None) -> Path:
        """A directory of ours for the account, or without one for the owner of the data directory; mode 0700."""
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        uid, gid = (account.uid, account.gid) if account else (self.owner_uid, self.owner_gid)
        give_tree(path, uid, gid)
        return path

    def note_restored(self) -> None:
        """The restore is through: from now on this is a data directory as any other."""
        self.restoring_file.unlink(missing_ok=True)
        sync_directory(self.path)

    def note_moved_in(self) -> None:
        """All of the place is here."""
        self.moving_file.unlink(missing_ok=True)
        sync_directory(self.path)

    def write_file(self, path: Path, content: bytes) -> None:
        """All of it or nothing, also through a power cut."""
        new = path.with_name(path.name + ".new")
        with suppress(FileNotFoundError):
            new.unlink()
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            _give(fd, self.owner_uid, self.owner_gid)
            file.write(content)
            file.flush()
            os.fsync(fd)
        new.replace(path)
        sync_directory(path.parent)


def give_tree(path: Path, uid: int, gid: int) -> None:
    """Makes ``uid`` the owner of a directory of ours and all in it, when we are root and it is not yet.

    A cluster may come from a machine where the same user had another number. Links are not followed.
    """
    if os.geteuid() != 0:
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(fd).st_uid == uid:
            return
        # The top is given last: an interrupted walk is then done again.
        for _root, directories, files, root_fd in os.fwalk(".", topdown=False, dir_fd=fd):
            for name in (*directories, *files):
                os.chown(name, uid, gid, dir_fd=root_fd, follow_symlinks=False)
        os.fchown(fd, uid, gid)
    finally:
        os.close(fd)


def sync_directory(path: Path) -> None:
    """After this a rename in it outlives a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def open_data_dir(path: Path, *, is_restore: bool = False, is_move: bool = False) -> Iterator[DataDir]:
    """Makes it if it is missing, locks it, and checks its format.

    The lock goes with our death, however we die. EmbeddedError when it is in use, cannot be written, is of a newer
    format, or holds something else. ``is_restore``: also when it holds data; without ``note_restored`` nobody opens
    it again. ``is_move``: the same, unless a move into it was begun, and until ``note_moved_in`` only another one opens
    it.
    """
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = path.resolve()
        status = path.stat()
        data_dir = DataDir(path, status.st_uid, status.st_gid)
        lock_fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        _give(lock_fd, data_dir.owner_uid, data_dir.owner_gid)
        _lock(lock_fd, path)
        try:
            if is_restore:
                _claim_for_restore(data_dir)
            elif is_move:
                _claim_for_move(data_dir)
            elif data_dir.moving_file.exists():
                raise EmbeddedError(
                    f"A place is on its way into the data directory {path}, and is not all there yet: run the same"
                    " `linnet move` again to go on with it, or delete the directory."
                )
            elif data_dir.restoring_file.exists():
                raise EmbeddedError(
                    f"The data directory {path} holds half of a backup, whose restore was broken off: delete the"
                    " directory, and restore again."
                )
            _check_format(data_dir)
        except OSError as error:
            raise _cannot_write(path, error) from error
        yield data_dir
    finally:
        os.close(lock_fd)


def is_in_use(path: Path) -> bool:
    """Whether a linnet that lives holds this directory."""
    try:
        fd = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _lock(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise EmbeddedError(
            f"The data directory {path} is already in use by another linnet (process {holder})."
        ) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)


def _claim_for_restore(data_dir: DataDir) -> None:
    if any(name not in _EMPTY for name in os.listdir(data_dir.path)):
        raise EmbeddedError(
            f"The directory {data_dir.path} is not empty: a backup is restored into a new one. Choose another"
            " --data-dir, or move this one away."
        )
    data_dir.write_file(data_dir.restoring_file, b"")


def _claim_for_move(data_dir: DataDir) -> None:
    if data_dir.moving_file.exists():
        return
    if any(name not in (*_EMPTY, "media") for name in os.listdir(data_dir.path)):
        raise EmbeddedError(
            f"The directory {data_dir.path} is not empty: a place moves into a new one. Choose another, or move this"
            " one away."
        )
    data_dir.write_file(data_dir.moving_file, b"")


def _check_format(data_dir: DataDir) -> None:
    label_path = data_dir.path / "linnet.json"
    try:
        label = msgspec.json.decode(label_path.read_bytes(), type=_Label)
    except FileNotFoundError:
        # The label is written first, so its absence means a new directory, or someone else's.
        if any(name not in _NOT_CONTENT for name in os.listdir(data_dir.path)):
            raise EmbeddedError(
                f"The directory {data_dir.path} is not empty and holds no linnet data: choose another --data-dir."
            ) from None
        data_dir.write_file(label_path, msgspec.json.encode(_Label(FORMAT)) + b"\n")
        return
    except msgspec.DecodeError as error:
        raise EmbeddedError(f"The file {label_path} cannot be understood: {error}.") from error
    if label.format > FORMAT:
        raise EmbeddedError(
            f"The data directory {data_dir.path} was written by a newer linnet (format {label.format}, "
            f"this one knows {FORMAT}): start it with that version."
        )


def _give(fd: int, uid: int, gid: int) -> None:
    if os.geteuid() == 0 and os.fstat(fd).st_uid != uid:
        os.fchown(fd, uid, gid)


def _cannot_write(path: Path, error: OSError) -> EmbeddedError:
    return EmbeddedError(
        f"linnet cannot write to the data directory {path} ({error.strerror}): choose another --data-dir."
    )
