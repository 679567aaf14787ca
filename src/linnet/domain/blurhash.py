"""A picture as some thirty characters: what is shown in its place until it has come.

The algorithm is BlurHash, as Wolt published it: the first waves of a cosine transform of linear light, written in
digits of base 83. Nine or twelve of them are enough to tell a sunset from a forest.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
_WAVES: Final = 4

Colour = tuple[float, float, float]


def blurhash_of(pixels: Sequence[tuple[int, int, int]], width: int, height: int) -> str:
    """Of the rows of a small picture in sRGB, from 0 to 255: the work is twelve times its pixels."""
    across, down = (_WAVES, _WAVES - 1) if width >= height else (_WAVES - 1, _WAVES)
    linear = [(_LINEAR[red], _LINEAR[green], _LINEAR[blue]) for red, green, blue in pixels]
    factors = [_factor(linear, width, height, x, y) for y in range(down) for x in range(across)]
    average, *waves = factors
    largest = max(abs(part) for wave in waves for part in wave)
    step = max(0, min(82, math.floor(largest * 166 - 0.5)))
    bound = (step + 1) / 166
    text = [_digits((across - 1) + (down - 1) * 9, 1), _digits(step, 1), _digits(_plain(average), 4)]
    text += [_digits(_wave(wave, bound), 2) for wave in waves]
    return "".join(text)


def average_of(blurhash: str) -> str:
    """The colour of all of it together, as ``#rrggbb``. Raises ``ValueError`` for what is no BlurHash."""
    number = 0
    for digit in blurhash[2:6]:
        number = number * 83 + _DIGITS.index(digit)
    return f"#{min(number, 0xFFFFFF):06x}"


def _factor(linear: Sequence[Colour], width: int, height: int, x: int, y: int) -> Colour:
    """How much of one wave there is."""
    red = green = blue = 0.0
    at = 0
    across = _cosines(x, width)
    for down in _cosines(y, height):
        for cosine in across:
            weight = cosine * down
            one, two, three = linear[at]
            red += weight * one
            green += weight * two
            blue += weight * three
            at += 1
    scale = (1 if x == y == 0 else 2) / (width * height)
    return red * scale, green * scale, blue * scale


@cache
def _cosines(wave: int, length: int) -> tuple[float, ...]:
    return tuple(math.cos(math.pi * wave * at / length) for at in range(length))


def _plain(colour: Colour) -> int:
    red, green, blue = (_srgb(part) for part in colour)
    return red << 16 | green << 8 | blue


def _wave(colour: Colour, bound: float) -> int:
    number = 0
    for part in colour:
        share = part / bound
        number = number * 19 + max(0, min(18, math.floor(math.copysign(math.sqrt(abs(share)), share) * 9 + 9.5)))
    return number


def _srgb(part: float) -> int:
    value = min(1.0, max(0.0, part))
    if value <= 0.0031308:
        return int(value * 12.92 * 255 + 0.5)
    return int((1.055 * value ** (1 / 2.4) - 0.055) * 255 + 0.5)


def _digits(number: int, length: int) -> str:
    text = ""
    for _ in range(length):
        number, digit = divmod(number, 83)
        text = _DIGITS[digit] + text
    return text


def _linear(part: int) -> float:
    value = part / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


_LINEAR: Final = tuple(_linear(part) for part in range(256))
