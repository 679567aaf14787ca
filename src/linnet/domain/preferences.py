"""With what somebody's apps begin a post: to whom it goes, whether it is hidden at first, and in which language."""

import re
from typing import Final

import msgspec

from linnet.domain.tweet import Visibility
from linnet.errors import Invalid

VISIBILITIES: Final[tuple[Visibility, ...]] = ("public", "unlisted", "private")
_WIDEST_FIRST: Final = ("public", "unlisted", "private", "direct")
# ISO 639, with what may come behind it.
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")


class Preferences(msgspec.Struct, frozen=True):
    """``language`` is None where the app is to find out."""

    visibility: Visibility = "public"
    sensitive: bool = False
    language: str | None = None


def check_visibility(raw: str, *, field: str = "visibility") -> Visibility:
    """Raises ``Invalid``: nobody writes to somebody in particular without saying to whom."""
    for visibility in VISIBILITIES:
        if raw == visibility:
            return visibility
    raise Invalid.field(field, f"This must be one of {', '.join(VISIBILITIES)}.")


def narrower(one: Visibility, other: Visibility) -> Visibility:
    """That of the two which fewer people may see."""
    return max(one, other, key=_WIDEST_FIRST.index)


def check_language(raw: str, *, field: str = "language") -> str | None:
    """None for nothing. Raises ``Invalid``."""
    if raw and _LANGUAGE.fullmatch(raw) is None:
        raise Invalid.field(field, "This must be a language as in en or pt-BR.")
    return raw or None
