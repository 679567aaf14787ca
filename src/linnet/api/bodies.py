"""Bodies: bytes become a struct, or one answer that names everything that is wrong with them."""

import asyncio
from functools import cache
from typing import Any, TypeVar

import msgspec
from litestar.types import HTTPScope, Receive
from msgspec.structs import FieldInfo, fields

from linnet.api.params import IdText
from linnet.api.problems import BodyTooLarge, BodyTooSlow, MalformedJson, NotJson, Refused
from linnet.errors import FieldError, Invalid

T = TypeVar("T", bound=msgspec.Struct)

_MAX_ERRORS = 20
_SENTENCES: dict[Any, str] = {
    str: "This must be text.",
    bool: "This must be true or false.",
    IdText: "This must be an id: a number from 1 on, as a string of digits.",
    IdText | None: "This must be an id: a number from 1 on, as a string of digits; or null.",
}


async def read_json_object(
    scope: HTTPScope, receive: Receive, *, max_bytes: int, timeout_seconds: float
) -> dict[str, Any]:
    """The body as an object, whatever is in it. Raises ``Refused`` or ``Invalid``."""
    content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    if content_type.partition(b";")[0].strip().lower() != b"application/json":
        raise NotJson
    try:
        async with asyncio.timeout(timeout_seconds):
            raw = await _read_bytes(receive, max_bytes=max_bytes)
    except TimeoutError as error:
        raise BodyTooSlow from error
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
                errors.append(FieldError(field.encode_name, _SENTENCES[field.type]))
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
