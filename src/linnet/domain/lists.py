"""Lists of people: whose tweets somebody reads by themselves, and which of their replies."""

from typing import Final, Literal, get_args

import msgspec

from linnet.domain.lines import check_line
from linnet.errors import Invalid
from linnet.ids import UserId

Replies = Literal["followed", "list", "none"]
"""To whom members' replies are shown, beside those to the list's owner: to all whom the owner follows, as at home; to
other members; to nobody. What somebody answers themselves always is.
"""
REPLIES: Final[tuple[Replies, ...]] = get_args(Replies)

MAX_LISTS: Final = 50
"""Of one owner."""

MAX_TITLE_CHARS: Final = 100


class PeopleList(msgspec.Struct, frozen=True):
    """``exclusive``: what its members write is read there, and not in the owner's home timeline."""

    id: int
    title: str
    replies: Replies
    exclusive: bool


def check_title(raw: str) -> str:
    """NFC, trimmed, on one line. Raises ``Invalid``."""
    title = check_line(raw, noun="title", max_chars=MAX_TITLE_CHARS, field="title")
    if not title:
        raise Invalid.field("title", "A list needs a title.")
    return title


def check_replies(raw: str, *, field: str) -> Replies:
    """Raises ``Invalid``."""
    for policy in REPLIES:
        if raw == policy:
            return policy
    raise Invalid.field(field, f"This must be one of {', '.join(REPLIES)}.")


class Members(msgspec.Struct, frozen=True):
    """A list's members with what its timeline is made by, all of one moment.

    ``followed`` is only given where replies to them are shown. ``kept_away`` are those whom the owner blocks, is
    blocked by or mutes: they may be members.
    """

    replies: Replies
    member_ids: frozenset[UserId]
    followed: frozenset[UserId]
    kept_away: frozenset[UserId]
