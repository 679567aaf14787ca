"""A picture that somebody puts into a tweet: all of it, upright, in two sizes, and as a blur that stands in for it.

What is sent is treated as ``write/pictures.py`` says, which decodes; nothing of the file itself is kept, so neither is
what a camera wrote into it, such as where it was.
"""

import msgspec

from linnet.domain.attachments import MAX_ATTACHMENTS
from linnet.domain.blurhash import blurhash_of
from linnet.write.pictures import PictureRules, encode, open_whole, pixels_on_paper, shrink

_BLUR_SIDE = 20


class PhotoRules(PictureRules, frozen=True):
    """``large_side`` and ``small_side``: of what is kept the longer side has at most so many pixels.

    ``per_tweet``: how many a tweet takes. ``waits_hours``: how long one that was uploaded waits for a tweet.
    """

    max_bytes: int = 10 * 1024 * 1024
    large_side: int = 2048
    small_side: int = 640
    per_tweet: int = MAX_ATTACHMENTS
    waits_hours: int = 24


class Photo(msgspec.Struct, frozen=True):
    """Both sizes as WebP, and their sides in pixels."""

    large: bytes
    width: int
    height: int
    small: bytes
    small_width: int
    small_height: int
    blurhash: str


def make_photo(raw: bytes, rules: PhotoRules) -> Photo:
    """Of a JPEG, PNG or WebP picture that does not move.

    Raises ``PictureUnreadable`` or ``PictureTooLarge``, whatever the bytes are.
    """
    large = open_whole(raw, rules, side=rules.large_side)
    small = shrink(large, rules.small_side)
    blurhash = blurhash_of(*pixels_on_paper(small, _BLUR_SIDE))
    return Photo(encode(large, rules), *large.size, encode(small, rules), *small.size, blurhash=blurhash)
