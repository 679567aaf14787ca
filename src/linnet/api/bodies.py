"""Bodies: bytes become a struct, or one answer that names everything that is wrong with them."""

import asyncio
from collections.abc import Collection
from functools import cache
from typing import Any, TypeVar

import msgspec
from litestar.types import HTTPScope, Receive
from msgspec.structs import FieldInfo, fields
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from linnet.api.params import IdText
from linnet.api.problems import BodyTooLarge, BodyTooSlow, MalformedForm, MalformedJson, NotAPicture, NotJson, Refused
from linnet.domain.tweet import Visibility
from linnet.errors import FieldError, Invalid

T = TypeVar("T", bound=msgspec.Struct)

FORM = "multipart/form-data"
_MAX_ERRORS = 20
# What a form adds to the file in it.
_MAX_FORM_BYTES = 4096
_SENTENCES: dict[Any, str] = {
    str: "This must be text.",
    bool: "This must be true or false.",
    list[IdText]: "This must be a list of ids, each as a string of digits.",
    str | None: "This must be text, or null.",
    bool | None: "This must be true or false, or null.",
    Visibility: "This must be public, unlisted, private or direct.",
    IdText: "This must be an id: a number from 1 on, as a string of digits.",
    IdText | None: "This must be an id: a number from 1 on, as a string of digits; or null.",
}

_NOT_OF_THAT_FORM = "This has another form than the documentation says."


async def read_json_object(
    scope: HTTPScope, receive: Receive, *, max_bytes: int, timeout_seconds: float
) -> dict[str, Any]:
    """The body as an object, whatever is in it. Raises ``Refused`` or ``Invalid``."""
    if _content_type_of(scope).partition(b";")[0].strip().lower() != b"application/json":
        raise NotJson
    raw = await read_in_time(receive, max_bytes=max_bytes, timeout_seconds=timeout_seconds)
    if not raw.strip():
        raise MalformedJson("The body is empty; a JSON object is needed.")
    try:
        decoded = msgspec.json.decode(raw)
    except UnicodeDecodeError as error:
        raise MalformedJson("The body is not written in UTF-8.") from error
    except RecursionError as error:
        raise MalformedJson("The body is nested too deeply.") from error
    except msgspec.DecodeError as error:
        # Its sentences are about places and characters, never about values.
        raise MalformedJson(f"The body is not JSON that can be read: {_decapitalise(str(error))}.") from error
    if not isinstance(decoded, dict):
        raise Invalid.field("body", "This must be a JSON object.")
    return decoded


async def read_file(
    scope: HTTPScope, receive: Receive, *, media_types: Collection[str], max_bytes: int, timeout_seconds: float
) -> bytes:
    """A file that is the body, or the one part of a form. Raises ``Refused``.

    ``media_types`` are what a body may call itself; what it is must be seen from its bytes, and by somebody else.
    """
    content_type, options = parse_options_header(_content_type_of(scope).decode("latin-1"))
    is_form = content_type == FORM
    if not is_form and content_type not in media_types:
        raise NotAPicture
    most = max_bytes + _MAX_FORM_BYTES if is_form else max_bytes
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if announced.isdigit() and int(announced[:18]) > most:
        # Said before a byte of it is read.
        raise BodyTooLarge(f"The body is too large; {max_bytes} bytes are allowed.")
    raw = await read_in_time(receive, max_bytes=most, timeout_seconds=timeout_seconds)
    file = _only_file(raw, options.get("boundary", "")) if is_form else raw
    if len(file) > max_bytes:
        raise BodyTooLarge(f"The file is too large; {max_bytes} bytes are allowed.")
    return file


def _only_file(form: bytes, boundary: str) -> bytes:
    """The content of the one part that a form must have, whatever its name."""
    chunks: list[bytes] = []
    files = 0
    try:
        with PushMultipartParser(boundary, max_segment_count=1, max_header_size=1024, strict=True) as parser:
            for event in parser.parse(form):
                if isinstance(event, MultipartSegment):
                    if event.filename is None:
                        raise MalformedForm
                    files += 1
                elif event:
                    chunks.append(bytes(event))
    except MultipartError as error:
        raise MalformedForm from error
    if files != 1:
        raise MalformedForm
    return b"".join(chunks)


def pick_fields(body: dict[str, Any], wish: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields of ``wish`` as they were sent, None for those that were not; the action judges them.

    Raises ``Invalid`` naming every field that is not in ``wish``.
    """
    names = wish.__struct_encode_fields__
    if errors := _unknown(body, names):
        raise Invalid(errors)
    return {name: body.get(name) for name in names}


def read_fields(body: dict[str, Any], wish: type[T]) -> T:
    """The body as a ``wish``. Raises ``Invalid`` naming every field that is unknown, missing or of a wrong type."""
    errors = list(_unknown(body, wish.__struct_encode_fields__))
    values: dict[str, Any] = {}
    for field in _fields_of(wish):
        if field.encode_name in body:
            try:
                values[field.name] = msgspec.convert(body[field.encode_name], field.type)
            except msgspec.ValidationError:
                errors.append(FieldError(field.encode_name, _SENTENCES.get(field.type, _NOT_OF_THAT_FORM)))
        elif _is_required(field):
            errors.append(FieldError(field.encode_name, "This is needed."))
    if errors:
        raise Invalid(tuple(errors))
    return wish(**values)


def _unknown(body: dict[str, Any], names: tuple[str, ...]) -> tuple[FieldError, ...]:
    unknown = [name for name in body if name not in names]
    return tuple(FieldError(name[:64], "There is no such field here.") for name in unknown[:_MAX_ERRORS])


# Working them out takes a tenth of what posting a tweet costs a web process.
@cache
def _fields_of(wish: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    return fields(wish)


def _is_required(field: FieldInfo) -> bool:
    return field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT


def _decapitalise(sentence: str) -> str:
    sentence = sentence.removeprefix("JSON is malformed: ")
    return sentence[:1].lower() + sentence[1:]


async def read_in_time(receive: Receive, *, max_bytes: int, timeout_seconds: float) -> bytes:
    """The whole body. Raises ``Refused``."""
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _read_bytes(receive, max_bytes=max_bytes)
    except TimeoutError as error:
        raise BodyTooSlow from error


def _content_type_of(scope: HTTPScope) -> bytes:
    return next((value for name, value in scope["headers"] if name == b"content-type"), b"")


async def _read_bytes(receive: Receive, *, max_bytes: int) -> bytes:
    """Stops to read where the body is too large, whatever its length was announced to be."""
    chunks: list[bytes] = []
    length = 0
    while True:
        event = await receive()
        if event["type"] != "http.request":
            raise Refused("The body did not arrive whole.")
        length += len(event["body"])
        if length > max_bytes:
            raise BodyTooLarge(f"The body is too large; {max_bytes} bytes are allowed.")
        chunks.append(event["body"])
        if not event.get("more_body", False):
            return b"".join(chunks)
