"""Pictures that stand in tweets: what is known of each, where its files lie, and what may be said of it."""

import math
from typing import Final

import msgspec
import regex

from linnet.domain.characters import find_forbidden
from linnet.domain.text import normalise
from linnet.errors import FieldError, Invalid
from linnet.ids import AttachmentId

ATTACHMENT_DIRECTORY: Final = "attachments"
ATTACHMENT_MEDIA_TYPE: Final = "image/webp"
LARGE: Final = "large.webp"
SMALL: Final = "small.webp"
ATTACHMENT_FILES: Final = (LARGE, SMALL)

MAX_DESCRIPTION_CHARS: Final = 1500
MAX_ATTACHMENTS: Final = 4

# Random, and nobody else's: whoever may not see a tweet cannot guess where its pictures lie.
ATTACHMENT_NAME_BYTES: Final = 16
_NAME = regex.compile(rf"[0-9a-f]{{{2 * ATTACHMENT_NAME_BYTES}}}")


class Attachment(msgspec.Struct, frozen=True):
    """A picture, and what its owner says of it. Sides are in pixels.

    ``focus``: the point that should stay in sight when it is cut, from -1 (left, bottom) to 1 (right, top).
    """

    id: AttachmentId
    name: str
    width: int
    height: int
    small_width: int
    small_height: int
    blurhash: str
    description: str = ""
    focus_x: float = 0.0
    focus_y: float = 0.0


_many = msgspec.json.Decoder(list[Attachment])


def pack_attachments(attachments: list[Attachment]) -> str | None:
    """As a tweet's row has them; None for none."""
    return msgspec.json.encode(attachments).decode() if attachments else None


def unpack_attachments(packed: str | None) -> list[Attachment]:
    """Back from what a row has."""
    return [] if packed is None else _many.decode(packed)


def is_attachment_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def attachment_path(name: str, file: str) -> str:
    """Where in the media store one of its files lies."""
    return f"{ATTACHMENT_DIRECTORY}/{name}/{file}"


def check_description(raw: str, *, field: str = "description") -> str:
    """What is said of a picture to those who do not see it. Raises ``Invalid``."""
    if len(raw) > 4 * MAX_DESCRIPTION_CHARS:
        raise _too_long(field, len(raw))
    text = normalise(raw)
    if forbidden := find_forbidden(text):
        raise Invalid.field(field, f"This holds {forbidden}. Please remove it.")
    if len(text) > MAX_DESCRIPTION_CHARS:
        raise _too_long(field, len(text))
    return text


def _too_long(field: str, chars: int) -> Invalid:
    return Invalid.field(field, f"This has {chars:,} characters; {MAX_DESCRIPTION_CHARS:,} are allowed.")


def check_focus(x: float, y: float) -> tuple[float, float]:
    """Raises ``Invalid`` for what lies outside the picture."""
    wrong = [
        FieldError(f"focus.{name}", "This must be a number from -1 to 1.")
        for name, value in (("x", x), ("y", y))
        if not math.isfinite(value) or abs(value) > 1
    ]
    if wrong:
        raise Invalid(tuple(wrong))
    return x, y


def parse_focus(text: str) -> tuple[float, float]:
    """``0.5,-0.25``, as forms have it. Raises ``Invalid``."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        raise Invalid.field("focus", "These must be two numbers from -1 to 1, with a comma between them.") from error
    return check_focus(x, y)
