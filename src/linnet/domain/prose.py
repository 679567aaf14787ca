"""Several lines that people write and that are no tweet: what they note of somebody, what they tell an operator."""

from linnet.domain.characters import WHITE_SPACE, find_forbidden, is_blank
from linnet.domain.lines import too_long
from linnet.domain.text import normalise
from linnet.errors import Invalid


def check_prose(raw: str, *, noun: str, max_chars: int, field: str) -> str:
    """NFC, trimmed, line ends kept; what nobody can see is empty.

    Raises ``Invalid``, which calls it "your ``noun``".
    """
    trimmed = raw.strip(WHITE_SPACE)
    # As for a line: NFC makes a text at most three times shorter.
    if len(trimmed) > 10 * max_chars:
        raise Invalid.field(field, too_long(noun, len(trimmed), max_chars))
    text = normalise(trimmed)
    if forbidden := find_forbidden(text):
        raise Invalid.field(field, f"Your {noun} holds {forbidden}. Please remove it.")
    if is_blank(text):
        return ""
    if len(text) > max_chars:
        raise Invalid.field(field, too_long(noun, len(text), max_chars))
    return text
