"""What a backup looks like inside: a zip file that common tools can open.

::

    tables/NAME.copy    rows as COPY writes text, compressed
    jobs.json           background jobs that are not done
    media/PATH          pictures, as they lie in the media store
    contents.json       what all this is, with a checksum of each table; written last

A file that was cut off has no contents and is refused. Nothing in it is run or used as a path of this machine.
"""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from linnet.domain.attachments import ATTACHMENT_FILES, attachment_path, is_attachment_name
from linnet.domain.avatars import AVATAR_SIDES, avatar_path, is_avatar_name
from linnet.errors import LinnetError
from linnet.stores.postgres.backups import Table, WaitingJob

FORMAT = 1
_CONTENTS, _JOBS = "contents.json", "jobs.json"
_BLOCK_BYTES = 1 << 20
# Of a file whose size says something else nothing is unpacked.
_MAX_JSON_BYTES = 64 << 20
_MAX_PICTURE_BYTES = 16 << 20


class BackupUnreadable(LinnetError):
    """This is no backup of linnet, or it is damaged."""

    kind = "invalid"
    code = "backup_unreadable"


class SavedTable(msgspec.Struct, frozen=True):
    """``sha256`` is of the rows as COPY wrote them, in hex."""

    name: str
    columns: list[str]
    rows: int
    sha256: str


class Contents(msgspec.Struct, frozen=True):
    """What a backup holds. ``versions`` are the migrations that made the tables."""

    format: int
    linnet: str
    taken_at: str
    versions: list[str]
    tables: list[SavedTable]
    jobs: int
    pictures: int
    missing_pictures: int

    def rows_of(self, name: str) -> int:
        return next((table.rows for table in self.tables if table.name == name), 0)


class ArchiveWriter:
    """Takes in one thing after another. ``finish`` makes a backup of it."""

    def __init__(self, zip_file: zipfile.ZipFile) -> None:
        self._zip = zip_file
        self.tables: list[SavedTable] = []

    @contextmanager
    def table(self, table: Table) -> Iterator["TableWriter"]:
        info = _info(_path_of(table.name), zipfile.ZIP_DEFLATED)
        with self._zip.open(info, "w", force_zip64=True) as member:
            writer = TableWriter(member)
            yield writer
        self.tables.append(SavedTable(table.name, table.columns, writer.rows, writer.digest.hexdigest()))

    def jobs(self, waiting: list[WaitingJob]) -> None:
        self._zip.writestr(_info(_JOBS, zipfile.ZIP_DEFLATED), msgspec.json.encode(waiting))

    def picture(self, path: str, content: bytes) -> None:
        # Compressed already, as pictures are.
        self._zip.writestr(_info(f"media/{path}", zipfile.ZIP_STORED), content)

    def finish(self, contents: Contents) -> None:
        pretty = msgspec.json.format(msgspec.json.encode(contents), indent=1)
        self._zip.writestr(_info(_CONTENTS, zipfile.ZIP_DEFLATED), pretty)


class TableWriter:
    """The rows of one table. ``rows`` is set by whoever counts them."""

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member
        self.digest = hashlib.sha256()
        self.rows = 0

    def write(self, block: bytes) -> None:
        self.digest.update(block)
        self._member.write(block)


