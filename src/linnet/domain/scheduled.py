"""Tweets that are to be posted later: what waits, when it may be, and how many.

A moment is said as Unix milliseconds; whoever says it as text without a zone means UTC.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

from linnet.domain.polls import PollDraft
from linnet.domain.tweet import Visibility
from linnet.errors import Invalid
from linnet.ids import AttachmentId, TweetId, UserId

MIN_AHEAD_MS: Final = 5 * 60_000
MAX_AHEAD_MS: Final = 10 * 366 * 86_400_000
MAX_PER_DAY: Final = 25
MAX_WAITING: Final = 300
"""Of one person; a day is one of UTC."""
DAY_MS: Final = 86_400_000


class ScheduledDraft(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be posted, as whoever posts it says it. What one begins a post with is filled in already.

    A ``poll`` ends so long after the tweet is posted.
    """

    text: str
    reply_to: TweetId | None = None
    attached: tuple[AttachmentId, ...] = ()
    warning: str = ""
    sensitive: bool = False
    visibility: Visibility = "public"
    poll: PollDraft | None = None


class Scheduled(msgspec.Struct, frozen=True):
    """``failure`` says why it could not be posted when its time came; None: it waits."""

    user_id: UserId
    id: int
    due_ms: int
    draft: ScheduledDraft
    failure: str | None = None


def parse_due(text: str, *, field: str) -> int:
    """ISO 8601. Raises ``Invalid``."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise Invalid.field(field, "This must be a time as in 2026-11-22T18:30:00Z.") from error


def check_due(due_ms: int, *, now_ms: int, field: str) -> int:
    """Raises ``Invalid`` for what is too soon, or further away than anybody plans."""
    if due_ms < now_ms + MIN_AHEAD_MS:
        raise Invalid.field(field, "This must be at least five minutes from now.")
    if due_ms > now_ms + MAX_AHEAD_MS:
        raise Invalid.field(field, "This is more than ten years from now.")
    return due_ms
