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
from functools import partial
from typing import Final, TypeVar

import msgspec
import structlog
from PIL import Image, ImageCms

from linnet.domain.avatars import AVATAR_NAME_CHARS, AVATAR_SIDES
from linnet.domain.picture import PictureHeader, read_header
from linnet.errors import PictureTooLarge, PictureUnreadable, Unavailable

log = structlog.get_logger()

Upload = TypeVar("Upload")
Made = TypeVar("Made")

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
_QUARTERS: Final = frozenset(_TURNS[number] for number in (5, 6, 7, 8))
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

    async def receive(self, upload: Callable[[], Awaitable[bytes]], *, aspect: int = 1) -> SquarePicture:
        """Reads what ``upload`` gives and makes a picture of it that is ``aspect`` times as wide as high.

        Raises ``PictureUnreadable`` or ``PictureTooLarge``, and ``Unavailable`` before anything is read when too many
        are under way.
        """
        return await self.admit(upload, lambda raw: self.make(partial(make_square, raw, self.rules, aspect)))

    async def admit(
        self, read: Callable[[], Awaitable[Upload]], then: Callable[[Upload], Awaitable[Made]], *, files: int = 1
    ) -> Made:
        """Reads an upload of so many files, and goes on with it. Raises ``Unavailable``, before anything is read."""
        if self._under_way + files > self.rules.max_at_once:
            raise Unavailable(f"{self._under_way} pictures are being received already", retry_after_seconds=5)
        self._under_way += files
        try:
            return await then(await read())
        finally:
            self._under_way -= files

    async def make(self, make: Callable[[], Made]) -> Made:
        """Off the event loop, when the pictures before it are done."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, make)

    def close(self) -> None:
        """Lets what is being decoded finish, and drops what waits."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def make_square(raw: bytes, rules: PictureRules, aspect: int = 1) -> SquarePicture:
    """The middle of a JPEG, PNG or WebP picture, upright, in sRGB; of a moving one its first frame.

    Raises ``PictureUnreadable`` or ``PictureTooLarge``, whatever the bytes are.
    """
    largest = _opened(raw, rules, partial(_decode, aspect=aspect))
    by_side = {AVATAR_SIDES[0]: encode(largest, rules)}
    # All sizes come from the largest one, so that its name is theirs, too.
    for side in AVATAR_SIDES[1:]:
        by_side[side] = encode(largest.resize((aspect * side, side), Image.Resampling.LANCZOS), rules)
    name = hashlib.sha256(by_side[AVATAR_SIDES[0]]).hexdigest()[:AVATAR_NAME_CHARS]
    return SquarePicture(name, by_side)


def open_whole(raw: bytes, rules: PictureRules, *, side: int) -> Image.Image:
    """All of a picture that does not move, as above; the longer side has at most so many pixels."""
    return _opened(raw, rules, partial(_decode_whole, side=side))


def shrink(image: Image.Image, side: int) -> Image.Image:
    """The longer side has at most so many pixels; what is smaller stays as it is."""
    return image.resize(_fit(image.size, side), Image.Resampling.LANCZOS, reducing_gap=3.0)


