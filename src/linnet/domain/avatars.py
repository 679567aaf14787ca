"""What an avatar is called: a picture is named after its content, and kept in three sizes.

The wide one above a profile is such a picture, too, three times as wide as it is high: its sizes are those of its
height, it lies among the others, and everything that is done with them is done with it.
"""

from typing import Final

import regex

AVATAR_SIDES: Final = (512, 192, 64)
"""Pixels, the largest first: for a profile, for lists on sharp screens, for a line of text."""

SHOWN_SIDE: Final = 192
HEADER_ASPECT: Final = 3
HEADER_SIDE: Final = 512
AVATAR_MEDIA_TYPE: Final = "image/webp"
AVATAR_DIRECTORY: Final = "avatars"

# 128 bits of SHA-256: to find a second picture for a name takes 2^128 tries, and a page has many names.
AVATAR_NAME_CHARS: Final = 32
_AVATAR_NAME = regex.compile(rf"[0-9a-f]{{{AVATAR_NAME_CHARS}}}")


def is_avatar_name(text: str) -> bool:
    return _AVATAR_NAME.fullmatch(text) is not None


def avatar_file(side: int) -> str:
    return f"{side}.webp"


def avatar_path(avatar: str, side: int) -> str:
    """Where in the media store one size of a picture lies."""
    return f"{AVATAR_DIRECTORY}/{avatar}/{avatar_file(side)}"
