"""What this place says of itself, and whether it takes people in: what an operator tells it by settings."""

from typing import Final

import msgspec

MAX_TITLE_CHARS: Final = 60
MAX_DESCRIPTION_CHARS: Final = 300
MAX_ABOUT_CHARS: Final = 10_000
MAX_RULES: Final = 50
MAX_RULE_CHARS: Final = 500


class Place(msgspec.Struct, frozen=True):
    """``description`` is a sentence or two, ``about`` as long as it has to be, with empty lines between paragraphs.

    ``contact_username`` is whoever people may turn to here; empty: nobody is named.
    """

    title: str = "linnet"
    description: str = "A place for short tweets, in an order that never loses one."
    about: str = ""
    contact_email: str = ""
    contact_username: str = ""
    rules: tuple[str, ...] = ()
    takes_sign_ups: bool = True

    @property
    def paragraphs(self) -> list[str]:
        """Of ``about``."""
        return [part.strip() for part in self.about.split("\n\n") if part.strip()]
