"""A picture for a tweet: whole, upright, small enough, without a word of its file; whatever else is sent is refused."""

import io

import pytest
from PIL import Image

from linnet.errors import PictureTooLarge, PictureUnreadable
from linnet.write.photos import Photo, PhotoRules, make_photo
from tests.support import drawn
from tests.support.drawn import BLUE, GREEN, RED, WHITE, encoded, looks_like, picture, quarters

RULES = PhotoRules(large_side=400, small_side=100)


def made(raw: bytes) -> Photo:
    return make_photo(raw, RULES)


def quarters_of(raw: bytes) -> list[tuple[int, ...]]:
    """Top left, top right, bottom left, bottom right."""
    with Image.open(io.BytesIO(raw)) as image:
        shown = image.convert("RGB")
        found = []
        for y in (shown.height // 4, shown.height * 3 // 4):
            for x in (shown.width // 4, shown.width * 3 // 4):
                pixel = shown.getpixel((x, y))
                assert isinstance(pixel, tuple)
                found.append(pixel)
        return found


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_kept_whole_in_two_sizes(kind: str) -> None:
    photo = made(picture(kind))
    assert (photo.width, photo.height, photo.small_width, photo.small_height) == (400, 267, 100, 67)
    for raw, size in ((photo.large, (400, 267)), (photo.small, (100, 67))):
        with Image.open(io.BytesIO(raw)) as image:
            assert (image.format, image.size) == ("WEBP", size)
        assert looks_like(quarters_of(raw), [RED, GREEN, BLUE, WHITE])
    assert len(photo.blurhash) == 28


def test_a_small_picture_is_not_made_larger() -> None:
    photo = made(encoded(quarters(40, 90), "PNG"))
    assert (photo.width, photo.height, photo.small_width, photo.small_height) == (40, 90, 40, 90)


@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 3000)])
def test_a_picture_of_any_form_has_both_sides(size: tuple[int, int]) -> None:
    photo = made(encoded(Image.new("RGB", size, RED), "PNG"))
    assert min(photo.width, photo.height, photo.small_width, photo.small_height) == 1
    assert max(photo.width, photo.height) == min(400, max(size))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright(orientation: int) -> None:
    photo = made(drawn.turned(orientation))
    assert photo.width > photo.height
    assert looks_like(quarters_of(photo.large), [RED, GREEN, BLUE, WHITE])


def test_where_and_with_what_it_was_taken_is_nobody_s_business() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x8825] = {1: "N", 2: (52.0, 13.0, 37.0), 29: "2026:11:22"}
    photo = made(picture(exif=exif, comment=b"a secret comment"))
    for raw in (photo.large, photo.small):
        assert b"ecret" not in raw
        assert b"2026:11:22" not in raw
        with Image.open(io.BytesIO(raw)) as image:
            assert not image.getexif()
            assert not {"exif", "xmp", "icc_profile", "comment"} & image.info.keys()


def test_what_one_sees_through_stays_so_and_blurs_as_on_paper() -> None:
    photo = made(encoded(Image.new("RGBA", (60, 40), (0, 0, 0, 0)), "PNG"))
    with Image.open(io.BytesIO(photo.large)) as image:
        assert image.mode == "RGBA"
    assert photo.blurhash[2:6] == "TSUA", "which is white"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_moves_is_refused_with_a_word_about_it(kind: str) -> None:
    with pytest.raises(PictureUnreadable, match="moves"):
        made(drawn.moving(kind))


REFUSED = {
    "nothing": b"",
    "text": b"no picture at all",
    "html behind the first bytes": b"\xff\xd8\xff<script>alert(1)</script>",
    "a script behind a header": b"\x89PNG\r\n\x1a\n" + b"<?php",
    "cut off in the middle": picture("PNG")[:-400],
    "cut off at once": picture()[:40],
    "a film": drawn.gif(),
    "two sizes in one": drawn.png_with_two_sizes(),
    "thousands of scans": drawn.jpeg_of_many_scans(200),
    "a canvas larger than what is on it": drawn.webp_that_says(3000, 3000),
    "a drawing": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(PictureUnreadable):
        made(REFUSED[name])


def test_a_picture_with_something_behind_it_loses_that() -> None:
    """As files that are two things at once have it."""
    photo = made(picture("PNG") + b"<script>alert(1)</script>" + b"PK\x03\x04")
    assert b"script" not in photo.large + photo.small
    assert b"PK\x03\x04" not in photo.large + photo.small


def test_what_is_too_large_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(PictureTooLarge, match=r"5000 × 5001"):
        make_photo(drawn.png_that_says(5000, 5001), PhotoRules())
    with pytest.raises(PictureTooLarge, match="1 KB"):
        make_photo(b"x" * 1025, PhotoRules(max_bytes=1024))
