"""Markup that is made once and used again, with open places for what is not the same each time.

A place is a word that nobody can know, so nothing that people write can be one. What is put into it is markup already.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from markupsafe import Markup

from linnet.ids import random_bytes

_SECRET: Final = random_bytes(16).hex()
_PLACE: Final = re.compile(rf"{_SECRET}-([a-z_]+)-")


def place(name: str) -> Markup:
    """What stands in a template where something comes later. ``name`` is of small letters and ``_``."""
    return Markup(f"{_SECRET}-{name}-")


class Outline(msgspec.Struct, frozen=True):
    """``parts`` in their order, the open ones empty. ``places`` are their indexes, and what belongs there."""

    parts: list[bytes]
    places: list[tuple[int, str]]

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        """The markup, whole. Raises ``KeyError`` where nothing is given for a place."""
        parts = self.parts.copy()
        for index, name in self.places:
            parts[index] = values[name]
        return b"".join(parts)


def outline_of(markup: str) -> Outline:
    """What a template came to, with its places."""
    # Every second one is the name of a place.
    found = _PLACE.split(markup)
    parts = [b"" if index % 2 else text.encode() for index, text in enumerate(found)]
    return Outline(parts, [(index, found[index]) for index in range(1, len(found), 2)])