@contextmanager
def write_archive(path: Path) -> Iterator[ArchiveWriter]:
    """All of it or nothing: the file has its name only when it is whole and on the disk.

    It holds what people keep to themselves, so that only its owner may read it.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            with zipfile.ZipFile(file, "w", allowZip64=True) as zip_file:
                yield ArchiveWriter(zip_file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


class Archive:
    """A backup that is being read. Everything raises ``BackupUnreadable`` where it is damaged."""

    def __init__(self, zip_file: zipfile.ZipFile, contents: Contents) -> None:
        self._zip = zip_file
        self.contents = contents

    def check(self, progress: Callable[[str], None]) -> None:
        """Reads all of it once, and compares each part with its checksum."""
        for table in self.contents.tables:
            progress(table.name)
            for _ in self.blocks(table):
                pass
        jobs, pictures = len(self.jobs()), 0
        progress("pictures")
        for _ in self.pictures():
            pictures += 1
        if (jobs, pictures) != (self.contents.jobs, self.contents.pictures):
            raise BackupUnreadable("The backup is damaged: jobs or pictures are missing.")

    def blocks(self, table: SavedTable) -> Iterator[bytes]:
        """The rows of one table. What is wrong with them shows at the end."""
        digest = hashlib.sha256()
        with _told(), self._zip.open(_path_of(table.name)) as member:
            while block := member.read(_BLOCK_BYTES):
                digest.update(block)
                yield block
        if digest.hexdigest() != table.sha256:
            raise BackupUnreadable(f"The backup is damaged: the rows of {table.name} are not those that were saved.")

    def jobs(self) -> list[WaitingJob]:
        with _told():
            return msgspec.json.decode(_read(self._zip, _JOBS, _MAX_JSON_BYTES), type=list[WaitingJob])

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Path and content of each."""
        for name in self._zip.namelist():
            if name.startswith("media/"):
                path = name.removeprefix("media/")
                if not _is_picture(path):
                    raise BackupUnreadable(f"The backup holds something that is no picture of linnet: {path[:100]!r}.")
                with _told():
                    content = _read(self._zip, name, _MAX_PICTURE_BYTES)
                yield path, content


@contextmanager
def read_archive(path: Path) -> Iterator[Archive]:
    """Raises ``BackupUnreadable`` for what is no backup of this linnet or an older one."""
    with _told():
        zip_file = zipfile.ZipFile(path)
    with zip_file:
        with _told():
            raw = _read(zip_file, _CONTENTS, _MAX_JSON_BYTES)
            made_by = msgspec.json.decode(raw, type=_Format)
            if made_by.format > FORMAT:
                raise BackupUnreadable(
                    f"This backup was made by a newer linnet ({made_by.linnet}): restore it with that version."
                )
            contents = msgspec.json.decode(raw, type=Contents)
        yield Archive(zip_file, contents)


class _Format(msgspec.Struct, frozen=True):
    format: int
    linnet: str = "unknown"


@contextmanager
def _told() -> Iterator[None]:
    """Says what goes wrong inside of a zip file in our words."""
    try:
        yield
    except KeyError as error:
        raise BackupUnreadable("This is no backup of linnet, or only a part of one.") from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise BackupUnreadable(f"This is no backup of linnet, or it is damaged ({error}).") from error
    except msgspec.DecodeError as error:
        raise BackupUnreadable(f"The backup is damaged: its contents cannot be understood ({error}).") from error


def _read(zip_file: zipfile.ZipFile, name: str, max_bytes: int) -> bytes:
    info = zip_file.getinfo(name)
    if info.file_size > max_bytes:
        raise zipfile.BadZipFile(f"{name[:100]} is too large")
    with zip_file.open(info) as member:
        # A size that is not true ends here too: no more is unpacked than this.
        content = member.read(max_bytes + 1)
        if len(content) != info.file_size:
            raise zipfile.BadZipFile(f"{name[:100]} has another size than it says")
        # The end of a member is where its checksum is compared.
        member.read(1)
    return content


def _is_picture(path: str) -> bool:
    parts = path.split("/")
    name = parts[1] if len(parts) == 3 else ""
    return (is_avatar_name(name) and path in {avatar_path(name, side) for side in AVATAR_SIDES}) or (
        is_attachment_name(name) and path in {attachment_path(name, file) for file in ATTACHMENT_FILES}
    )


def _path_of(table: str) -> str:
    return f"tables/{table}.copy"


def _info(path: str, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path)
    info.compress_type = compression
    info.external_attr = 0o600 << 16
    return info


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
