"""Forms: what a browser sends becomes fields and files, or one clear refusal. Nothing of it is kept on disk."""

import asyncio
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from litestar.exceptions import ClientException
from litestar.types import HTTPScope, Receive
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from linnet.errors import LinnetError

_TIMEOUT_SECONDS: Final = 30.0
# For what is larger than any text; at a megabit a second this is fifteen megabytes.
_FILE_TIMEOUT_SECONDS: Final = 120.0
_FILE_BYTES: Final = 1024 * 1024
_MAX_FIELDS: Final = 40
# A browser shows the answer only when it has sent all of the form. So much more than is taken is read, and thrown away.
_MAX_DRAINED_BYTES: Final = 64 * 1024 * 1024


class FormTooLarge(LinnetError):
    """This is more than fits into a form."""

    kind = "invalid"
    code = "form_too_large"


class Form(msgspec.Struct, frozen=True):
    """Of each name the first. ``files`` that were not chosen are empty."""

    fields: dict[str, str]
    files: dict[str, bytes]


async def read_form(scope: HTTPScope, receive: Receive, *, max_bytes: int, max_file_bytes: int = 0) -> Form:
    """Only a form that can have files may be larger by these.

    Raises ``FormTooLarge``, and ``ClientException`` for what is no form at all.
    """
    declared = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    content_type, options = parse_options_header(declared.decode("latin-1"))
    if content_type not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise ClientException("This is no form.")
    if content_type == "multipart/form-data":
        max_bytes += max_file_bytes
    try:
        async with asyncio.timeout(_FILE_TIMEOUT_SECONDS if max_bytes > _FILE_BYTES else _TIMEOUT_SECONDS):
            raw = await _read(receive, max_bytes=max_bytes)
    except TimeoutError as error:
        raise ClientException("The form came too slowly.", status_code=408) from error
    if content_type == "multipart/form-data":
        return _parse_parts(raw, options.get("boundary", ""))
    return _parse_pairs(raw)


async def _read(receive: Receive, *, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    length = 0
    while True:
        event = await receive()
        if event["type"] != "http.request":
            raise ClientException("The form did not arrive whole.")
        length += len(event["body"])
        if length <= max_bytes:
            chunks.append(event["body"])
        elif length > max_bytes + _MAX_DRAINED_BYTES:
            raise FormTooLarge
        if not event.get("more_body", False):
            break
    if length > max_bytes:
        raise FormTooLarge
    return b"".join(chunks)


def _parse_pairs(raw: bytes) -> Form:
    fields: dict[str, str] = {}
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise ClientException("This form cannot be read.") from error
    for name, value in pairs:
        fields.setdefault(name, value)
    return Form(fields, {})


def _parse_parts(raw: bytes, boundary: str) -> Form:
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    name, is_file, chunks = "", False, list[bytes]()

    def end_part() -> None:
        content = b"".join(chunks)
        if is_file:
            files.setdefault(name, content)
        else:
            fields.setdefault(name, content.decode("utf-8"))

    try:
        with PushMultipartParser(boundary, max_segment_count=_MAX_FIELDS, max_header_size=4096, strict=True) as parser:
            for event in parser.parse(raw):
                if isinstance(event, MultipartSegment):
                    name, is_file, chunks = event.name, event.filename is not None, []
                elif event:
                    chunks.append(bytes(event))
                else:
                    end_part()
    except (MultipartError, UnicodeDecodeError) as error:
        raise ClientException("This form cannot be read.") from error
    return Form(fields, files)
