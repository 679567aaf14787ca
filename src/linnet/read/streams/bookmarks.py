"""What a client has of its home timeline, as the id of an event: enough to see later whether that is still right."""

import hashlib
import re
from collections.abc import Iterable

import msgspec

from linnet.ids import MAX_ID

PATTERN = r"^([1-9][0-9]{0,18}|(0|[1-9][0-9]{0,18})\.(0|[1-9][0-9]{0,18})\.[0-9a-f]{16})$"
"""The newest id alone, or with the oldest and the digest. An empty page has 0 for both."""

_DIGEST_BYTES = 8
_TEXT = re.compile(r"(0|[1-9][0-9]{0,18})(?:\.(0|[1-9][0-9]{0,18})\.([0-9a-f]{16}))?")


class Bookmark(msgspec.Struct, frozen=True):
    """Everything between two ids (both inclusive) that has this digest.

    With nothing but ``newest`` all that is said is that what comes after it is wanted.
    """

    newest: int
    oldest: int | None = None
    digest: str = ""

    def __str__(self) -> str:
        return str(self.newest) if self.oldest is None else f"{self.newest}.{self.oldest}.{self.digest}"


def bookmark_of(ids: Iterable[int]) -> Bookmark:
    """Of whoever has these entries, and all that is between them."""
    ordered = sorted(ids)
    packed = b"".join([some_id.to_bytes(8, "big") for some_id in ordered])
    digest = hashlib.blake2b(packed, digest_size=_DIGEST_BYTES).hexdigest()
    return Bookmark(ordered[-1], ordered[0], digest) if ordered else Bookmark(0, 0, digest)


def parse_bookmark(text: str) -> Bookmark | None:
    """None for what no event had as its id."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    newest, oldest, digest = int(found[1]), found[2], found[3] or ""
    if oldest is None:
        return Bookmark(newest) if 0 < newest <= MAX_ID else None
    return Bookmark(newest, int(oldest), digest) if int(oldest) <= newest <= MAX_ID else None
