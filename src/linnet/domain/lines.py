"""A line that people write about themselves, and others see inside sentences of their own: a name, a place."""

import unicodedata

import regex

from linnet.domain.characters import WHITE_SPACE, find_direction_control, find_forbidden, is_blank
from linnet.errors import Invalid

_WHITE_SPACE_RUN = regex.compile(r"\p{White_Space}+", regex.V1)


def check_line(raw: str, *, noun: str, max_chars: int, field: str) -> str:
    """NFC, trimmed, on one line with single blanks: code points of any script, emoji too.

    What nobody can see is empty. Raises ``Invalid``, which calls it "your ``noun``".
    """
    # NFC makes a text at most three times shorter; anything beyond is refused before it costs work.
    trimmed = raw.strip(WHITE_SPACE)
    if len(trimmed) > 10 * max_chars:
        raise Invalid.field(field, too_long(noun, len(trimmed), max_chars))
    line = _WHITE_SPACE_RUN.sub(" ", unicodedata.normalize("NFC", trimmed)).strip(" ")
    if forbidden := find_forbidden(line):
        raise Invalid.field(field, f"Your {noun} holds {forbidden}. Please remove it.")
    if code_point := find_direction_control(line):
        raise Invalid.field(
            field, f"Your {noun} holds an invisible character that changes the direction of text ({code_point})."
        )
    if is_blank(line):
        return ""
    if len(line) > max_chars:
        raise Invalid.field(field, too_long(noun, len(line), max_chars))
    return line


def too_long(noun: str, chars: int, max_chars: int) -> str:
    return f"Your {noun} has {chars} characters; {max_chars} are allowed."
