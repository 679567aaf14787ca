"""What somebody notes of somebody else, for themselves alone."""

from typing import Final

from linnet.domain.prose import check_prose

MAX_REMARK_CHARS: Final = 2000


def check_remark(raw: str, *, field: str = "note") -> str:
    """NFC, trimmed, line ends kept; empty: there is none. Raises ``Invalid``."""
    return check_prose(raw, noun="note", max_chars=MAX_REMARK_CHARS, field=field)
