"""The picture of somebody who has chosen none: a bird on a branch, drawn from nothing but the id.

Which feathers, which sky and which way it looks are taken from the id's bits, well mixed: people who signed up within
one second look nothing alike. All that matters lies inside the circle that a client may cut out.
"""

from typing import Final

from linnet.ids import UserId

BIRD_EDITION: Final = 1
"""To be raised when the drawing changes: a browser that has the old one then learns of it."""

# Calm by day, with enough between sky and feathers: sky, its light, branch.
_SKIES: Final = (
    ("#dfe9ec", "#f4f1e6", "#6f6257"),
    ("#f3e4d7", "#fbf4e9", "#7a6150"),
    ("#e3ead9", "#f6f5e4", "#65604e"),
    ("#ece2ec", "#f9f1ee", "#6d5d66"),
    ("#d9e4e1", "#eef3e8", "#5d6159"),
    ("#f2ead0", "#fbf7e6", "#77674a"),
    ("#e1e3ef", "#f5f2f2", "#625f6c"),
    ("#f1dedb", "#faf0ea", "#75594f"),
)
# Back and head, wing, breast.
_FEATHERS: Final = (
    ("#8a6a4f", "#5f4735", "#c2414a"),
    ("#5d7480", "#3f525d", "#e0a458"),
    ("#6f7d4f", "#4d5937", "#e3cf6b"),
    ("#86607a", "#5f4257", "#e8b4a0"),
    ("#4f6f6b", "#36504d", "#d9d2b0"),
    ("#9a7b56", "#6d5438", "#e6d3b3"),
    ("#5b5f7d", "#40435b", "#b8c4d9"),
    ("#7d4f46", "#583530", "#dd8a5b"),
    ("#6a6a66", "#484845", "#b3262e"),
    ("#46627a", "#2f4558", "#cf7a4a"),
)
_TAILS: Final = (
    "M20 40 6 47l2 3 15-5z",
    "M20 40 7 44l1 2 0 2 15-3z",
    "M20 39 8 50l4 1 12-6z",
)
_WINGS: Final = (
    "M20 41c3-10 12-13 20-9-1 8-9 13-20 9z",
    "M19 42c2-9 10-14 21-11-3 9-11 14-21 11z",
    "M21 43c-1-8 8-14 18-12 1 8-8 14-18 12z",
)
_CRESTS: Final = (
    "",
    '<path d="M39 19c-1-4-4-6-7-6 2 2 3 5 4 8z" fill="{back}"/>',
    '<path d="M41 17c0-3-2-6-4-7 0 3 0 5 1 8zM38 18c-1-3-3-4-5-5 1 3 2 5 3 6z" fill="{back}"/>',
)
_BARS: Final = (
    "",
    '<path d="M24 40c5 0 10-2 14-6" fill="none" stroke="{light}" stroke-width="1.6" stroke-linecap="round"/>',
    '<path d="M24 39c4 0 8-2 12-6M27 42c4-1 8-3 10-6" fill="none" stroke="{light}" stroke-width="1.3"'
    ' stroke-linecap="round"/>',
)
_MASK_64: Final = (1 << 64) - 1


class _Choices:
    """Small numbers out of one large one, each of other bits."""

    def __init__(self, user_id: UserId) -> None:
        # The finaliser of a 64-bit hash: ids of one second differ in few bits, and must not look alike.
        mixed = (user_id + 0x9E3779B97F4A7C15) & _MASK_64
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK_64
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK_64
        self._left = mixed ^ mixed >> 31

    def below(self, count: int) -> int:
        self._left, chosen = divmod(self._left, count)
        return chosen


def draw_bird(user_id: UserId) -> bytes:
    """An SVG of about 1 KB that needs nothing from elsewhere; the same each time."""
    choices = _Choices(user_id)
    sky, light, wood = _SKIES[choices.below(len(_SKIES))]
    back, wing, breast = _FEATHERS[choices.below(len(_FEATHERS))]
    tail = _TAILS[choices.below(len(_TAILS))]
    wing_shape = _WINGS[choices.below(len(_WINGS))]
    crest = _CRESTS[choices.below(len(_CRESTS))].format(back=back)
    bars = _BARS[choices.below(len(_BARS))].format(light=light)
    sun_x, sun_y, sun_radius = 14 + choices.below(7), 14 + choices.below(6), 6 + choices.below(5)
    slope = choices.below(7) - 3
    lean = choices.below(11) - 5
    turn = "" if choices.below(2) else ' transform="matrix(-1 0 0 1 64 0)"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="512" height="512">'
        f'<path d="M0 0h64v64H0z" fill="{sky}"/>'
        f"<g{turn}>"
        f'<circle cx="{sun_x}" cy="{sun_y}" r="{sun_radius}" fill="{light}"/>'
        f'<path d="M-2 {54 + slope}C20 {51 + slope} 44 {54 - slope} 66 {51 - slope}" fill="none" stroke="{wood}"'
        ' stroke-width="3" stroke-linecap="round"/>'
        f'<g transform="rotate({lean} 33 50)">'
        f'<path d="M31 46v7M36 46v7" stroke="{wood}" stroke-width="1.6" stroke-linecap="round"/>'
        f'<path d="{tail}" fill="{wing}"/>'
        # Back and head in one, from the tail over the neck to the throat; then the breast over its front.
        f'<path d="M17 41c2-8 9-12 15-15 1-6 5-9 10-9 6 0 10 4 10 10 0 12-8 21-19 21-7 0-13-2-16-7z" fill="{back}"/>'
        f'<path d="M51 30c-1 10-8 18-18 18-4 0-7-1-10-2 12 0 20-6 21-17z" fill="{breast}"/>'
        f"{crest}"
        f'<path d="{wing_shape}" fill="{wing}"/>{bars}'
        f'<path d="M51 22 60 25.5 51 28z" fill="{wood}"/>'
        f'<circle cx="44.5" cy="24" r="2.1" fill="#1c1b19"/><circle cx="45.3" cy="23.3" r=".7" fill="#fff"/>'
        "</g></g></svg>"
    ).encode()
