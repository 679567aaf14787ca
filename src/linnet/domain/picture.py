"""What a file of a picture says about itself in its first bytes: its kind and its size, without decoding it."""

from typing import Final, Literal

import msgspec

PictureKind = Literal["JPEG", "PNG", "WEBP"]

_PNG: Final = b"\x89PNG\r\n\x1a\n"
# Frame headers of JPEG; the three that are left out mean something else.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_SCAN: Final = 0xDA
_END: Final = 0xD9


class PictureHeader(msgspec.Struct, frozen=True):
    """Sides in pixels, at least 1."""

    kind: PictureKind
    width: int
    height: int


def read_header(raw: bytes) -> PictureHeader | None:
    """None for what is no JPEG, PNG or WebP, or says no size. Reads no further than it must."""
    kind: PictureKind
    if raw.startswith(_PNG):
        kind, size = "PNG", _png_size(raw)
    elif raw.startswith(b"\xff\xd8\xff"):
        kind, size = "JPEG", _jpeg_size(raw)
    elif raw.startswith(b"RIFF") and raw[8:12] == b"WEBP":
        kind, size = "WEBP", _webp_size(raw)
    else:
        return None
    if size is None or 0 in size:
        return None
    return PictureHeader(kind, *size)


def _png_size(raw: bytes) -> tuple[int, int] | None:
    if len(raw) < 33 or raw[8:16] != b"\x00\x00\x00\x0dIHDR":
        return None
    return int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    """The size in the first frame header, which comes before the first scan."""
    at = 2
    while at + 4 <= len(raw):
        if raw[at] != 0xFF:
            return None
        marker = raw[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in (_SCAN, _END):
            return None
        elif marker in _FRAMES:
            if at + 9 > len(raw):
                return None
            return int.from_bytes(raw[at + 7 : at + 9]), int.from_bytes(raw[at + 5 : at + 7])
        else:
            at += 2 + max(2, int.from_bytes(raw[at + 2 : at + 4]))
    return None


def _webp_size(raw: bytes) -> tuple[int, int] | None:
    if len(raw) < 30:
        return None
    chunk = raw[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(raw[24:27], "little"), 1 + int.from_bytes(raw[27:30], "little")
    if chunk == b"VP8L" and raw[20] == 0x2F:
        bits = int.from_bytes(raw[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 " and raw[23:26] == b"\x9d\x01\x2a":
        width, height = int.from_bytes(raw[26:28], "little"), int.from_bytes(raw[28:30], "little")
        return width & 0x3FFF, height & 0x3FFF
    return None
