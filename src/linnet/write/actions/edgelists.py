"""Edge lists: files with one ``follower followed`` pair of numbers a line, plain or gzip.

Blank lines and what follows a ``#`` are skipped; any white space separates. Whatever else is wrong is said with the
file's name and the line's number, before anything of the file is used.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar, cast

import msgspec

from linnet.errors import Kind, LinnetError

_LINES_PER_BLOCK = 20_000
_MAX_LINE_BYTES = 4096
_MAX_NUMBER = (1 << 63) - 1
# All numbers of so many digits are below the largest one.
_SAFE_DIGITS = 18
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class NotAnEdgeList(LinnetError):
    """This file is not a list of follows."""

    kind: ClassVar[Kind] = "invalid"
    code = "not_an_edge_list"

    @classmethod
    def at(cls, path: Path, line: int, what: str) -> "NotAnEdgeList":
        """Says where."""
        return cls(f"{path}, line {line}: {what}")


class EdgeBlock(msgspec.Struct, frozen=True):
    """Some lines: ``line<TAB>follower<TAB>followed`` rows, and how far into the file (as it lies there) they reach."""

    rows: bytes
    bytes_read: int


def read_edges(path: Path) -> Iterator[EdgeBlock]:
    """The file in blocks. Raises ``NotAnEdgeList`` at the first line that is wrong."""
    try:
        with path.open("rb") as file:
            yield from _read_file(path, file)
    except OSError as error:
        raise NotAnEdgeList(f"{path} cannot be read: {error.strerror or error}") from error


def _read_file(path: Path, file: BinaryIO) -> Iterator[EdgeBlock]:
    compressed = file.read(2) == _GZIP_MAGIC
    if not compressed and path.suffix == ".gz":
        raise NotAnEdgeList(f"{path} ends in .gz and is not a gzip file.")
    file.seek(0)
    # GzipFile reads small pieces by itself: buffered, a line costs a fifth.
    lines = io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=file)), 1 << 16) if compressed else file
    line_number = 0
    while True:
        rows: list[bytes] = []
        try:
            for _ in range(_LINES_PER_BLOCK):
                line = lines.readline(_MAX_LINE_BYTES)
                if not line:
                    break
                line_number += 1
                if row := _parse(path, line_number, line):
                    rows.append(row)
            else:
                yield EdgeBlock(b"".join(rows), file.tell())
                continue
        except EOFError as error:
            raise NotAnEdgeList(
                f"{path} ends in the middle, after line {line_number}: it was not copied whole."
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise NotAnEdgeList(f"{path} is damaged after line {line_number}: {error}.") from error
        yield EdgeBlock(b"".join(rows), file.tell())
        return


def _parse(path: Path, line_number: int, line: bytes) -> bytes | None:
    """The row of a line, or None when it says nothing."""
    fields = line.split()
    if len(fields) != 2 or not (fields[0].isdigit() and fields[1].isdigit()):
        if line_number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        fields = line.partition(b"#")[0].split()
        if not fields and b"\0" not in line:
            return None
        _check_fields(path, line_number, line, fields)
    follower, followed = fields
    if len(follower) > _SAFE_DIGITS or len(followed) > _SAFE_DIGITS:
        _check_size(path, line_number, fields)
    if int(follower) == int(followed):
        raise NotAnEdgeList.at(path, line_number, f"person {int(follower)} follows themself.")
    return b"%d\t%b\t%b\n" % (line_number, follower, followed)


def _check_fields(path: Path, line_number: int, line: bytes, fields: list[bytes]) -> None:
    """Raises unless there are two fields of digits."""
    if any(byte < 32 and byte not in b"\t\n\v\f\r" for byte in line) or len(line) >= _MAX_LINE_BYTES:
        raise NotAnEdgeList.at(path, line_number, "this is not text. An edge list has two numbers a line.")
    if len(fields) != 2:
        columns = "one column" if len(fields) == 1 else f"{len(fields)} columns"
        raise NotAnEdgeList.at(
            path, line_number, f"{columns} instead of two: {_shown(line)}. A line says: follower followed."
        )
    for field in fields:
        if field.startswith(b"-") and field[1:].isdigit():
            raise NotAnEdgeList.at(path, line_number, f"{_shown(field)} is negative.")
        if not field.isdigit():
            raise NotAnEdgeList.at(path, line_number, f"{_shown(field)} is not a number.")


def _check_size(path: Path, line_number: int, fields: list[bytes]) -> None:
    for field in fields:
        # Before int(): it refuses thousands of digits with a sentence of its own.
        if len(field.lstrip(b"0")) > _SAFE_DIGITS + 1 or int(field) > _MAX_NUMBER:
            raise NotAnEdgeList.at(path, line_number, f"{_shown(field)} is too large; the largest is {_MAX_NUMBER}.")


def _shown(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= 40 else text[:40] + "…")
