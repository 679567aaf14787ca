"""A picture that somebody sends becomes a square one, in three sizes and without a trace of where it came from.

What is sent may be anything, made to harm whoever opens it. So its kind and size are read from its first bytes by code
of a few lines, and only what is small enough is given to a decoder; what is kept is encoded anew from pixels alone, so
no byte of what was sent, and nothing hidden in it, is ever served. Decoding takes up to two seconds and 400 MB:
it is done in a thread, one at a time in each process.
"""

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
import structlog
from PIL import Image, ImageCms

from linnet.domain.avatars import AVATAR_NAME_CHARS, AVATAR_SIDES
from linnet.domain.picture import PictureHeader, read_header
from linnet.errors import PictureTooLarge, PictureUnreadable, Unavailable

log = structlog.get_logger()

_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SRGB: Final = ImageCms.createProfile("sRGB")
_MAX_PROFILE_BYTES: Final = 1024 * 1024


class PictureRules(msgspec.Struct, frozen=True):
    """What may be sent, and how much of it at once.

    ``max_scans`` is of one JPEG: each passes over all of its pixels, cameras make ten, and whoever makes thousands
    wants to keep us busy. ``max_at_once`` counts uploads from their first byte on.
    """

    max_bytes: int = 5 * 1024 * 1024
    max_pixels: int = 25_000_000
    max_scans: int = 100
    quality: int = 82
    threads: int = 1
    max_at_once: int = 32


class SquarePicture(msgspec.Struct, frozen=True):
    """One picture in all sizes, as WebP by side in pixels. The same pixels have the same name."""

    name: str
    by_side: Mapping[int, bytes]


class Pictures:
    """One per process."""

    def __init__(self, rules: PictureRules) -> None:
        self.rules = rules
        self._threads = ThreadPoolExecutor(rules.threads, thread_name_prefix="picture")
        self._under_way = 0

    async def receive(self, upload: Callable[[], Awaitable[bytes]]) -> SquarePicture:
        """Reads what ``upload`` gives and makes a picture of it.

        Raises ``PictureUnreadable`` or ``PictureTooLarge``, and ``Unavailable`` before anything is read when too many
        are under way.
        """
        if self._under_way >= self.rules.max_at_once:
            raise Unavailable(f"{self._under_way} pictures are being received already", retry_after_seconds=5)
        self._under_way += 1
        try:
            raw = await upload()
            return await asyncio.get_running_loop().run_in_executor(self._threads, make_square, raw, self.rules)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Lets what is being decoded finish, and drops what waits."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def make_square(raw: bytes, rules: PictureRules) -> SquarePicture:
    """The middle of a JPEG, PNG or WebP picture, upright, in sRGB; of a moving one its first frame.

    Raises ``PictureUnreadable`` or ``PictureTooLarge``, whatever the bytes are.
    """
    header = _check(raw, rules)
    try:
        largest = _decode(raw, header)
    except (PictureTooLarge, MemoryError):
        raise
    # A decoder that is given nonsense raises whatever it likes: struct.error, SyntaxError, KeyError …
    except Exception as error:
        log.debug("a picture could not be read", cause=repr(error))
        raise PictureUnreadable from error
    by_side = {AVATAR_SIDES[0]: _encode(largest, rules)}
    # All sizes come from the largest one, so that its name is theirs, too.
    for side in AVATAR_SIDES[1:]:
        by_side[side] = _encode(largest.resize((side, side), Image.Resampling.LANCZOS), rules)
    name = hashlib.sha256(by_side[AVATAR_SIDES[0]]).hexdigest()[:AVATAR_NAME_CHARS]
    return SquarePicture(name, by_side)


def _check(raw: bytes, rules: PictureRules) -> PictureHeader:
    """What can be said without decoding."""
    if len(raw) > rules.max_bytes:
        raise PictureTooLarge(f"This file is too large; {rules.max_bytes // 1024 // 1024} MB are allowed.")
    if not raw:
        raise PictureUnreadable("The picture is empty.")
    header = read_header(raw)
    if header is None:
        raise PictureUnreadable
    if header.width * header.height > rules.max_pixels:
        raise PictureTooLarge(
            f"This picture has {header.width} × {header.height} pixels;"
            f" {rules.max_pixels // 1_000_000} million are allowed."
        )
    # Markers stand between scans, never in them; a few more may be in a thumbnail.
    if header.kind == "JPEG" and raw.count(b"\xff\xda") > rules.max_scans:
        raise PictureUnreadable("This JPEG is stored in too many passes. Please save it again, plainly.")
    return header


def _decode(raw: bytes, header: PictureHeader) -> Image.Image:
    """The largest square, of nothing but pixels."""
    side = AVATAR_SIDES[0]
    with Image.open(io.BytesIO(raw), formats=(header.kind,)) as image:
        if image.size != (header.width, header.height):
            # It has two headers, and the decoder believes the other one.
            raise PictureUnreadable
        # A JPEG can be decoded at a fraction of its size; twice what is needed leaves enough to sharpen from.
        image.draft(None, (2 * side, 2 * side))
        image.load()
        profile = image.info.get("icc_profile")
        turn = _TURNS.get(_orientation_of(image))
        square = _square(image, side)
    upright = square if turn is None else square.transpose(turn)
    shown = _to_srgb(upright, profile)
    # Pillow carries what it knows of a picture along; a new one knows nothing.
    return Image.frombytes(shown.mode, shown.size, shown.tobytes())


def _orientation_of(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # What a camera wrote beside the picture is broken more often than the picture.
        return 1


def _square(image: Image.Image, side: int) -> Image.Image:
    """The middle, scaled. Of the colours only those modes are left that ``_to_srgb`` knows."""
    shorter = min(image.size)
    left, top = (image.width - shorter) / 2, (image.height - shorter) / 2
    box = (left, top, left + shorter, top + shorter)
    if image.mode in ("P", "PA", "1") or "transparency" in image.info:
        image = image.convert("RGBA")
    scaled = image.resize((side, side), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    if scaled.mode.startswith("I"):
        # 16 bits of grey; converting would cut off everything above 255.
        return scaled.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    if scaled.mode in ("La", "LA", "RGBa"):
        return scaled.convert("RGBA")
    return scaled if scaled.mode in ("L", "RGB", "RGBA", "CMYK") else scaled.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours that were meant. Phones write Display P3, which without its profile looks dull."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB") if alpha is not None else image
    if profile and len(profile) <= _MAX_PROFILE_BYTES:
        try:
            meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            colours = ImageCms.profileToProfile(colours, meant, _SRGB, outputMode="RGB") or colours
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError) as error:
            # A profile for other colours than these, or none at all.
            log.debug("a colour profile was left out", cause=repr(error))
    colours = colours.convert("RGB")
    if alpha is None or alpha.getextrema() == (255, 255):
        return colours
    colours.putalpha(alpha)
    return colours


def _encode(image: Image.Image, rules: PictureRules) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=rules.quality, method=4, exif=b"", xmp=b"", icc_profile=b"")
    return buffer.getvalue()
