"""What becomes of a picture: upright, square, in sRGB, without a trace of where it came from; or refused."""

import io
import threading
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from PIL import Image, ImageCms

from linnet.domain.avatars import AVATAR_SIDES, is_avatar_name
from linnet.domain.picture import PictureHeader, read_header
from linnet.errors import PictureTooLarge, PictureUnreadable, Unavailable
from linnet.write.pictures import PictureRules, Pictures, SquarePicture, make_square
from tests.support import drawn
from tests.support.drawn import BLUE, GREEN, RED, WHITE, corners, encoded, looks_like, picture, quarters

RULES = PictureRules()
SECRET = "Rynek 5 / Nikon"


def square(raw: bytes) -> SquarePicture:
    return make_square(raw, RULES)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_becomes_three_squares_of_its_middle(kind: str) -> None:
    made = square(encoded(quarters(900, 400), kind))
    assert is_avatar_name(made.name)
    assert tuple(made.by_side) == AVATAR_SIDES
    for side, raw in made.by_side.items():
        with Image.open(io.BytesIO(raw)) as image:
            assert (image.format, image.size, image.mode) == ("WEBP", (side, side), "RGB")
        assert looks_like(corners(raw), [RED, GREEN, BLUE, WHITE])
        assert len(raw) < 20_000


def test_the_same_pixels_have_the_same_name_however_they_come() -> None:
    plain = square(picture("PNG"))
    assert square(picture("PNG", compress_level=1)) == plain
    assert square(picture("WEBP", lossless=True)) == plain
    assert square(picture("JPEG")).name != plain.name


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_shown_as_the_camera_was_held(orientation: int) -> None:
    made = square(drawn.turned(orientation))
    assert looks_like(corners(made.by_side[512]), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_pixels_comes_out(kind: str) -> None:
    raw = drawn.with_secrets(kind, SECRET)
    for place in (b"GPS", b"EXIF", b"Exif", b"eXIf", SECRET.encode()):
        if place in raw:
            break
    else:
        raise AssertionError("there is something to hide")
    with Image.open(io.BytesIO(raw)) as before:
        assert before.getexif().get_ifd(0x8825)[29] == SECRET, "the place where it was taken is in it"
        assert "icc_profile" in before.info
    for side in square(raw).by_side.values():
        assert set(drawn.riff_chunks(side)) <= {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}
        assert SECRET.encode() not in side
        with Image.open(io.BytesIO(side)) as after:
            assert not dict(after.getexif())
            assert not {"exif", "xmp", "icc_profile", "comment"} & set(after.info)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_every_kind_of_png_is_read(mode: str) -> None:
    if mode == "I;16":
        image = Image.new("I;16", (300, 200), 65_000)
        meant = [WHITE] * 4
    else:
        image = quarters(mode=mode)
        meant = [RED, GREEN, BLUE, WHITE]
    seen = corners(square(encoded(image, "PNG")).by_side[512])
    if mode in ("1", "L", "LA"):
        assert all(max(pixel) - min(pixel) <= 8 for pixel in seen)
        assert seen[3][0] > 245
    else:
        assert looks_like(seen, meant)


def test_what_is_transparent_stays_so() -> None:
    image = quarters(mode="RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 300, 200))
    for source in (image, image.convert("PA").convert("RGBA")):
        with Image.open(io.BytesIO(square(encoded(source, "PNG")).by_side[192])) as after:
            assert after.mode == "RGBA"
            pixels = [after.getpixel(at) for at in ((48, 48), (144, 144))]
            assert [pixel[3] for pixel in pixels if isinstance(pixel, tuple)] == [0, 255]


def test_a_palette_with_a_transparent_colour_is_read() -> None:
    image = quarters(mode="P")
    raw = encoded(image, "PNG", transparency=image.getpixel((10, 10)))
    with Image.open(io.BytesIO(square(raw).by_side[192])) as after:
        assert after.mode == "RGBA"


def test_cmyk_is_read() -> None:
    assert looks_like(corners(square(encoded(quarters(mode="CMYK"))).by_side[512]), [RED, GREEN, BLUE, WHITE])


def test_colours_are_those_that_the_profile_means() -> None:
    # A profile in which the numbers of a grey mean another one than in sRGB: gamma 1.
    linear = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = linear.find(b"para")
    assert at > 0
    # A curve of the plainest kind: y = x ** g, with g = 1.
    linear[at + 8 : at + 10] = (0).to_bytes(2)
    linear[at + 12 : at + 16] = (1 << 16).to_bytes(4)
    grey = Image.new("RGB", (300, 300), (64, 64, 64))
    plain = corners(square(encoded(grey, "PNG")).by_side[64])
    meant = corners(square(encoded(grey, "PNG", icc_profile=bytes(linear))).by_side[64])
    assert plain[0][0] < 70
    assert meant[0][0] > 110, "a quarter of the light looks like half of it"


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 3000, b"x" * 900_000])
def test_a_broken_profile_is_left_out(profile: bytes) -> None:
    raw = encoded(quarters(), "PNG", icc_profile=profile)
    assert looks_like(corners(square(raw).by_side[64]), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_of_a_moving_picture_the_first_frame_is_taken(kind: str) -> None:
    assert looks_like(corners(square(drawn.moving(kind)).by_side[192]), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 3), (511, 513), (4000, 3000)])
