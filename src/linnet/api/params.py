"""Ids, cursors and queries: text from outside becomes numbers, or a sentence about what is wrong with it.

An id in a path that cannot be one names nothing, so it is not found. In a query or a body it is a mistake of whoever
wrote it, and is named.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

import msgspec

from linnet.domain.timeline import Range
from linnet.errors import FieldError, Invalid
from linnet.ids import MAX_ID

DEFAULT_LIMIT = 15
MAX_LIMIT = 100
_REMEMBERED_QUERY_BYTES = 64
_MAX_FIELDS = 20
_NOT_AN_ID = "This must be an id: a number from 1 on, written in digits."

IdText = Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]{0,18}$", description="An id: a 63-bit number as a string.")]


T = TypeVar("T")


class Query(msgspec.Struct, frozen=True):
    """One query parameter as it is documented."""

    name: str
    schema: Mapping[str, object]
    description: str
    example: str | int | None = None


LIMIT = Query(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    "How many items a page has at most.",
    DEFAULT_LIMIT,
)
CURSOR = {"type": "string", "pattern": "^[1-9][0-9]{0,18}$"}
BEFORE = Query("before", CURSOR, "Only what is older: the `next` of the page before.")
AFTER = Query("after", CURSOR, "Only what is newer: the `prev` of an earlier page.")
PAGE = (LIMIT, BEFORE, AFTER)


def parse_id(text: str) -> int | None:
    """The id, or None when the text cannot be one."""
    # str.isdigit() also takes digits of other scripts, int() also blanks, signs and underscores.
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or text[0] == "0":
        return None
    number = int(text)
    return number if number <= MAX_ID else None


def require_id(field: str, text: str) -> int:
    """The id in a field of a query or a body. Raises ``Invalid``."""
    number = parse_id(text)
    if number is None:
        raise Invalid.field(field, _NOT_AN_ID)
    return number


def parse_count(
    values: Mapping[str, str], name: str, errors: list[FieldError], *, default: int, most: int, least: int = 1
) -> int:
    """A number within its bounds, or the default; what is wrong is added to ``errors``."""
    text = values.get(name)
    if text is None:
        return default
    number = 0 if text == "0" else parse_id(text)
    if number is None or not least <= number <= most:
        errors.append(FieldError(name, f"This must be a number from {least} to {most}."))
        return default
    return number


def parse_query(query: bytes, allowed: tuple[str, ...]) -> dict[str, str]:
    """The parameters, each at most once. Raises ``Invalid`` naming every unknown or repeated one."""
    if not query:
        return {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except UnicodeDecodeError as error:
        raise Invalid.field("query", "The query is not written in UTF-8.") from error
    except ValueError as error:
        raise Invalid.field("query", f"The query has more than {_MAX_FIELDS} parameters.") from error
    values: dict[str, str] = {}
    errors: list[FieldError] = []
    for name, value in pairs:
        if name not in allowed:
            errors.append(FieldError(name[:64], "There is no such parameter here."))
        elif name in values:
            errors.append(FieldError(name, "This may be given once."))
        else:
            values[name] = value
    if errors:
        raise Invalid(tuple(errors))
    return values


def remembered(parse: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """Remembers what short queries came to: the newest page, by far the most asked for, comes with very few."""
    parse_once = lru_cache(maxsize=4096)(parse)

    def parse_or_remember(query: bytes) -> T:
        return parse_once(query) if len(query) <= _REMEMBERED_QUERY_BYTES else parse(query)

    return parse_or_remember


def range_of(values: Mapping[str, str]) -> Range:
    """The range that parsed parameters ask for. Raises ``Invalid`` naming every one that is wrong."""
    errors: list[FieldError] = []
    limit = DEFAULT_LIMIT
    if (text := values.get(LIMIT.name)) is not None:
        number = parse_id(text)
        if number is None or number > MAX_LIMIT:
            errors.append(FieldError(LIMIT.name, f"This must be a number from 1 to {MAX_LIMIT}."))
        else:
            limit = number
    bounds = {BEFORE.name: MAX_ID, AFTER.name: 0}
    for name in bounds:
        if (text := values.get(name)) is not None:
            number = parse_id(text)
            if number is None:
                errors.append(FieldError(name, "This must be a cursor: the `next` or `prev` of a page."))
            else:
                bounds[name] = number
    if errors:
        raise Invalid(tuple(errors))
    return Range(limit, before=bounds[BEFORE.name], after=bounds[AFTER.name])


def _parse_range(query: bytes) -> Range:
    """``limit``, ``before`` and ``after``. Raises ``Invalid``."""
    return range_of(parse_query(query, (LIMIT.name, BEFORE.name, AFTER.name)))


parse_range = remembered(_parse_range)
