"""A blurhash says which colours are where: read again by the published way of reading, it looks like the picture."""

import math

import pytest

from linnet.domain.blurhash import average_of, blurhash_of

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
RED, BLUE, WHITE, BLACK = (220, 30, 30), (30, 60, 220), (255, 255, 255), (0, 0, 0)

Colour = tuple[int, int, int]


def number(text: str) -> int:
    value = 0
    for digit in text:
        value = value * 83 + DIGITS.index(digit)
    return value


def linear(part: int) -> float:
    value = part / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def seen_at(blurhash: str, x: float, y: float) -> list[int]:
    """The colour at a place from 0 to 1, by the decoder that is published with the algorithm."""
    across, down = number(blurhash[0]) % 9 + 1, number(blurhash[0]) // 9 + 1
    assert len(blurhash) == 4 + 2 * across * down
    bound = (number(blurhash[1]) + 1) / 166
    average = number(blurhash[2:6])
    waves = [[linear(average >> shift & 255) for shift in (16, 8, 0)]]
    for at in range(1, across * down):
        value = number(blurhash[4 + at * 2 : 6 + at * 2])
        parts = (value // 361, value // 19 % 19, value % 19)
        waves.append([math.copysign(((part - 9) / 9) ** 2, part - 9) * bound for part in parts])
    colour = []
    for channel in range(3):
        light: float = sum(
            waves[i + j * across][channel] * math.cos(math.pi * x * i) * math.cos(math.pi * y * j)
            for j in range(down)
            for i in range(across)
        )
        light = min(1.0, max(0.0, light))
        colour.append(round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)))
    return colour


def halves(one: Colour, other: Colour, side: int = 20) -> list[Colour]:
    """Side by side."""
    return [one if x < side // 2 else other for _ in range(side) for x in range(side)]


def test_left_and_right_of_a_picture_are_told_apart() -> None:
    blurhash = blurhash_of(halves(RED, BLUE), 20, 20)
    left, right = seen_at(blurhash, 0.2, 0.5), seen_at(blurhash, 0.8, 0.5)
    assert left[0] > left[2] + 80
    assert right[2] > right[0] + 80


@pytest.mark.parametrize("colour", [RED, BLUE, WHITE, BLACK, (1, 2, 3)])
def test_a_plain_picture_has_its_colour_in_the_middle(colour: Colour) -> None:
    blurhash = blurhash_of([colour] * 400, 20, 20)
    assert average_of(blurhash) == "#{:02x}{:02x}{:02x}".format(*colour)


@pytest.mark.parametrize(("width", "height", "length"), [(20, 15, 28), (15, 20, 28), (1, 1, 28), (1, 20, 28)])
def test_its_length_is_that_of_twelve_waves(width: int, height: int, length: int) -> None:
    blurhash = blurhash_of([RED] * (width * height), width, height)
    assert len(blurhash) == length
    assert set(blurhash) <= set(DIGITS)


def test_a_wide_picture_has_more_waves_across() -> None:
    assert blurhash_of([RED] * 12, 4, 3)[0] == DIGITS[3 + 2 * 9]
    assert blurhash_of([RED] * 12, 3, 4)[0] == DIGITS[2 + 3 * 9]


def test_what_is_no_blurhash_has_no_colour() -> None:
    with pytest.raises(ValueError, match="substring"):
        average_of('L!"§" no')
