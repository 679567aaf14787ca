"""Pictures for tests, drawn here: good ones of every kind, and ones made to harm."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image, ImageCms, ImageDraw

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 160, 60), (40, 60, 220), (255, 255, 255)


def quarters(width: int = 600, height: int = 400, mode: str = "RGB") -> Image.Image:
    """Red | green over blue | white, seen upright."""
    image = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill=RED)
    draw.rectangle((width // 2, 0, width, height // 2 - 1), fill=GREEN)
    draw.rectangle((0, height // 2, width // 2 - 1, height), fill=BLUE)
    return image if mode == "RGB" else image.convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(kind: str = "JPEG", **options: Any) -> bytes:
    return encoded(quarters(), kind, **options)


def corners(raw: bytes) -> list[tuple[int, ...]]:
    """What is seen in the four quarters of an encoded picture: top left, top right, bottom left, bottom right."""
    with Image.open(io.BytesIO(raw)) as image:
        near, far = image.width // 4, image.width * 3 // 4
        found: list[tuple[int, ...]] = []
        for at in ((near, near), (far, near), (near, far), (far, far)):
            pixel = image.convert("RGB").getpixel(at)
            assert isinstance(pixel, tuple)
            found.append(pixel)
        return found


def looks_like(seen: list[tuple[int, ...]], meant: list[tuple[int, int, int]], *, within: int = 24) -> bool:
    return all(
        abs(part - wanted) <= within
        for pixel, colour in zip(seen, meant, strict=True)
        for part, wanted in zip(pixel, colour, strict=True)
    )


def turned(orientation: int) -> bytes:
    """A JPEG whose pixels lie as a camera held that way stores them, and which says so."""
    how = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    image = quarters()
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image if how is None else image.transpose(how), exif=exif, quality=95)


def with_secrets(kind: str, secret: str) -> bytes:
    """A picture with a place, a camera, a comment and a profile in it, wherever its kind has room for them."""
    exif = Image.Exif()
    exif[0x010F] = f"camera {secret}"
    exif[0x9286] = f"comment {secret}"
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 3.0, 41.0), 3: "E", 4: (19.0, 56.0, 18.0), 29: secret})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{secret}</x:xmpmeta>".encode()
    options: dict[str, Any] = {"exif": exif, "icc_profile": profile}
    if kind == "JPEG":
        options |= {"comment": secret.encode(), "xmp": xmp}
    elif kind == "WEBP":
        options |= {"xmp": xmp}
    raw = encoded(quarters(), kind, **options)
    if kind == "PNG":
        text = chunk(b"tEXt", b"Comment\0" + secret.encode()) + chunk(
            b"zTXt", b"More\0\0" + zlib.compress(secret.encode())
        )
        raw = raw[:33] + text + raw[33:]
    return raw


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def riff_chunks(raw: bytes) -> Iterator[bytes]:
    """The names of a WebP's chunks."""
    assert raw[:4] == b"RIFF"
    assert raw[8:12] == b"WEBP"
    assert int.from_bytes(raw[4:8], "little") == len(raw) - 8
    at = 12
    while at < len(raw):
        yield raw[at : at + 4]
        length = int.from_bytes(raw[at + 4 : at + 8], "little")
        at += 8 + length + length % 2


def png_bomb(width: int, height: int) -> bytes:
    """So many black pixels in very few bytes."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compressobj(9)
    row = bytes((width + 7) // 8 + 1)
    pixels = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_that_says(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def png_with_two_sizes() -> bytes:
    """It says first that it is small, and then that it is not."""
    small = encoded(Image.new("RGB", (10, 10)), "PNG")
    return small[:33] + chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0)) + small[33:]


def jpeg_of_many_scans(scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    raw = encoded(quarters(), "JPEG", progressive=True)
    last = raw.rindex(b"\xff\xda")
    return raw[:last] + raw[last:-2] * scans + raw[-2:]


def webp_that_says(width: int, height: int) -> bytes:
    """A WebP whose canvas claims a size."""
    frame = encoded(Image.new("RGB", (4, 4)), "WEBP")[12:]
    extended = (
        b"VP8X"
        + struct.pack("<I", 10)
        + b"\x02\0\0\0"
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    body = b"WEBP" + extended + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif(frames: int = 3) -> bytes:
    return moving("GIF", frames)


def moving(kind: str, frames: int = 3) -> bytes:
    """The first frame is the one that is meant."""
    others = [Image.new("RGB", (600, 400), (0, 0, number)) for number in range(1, frames)]
    return encoded(quarters(), kind, save_all=True, append_images=others, duration=100, loop=0)
