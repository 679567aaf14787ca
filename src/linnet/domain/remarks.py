"""What somebody notes of somebody else, for themselves alone."""

from typing import Final

from linnet.domain.characters import WHITE_SPACE, find_forbidden, is_blank
from linnet.domain.lines import too_long
from linnet.domain.text import normalise
from linnet.errors import Invalid

MAX_REMARK_CHARS: Final = 2000


def check_remark(raw: str, *, field: str = "note") -> str:
    """NFC, trimmed, line ends kept; empty: there is none. Raises ``Invalid``."""
    trimmed = raw.strip(WHITE_SPACE)
    # As for a bio: NFC makes a text at most three times shorter.
    if len(trimmed) > 10 * MAX_REMARK_CHARS:
        raise Invalid.field(field, too_long("note", len(trimmed), MAX_REMARK_CHARS))
    remark = normalise(trimmed)
    if forbidden := find_forbidden(remark):
        raise Invalid.field(field, f"Your note holds {forbidden}. Please remove it.")
    if is_blank(remark):
        return ""
    if len(remark) > MAX_REMARK_CHARS:
        raise Invalid.field(field, too_long("note", len(remark), MAX_REMARK_CHARS))
    return remark