def test_pictures_of_any_shape_are_read(size: tuple[int, int]) -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        made = square(encoded(Image.new("RGB", size, RED), kind))
        assert looks_like(corners(made.by_side[512]), [RED] * 4)


REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "text": b"Hello, birds",
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "gif": drawn.gif(),
    "bmp": encoded(quarters(), "BMP"),
    "tiff": encoded(quarters(), "TIFF"),
    "pdf": encoded(quarters(), "PDF"),
    "ico": encoded(quarters(), "ICO"),
    "zip": b"PK\x03\x04" + bytes(100),
    "beginnings": b"\xff\xd8\xff",
    "png signature": b"\x89PNG\r\n\x1a\n",
    "webp signature": b"RIFF\x10\0\0\0WEBPVP8 ",
    "half a jpeg": picture()[: len(picture()) // 2],
    "half a png": picture("PNG")[: len(picture("PNG")) // 2],
    "half a webp": picture("WEBP")[: len(picture("WEBP")) // 2],
    "most of a jpeg": picture(quality=95)[:-200],
    "a jpeg behind html": b"<html>" + picture(),
    "a jpeg behind gif": b"GIF89a" + picture(),
    "a png with a broken checksum": picture("PNG")[:60] + b"\0\0" + picture("PNG")[62:],
    "a png with no pixels": drawn.png_that_says(300, 300),
    "a png with two sizes": drawn.png_with_two_sizes(),
    "a png without width": drawn.png_that_says(0, 300),
    "a webp of another size": drawn.webp_that_says(300, 300),
    "a png with a bomb for a profile": encoded(quarters(), "PNG", icc_profile=bytes(50_000_000)),
    "a jpeg of many scans": drawn.jpeg_of_many_scans(200),
}
TOO_LARGE: dict[str, bytes] = {
    "a bomb": drawn.png_bomb(10_000, 10_000),
    "a claim": drawn.png_that_says(30_000, 30_000),
    "the largest claim": drawn.png_that_says(2**31 - 1, 2**31 - 1),
    "a webp's claim": drawn.webp_that_says(16_000, 16_000),
    "a jpeg": encoded(Image.new("L", (6000, 5000))),
    "too many bytes": picture() + bytes(5 * 1024 * 1024),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(PictureUnreadable):
        square(REFUSED[name])


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_is_too_large_is_refused_before_it_costs_anything(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_decodes(*_: Any, **__: Any) -> None:
        raise AssertionError("it was given to a decoder")

    monkeypatch.setattr(Image, "open", nobody_decodes)
    tracemalloc.start()
    try:
        with pytest.raises(PictureTooLarge):
            square(TOO_LARGE[name])
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_what_is_hidden_behind_a_picture_does_not_come_out() -> None:
    hidden = b"PK\x03\x04<script>alert(1)</script>"
    plain = square(picture())
    assert square(picture() + hidden) == plain
    for raw in plain.by_side.values():
        assert hidden not in raw


def test_garbage_is_refused_and_never_breaks_anything() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        good = encoded(quarters(80, 60), kind)
        for at in range(0, len(good), max(1, len(good) // 20)):
            for change in (b"\0", b"\xff", b"\xff\xff\xff\xff"):
                broken = good[:at] + change + good[at + len(change) :]
                with suppress(PictureUnreadable, PictureTooLarge):
                    square(broken)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(1, 1), (300, 200), (7, 4000)])
def test_the_header_is_read_as_the_decoder_reads_it(kind: Any, size: tuple[int, int]) -> None:
    image = Image.new("RGBA" if kind != "JPEG" else "RGB", size)
    for options in ({}, {"lossless": True}, {"progressive": True, "exif": b"Exif\0\0" + bytes(60_000)}):
        raw = encoded(image, kind, **options)
        assert read_header(raw) == PictureHeader(kind, *size)
        for length in range(0, min(len(raw), 64)):
            assert read_header(raw[:length]) in (None, PictureHeader(kind, *size))


async def test_only_so_many_pictures_are_received_at_once() -> None:
    pictures = Pictures(PictureRules(max_at_once=1))
    asked: list[str] = []

    async def upload() -> bytes:
        with pytest.raises(Unavailable):
            await pictures.receive(second)
        return picture()

    async def second() -> bytes:
        asked.append("second")
        return picture()

    try:
        first = await pictures.receive(upload)
        assert asked == [], "it is turned away before a byte of it is read"
        assert await pictures.receive(second) == first, "there is room again"
    finally:
        pictures.close()


async def test_pictures_are_not_decoded_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    decoding: list[int] = []
    monkeypatch.setattr("linnet.write.pictures._check", lambda *_: decoding.append(threading.get_ident()))
    pictures = Pictures(PictureRules())

    async def upload() -> bytes:
        return b""

    try:
        with pytest.raises(PictureUnreadable):
            await pictures.receive(upload)
        assert decoding != [threading.get_ident()]
    finally:
        pictures.close()
