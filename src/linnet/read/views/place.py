"""What this place says of itself, as clients see it."""

import msgspec

from linnet.read.views.users import UserView


class ContactView(msgspec.Struct, frozen=True):
    """Where people may turn to. ``user``: who that is here."""

    email: str | None
    user: UserView | None


class PlaceView(msgspec.Struct, frozen=True):
    """``about`` has empty lines between its paragraphs."""

    title: str
    description: str
    about: str
    rules: list[str]
    contact: ContactView
    takes_sign_ups: bool
    max_tweet_chars: int
