"""What a client sent: query, form or JSON, all as lists of text by name.

Clients of the Mastodon API send the same thing in many ways: ``a[]=1`` or ``{"a": [1]}``, ``source[privacy]`` or
objects in objects, true as ``true``, ``1`` or ``on``. Here they become one. What nobody asks for is not minded.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar.types import HTTPScope, Receive
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from linnet.api.bodies import read_in_time
from linnet.api.problems import MalformedForm, MalformedJson
from linnet.errors import Invalid
from linnet.ids import MAX_ID

_MAX_FIELDS: Final = 400
_MAX_DEPTH: Final = 4
_OF_A_RECORD: Final = re.compile(r"(\w+)\[\]\[(\w+)\]")
_FALSE: Final = frozenset(("", "0", "f", "false", "off", "no"))


class Params(msgspec.Struct, frozen=True):
    """``values`` by name, without ``[]`` at its end; ``files`` as they came."""

    values: Mapping[str, list[str]]
    files: Mapping[str, bytes] = {}

    def text(self, name: str, default: str = "") -> str:
        """The last of that name, as those who merge several have it."""
        given = self.values.get(name)
        return given[-1] if given else default

    def has(self, name: str) -> bool:
        """Whether anything of that name was sent, though it be empty."""
        return name in self.values or name in self.files

    def texts(self, name: str) -> list[str]:
        return self.values.get(name, [])

    def records(self, name: str) -> list["Params"]:
        """Objects in a list, in the order of their numbers: `name[0][field]`, or `name[][field]`."""
        found: dict[str, dict[str, list[str]]] = {}
        for key, values in self.values.items():
            if key.startswith(f"{name}[") and key.endswith("]"):
                number, _, field = key[len(name) + 1 : -1].partition("][")
                found.setdefault(number, {})[field] = values
        ordered = sorted(found, key=lambda number: (len(number), number))
        return [Params(found[number]) for number in ordered]

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A yes or no, however it is said."""
        given = self.values.get(name)
        return default if not given else given[-1].strip().lower() not in _FALSE

    def number(self, name: str) -> int | None:
        """A whole number from 0 on; None for anything else. What is beyond all ids is the largest one."""
        text = self.text(name).strip()
        if not (text.isascii() and text.isdigit()):
            return None
        return min(int(text[:20]), MAX_ID) if len(text) <= 20 else MAX_ID

    def count(self, name: str, *, default: int, most: int) -> int:
        """How many are wanted: what cannot be is the default, what is too many is ``most``."""
        number = self.number(name)
        return default if not number else min(number, most)


def read_query(query: bytes) -> Params:
    """Raises ``Invalid`` for what is no UTF-8, or too much."""
    return Params(_gather(_pairs(query.decode("latin-1"))))


async def read_params(
    scope: HTTPScope, receive: Receive, *, max_bytes: int, timeout_seconds: float, with_query: bool = True
) -> Params:
    """The body, whatever it is written as, and the query. Raises ``Invalid`` or ``Refused``.

    Not ``with_query``: for what must not stand in an address, which is logged on the way.
    """
    pairs = _pairs(scope["query_string"].decode("latin-1")) if with_query else []
    raw = await read_in_time(receive, max_bytes=max_bytes, timeout_seconds=timeout_seconds)
    declared = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    content_type, options = parse_options_header(declared.decode("latin-1"))
    files: dict[str, bytes] = {}
    if content_type == "multipart/form-data":
        parts, files = _parts(raw, options.get("boundary", ""))
        pairs += parts
    elif content_type == "application/json" or content_type.endswith("+json"):
        pairs += _flat(_json(raw))
    elif raw:
        try:
            pairs += _pairs(raw.decode("ascii"))
        except UnicodeDecodeError as error:
            raise MalformedForm("The form cannot be read: it is not URL-encoded.") from error
    return Params(_gather(pairs), files)


def _pairs(text: str) -> list[tuple[str, str]]:
    if not text:
        return []
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except UnicodeDecodeError as error:
        raise Invalid.field("body", "This is not written in UTF-8.") from error
    except ValueError as error:
        raise Invalid.field("body", f"There are more than {_MAX_FIELDS} parameters.") from error


def _json(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson("The body is not JSON that can be read.") from error
    if not isinstance(body, dict):
        raise MalformedJson("The body must be a JSON object.")
    return body


def _flat(body: Mapping[Any, Any], within: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Objects in objects by names in brackets, as forms have them; what is null was not sent."""
    if depth > _MAX_DEPTH:
        raise MalformedJson("The body is nested too deeply.")
    pairs: list[tuple[str, str]] = []
    for key, value in body.items():
        name = f"{within}[{key}]" if within else str(key)
        if isinstance(value, Mapping):
            pairs += _flat(value, name, depth + 1)
        elif isinstance(value, list):
            for number, each in enumerate(value):
                is_object = isinstance(each, Mapping)
                pairs += _flat(each, f"{name}[{number}]", depth + 1) if is_object else _one(name, each)
        else:
            pairs += _one(name, value)
        if len(pairs) > _MAX_FIELDS:
            raise MalformedJson(f"There are more than {_MAX_FIELDS} fields.")
    return pairs


def _one(name: str, value: object) -> list[tuple[str, str]]:
    if value is None or isinstance(value, list):
        return []
    try:
        return [(name, str(value).lower() if isinstance(value, bool) else str(value))]
    except ValueError as error:
        raise MalformedJson("A number is longer than any that is needed.") from error


def _gather(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}
    for name, value in pairs:
        if one := _OF_A_RECORD.fullmatch(name):
            # Fields of records that have no numbers: where one comes again the next record begins.
            number = numbers.setdefault(one[1], 0)
            if f"{one[1]}[{number}][{one[2]}]" in values:
                numbers[one[1]] = number = number + 1
            name = f"{one[1]}[{number}][{one[2]}]"
        if "\0" in value or not _is_encodable(value):
            raise Invalid.field(name[:64].encode("utf-8", "replace").decode(), "This holds what is no character.")
        values.setdefault(name.removesuffix("[]"), []).append(value)
    return values


def _is_encodable(text: str) -> bool:
    """False for halves of characters, which JSON can write and nothing can keep."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parts(raw: bytes, boundary: str) -> tuple[list[tuple[str, str]], dict[str, bytes]]:
    pairs: list[tuple[str, str]] = []
    files: dict[str, bytes] = {}
    name, is_file, chunks = "", False, list[bytes]()
    try:
        with PushMultipartParser(boundary, max_segment_count=_MAX_FIELDS, max_header_size=4096) as parser:
            for event in parser.parse(raw):
                if isinstance(event, MultipartSegment):
                    name, is_file, chunks = event.name, event.filename is not None, []
                elif event:
                    chunks.append(bytes(event))
                elif is_file:
                    files.setdefault(name, b"".join(chunks))
                else:
                    pairs.append((name, b"".join(chunks).decode()))
    except (MultipartError, UnicodeDecodeError) as error:
        raise MalformedForm("The form cannot be read.") from error
    return pairs, files