def pixels_on_paper(image: Image.Image, side: int) -> tuple[list[tuple[int, int, int]], int, int]:
    """The rows of a tiny copy, its width and its height. Where one sees through, it is white, as a page is."""
    size = _fit(image.size, side)
    tiny = image.resize(size, Image.Resampling.BOX)
    if tiny.mode == "RGBA":
        tiny = Image.alpha_composite(Image.new("RGBA", size, "white"), tiny)
    raw = tiny.convert("RGB").tobytes()
    return [(raw[at], raw[at + 1], raw[at + 2]) for at in range(0, len(raw), 3)], *size


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Never larger than it is, and never nothing."""
    share = min(1.0, side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _opened(raw: bytes, rules: PictureRules, decode: Callable[[bytes, PictureHeader], Image.Image]) -> Image.Image:
    """Raises ``PictureUnreadable`` or ``PictureTooLarge``, whatever the bytes are."""
    header = _check(raw, rules)
    try:
        return decode(raw, header)
    except (PictureUnreadable, PictureTooLarge, MemoryError):
        raise
    # A decoder that is given nonsense raises whatever it likes: struct.error, SyntaxError, KeyError …
    except Exception as error:
        log.debug("a picture could not be read", cause=repr(error))
        raise PictureUnreadable from error


def _check(raw: bytes, rules: PictureRules) -> PictureHeader:
    """What can be said without decoding."""
    if len(raw) > rules.max_bytes:
        raise PictureTooLarge(f"This file is too large; {_size(rules.max_bytes)} are allowed.")
    if not raw:
        raise PictureUnreadable("The picture is empty.")
    header = read_header(raw)
    if header is None:
        raise PictureUnreadable
    if header.width * header.height > rules.max_pixels:
        raise PictureTooLarge(
            f"This picture has {header.width} × {header.height} pixels; {_many(rules.max_pixels)} are allowed."
        )
    # Markers stand between scans, never in them; a few more may be in a thumbnail.
    if header.kind == "JPEG" and raw.count(b"\xff\xda") > rules.max_scans:
        raise PictureUnreadable("This JPEG is stored in too many passes. Please save it again, plainly.")
    return header


def _size(length: int) -> str:
    return f"{length // 1024 // 1024} MB" if length >= 1024 * 1024 else f"{length // 1024} KB"


def _many(pixels: int) -> str:
    return f"{pixels // 1_000_000} million" if pixels >= 1_000_000 else f"{pixels:,}"


def _decode(raw: bytes, header: PictureHeader, *, aspect: int) -> Image.Image:
    """The largest of that shape, of nothing but pixels."""
    side = AVATAR_SIDES[0]
    with Image.open(io.BytesIO(raw), formats=(header.kind,)) as image:
        profile = _load(image, header, aspect * side)
        turn = _TURNS.get(_orientation_of(image))
        # What is to be turned by a quarter is as high now as it will be wide.
        across, down = (1, aspect) if turn in _QUARTERS else (aspect, 1)
        unit = min(image.width / across, image.height / down)
        left, top = (image.width - across * unit) / 2, (image.height - down * unit) / 2
        square = _scale(image, (across * side, down * side), (left, top, left + across * unit, top + down * unit))
    return _upright_pixels(square, turn, profile)


def _decode_whole(raw: bytes, header: PictureHeader, *, side: int) -> Image.Image:
    with Image.open(io.BytesIO(raw), formats=(header.kind,)) as image:
        # Some phones put a second picture behind a JPEG, which is no film.
        if header.kind != "JPEG" and getattr(image, "n_frames", 1) > 1:
            raise PictureUnreadable("This picture moves. Only pictures that stand still can be put into a tweet.")
        profile = _load(image, header, side)
        turn = _TURNS.get(_orientation_of(image))
        whole = _scale(image, _fit(image.size, side))
    return _upright_pixels(whole, turn, profile)


def _load(image: Image.Image, header: PictureHeader, side: int) -> bytes | None:
    """All of its pixels; returns the profile of its colours."""
    if image.size != (header.width, header.height):
        # It has two headers, and the decoder believes the other one.
        raise PictureUnreadable
    # A JPEG can be decoded at a fraction of its size; twice what is needed leaves enough to sharpen from.
    image.draft(None, (2 * side, 2 * side))
    image.load()
    profile: bytes | None = image.info.get("icc_profile")
    return profile


def _upright_pixels(image: Image.Image, turn: Image.Transpose | None, profile: bytes | None) -> Image.Image:
    """Turned, in sRGB, and nothing else: Pillow carries what it knows of a picture along; a new one knows nothing."""
    shown = _to_srgb(image if turn is None else image.transpose(turn), profile)
    return Image.frombytes(shown.mode, shown.size, shown.tobytes())


def _orientation_of(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # What a camera wrote beside the picture is broken more often than the picture.
        return 1


def _scale(
    image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    """A part of it, or all. Of the colours only those modes are left that ``_upright_pixels`` knows."""
    if image.mode in ("P", "PA", "1") or "transparency" in image.info:
        image = image.convert("RGBA")
    scaled = image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
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


def encode(image: Image.Image, rules: PictureRules) -> bytes:
    """As WebP."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=rules.quality, method=4, exif=b"", xmp=b"", icc_profile=b"")
    return buffer.getvalue()
