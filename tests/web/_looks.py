"""How somebody looks at a page: how wide, how bright, with or without scripts."""

from typing import Literal

import msgspec

Scheme = Literal["light", "dark"]

WIDE, NARROW = 1280, 360
_HEIGHTS = {WIDE: 900, NARROW: 740}


class Look(msgspec.Struct, frozen=True):
    """One browser's circumstances. Narrow ones are phones, with a finger instead of a mouse."""

    width: int = WIDE
    scheme: Scheme = "light"
    scripts: bool = True

    @property
    def height(self) -> int:
        return _HEIGHTS.get(self.width, 740)

    @property
    def is_phone(self) -> bool:
        return self.width < 600

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}-{'scripts' if self.scripts else 'plain'}"


DESKTOP, PHONE = Look(), Look(width=NARROW)
# Each value meets each other one once, which finds nearly what all eight would find.
PAIRED_LOOKS = (
    Look(WIDE, "light", scripts=True),
    Look(WIDE, "dark", scripts=False),
    Look(NARROW, "light", scripts=False),
    Look(NARROW, "dark", scripts=True),
)
# What differs between these is only how a page is drawn.
DRAWN_LOOKS = tuple(Look(width, scheme) for width in (WIDE, NARROW) for scheme in ("light", "dark"))
