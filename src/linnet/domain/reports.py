"""What somebody tells the operator about somebody else, and perhaps about some tweets of theirs."""

from collections.abc import Sequence
from typing import Final, Literal, get_args

import msgspec

from linnet.domain.place import Place
from linnet.domain.prose import check_prose
from linnet.errors import Invalid
from linnet.ids import TweetId, UserId

Category = Literal["spam", "legal", "violation", "other"]

CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)
MAX_COMMENT_CHARS: Final = 1000
MAX_TWEETS: Final = 20


class Report(msgspec.Struct, frozen=True):
    """``user_id`` reports ``about_id``; ``rules`` are those that were broken, in their words of that day.

    ``resolved_ms``: an operator is done with it, and noted ``resolution``. Times are Unix milliseconds.
    """

    user_id: UserId
    id: int
    about_id: UserId
    tweet_ids: list[TweetId]
    category: str
    comment: str
    rules: list[str]
    resolved_ms: int | None = None
    resolution: str = ""


def check_comment(raw: str, *, field: str = "comment") -> str:
    """NFC, trimmed, line ends kept; it may be empty. Raises ``Invalid``."""
    return check_prose(raw, noun="comment", max_chars=MAX_COMMENT_CHARS, field=field)


def check_category(raw: str, *, breaks_rules: bool, field: str = "category") -> Category:
    """Whoever names rules says that they were broken. Raises ``Invalid``."""
    for category in CATEGORIES:
        if category == (raw or "other"):
            return "violation" if breaks_rules else category
    raise Invalid.field(field, f"This must be one of {', '.join(CATEGORIES)}.")


def rules_of(place: Place, numbers: Sequence[str], *, field: str = "rule_ids") -> list[str]:
    """The words of rules that are named by their numbers, each once. Raises ``Invalid``."""
    by_number = {str(number): rule for number, rule in enumerate(place.rules, 1)}
    wanted = list(dict.fromkeys(numbers))
    if any(number not in by_number for number in wanted):
        raise Invalid.field(field, "This place has no such rule.")
    return [by_number[number] for number in wanted]
