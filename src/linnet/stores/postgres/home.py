"""Home timelines from the truth: slices for pages and rebuilds, and the definition that all is checked against."""

import msgspec

from linnet.domain.timeline import Entry
from linnet.ids import MAX_ID, UserId
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("home")

# The first slice looks back a day from the cursor, each further one eight times as far: at most seven reads to the
# beginning of history, and a busy reader's page comes from the first.
_FIRST_SLICE_IDS = 24 * 3600 * 1000 << 16
_WIDENING = 8


class Followed(msgspec.Struct, frozen=True):
    """Whom a reader follows and does not keep away; ``pulled`` are the top users among them.

    ``kept_away`` are those whom the reader blocks, is blocked by or mutes. ``aside``: whom the reader has on an
    exclusive list, so that what they write is read there and not at home. ``tags``: which the reader follows, folded.
    """

    user_ids: frozenset[UserId]
    pulled: frozenset[UserId]
    kept_away: frozenset[UserId] = frozenset()
    aside: frozenset[UserId] = frozenset()
    tags: tuple[str, ...] = ()


class Sources(msgspec.Struct, frozen=True):
    """What a timeline is made of: whose tweets, and which of their replies.

    ``answered_ids``: replies to whom are shown; None: to the authors. ``kept_away``: who is not met in retweets either.
    ``speaker_id``: all of whose replies are shown; 0: nobody's are.
    """

    author_ids: list[UserId]
    answered_ids: list[UserId] | None
    kept_away: list[UserId]
    speaker_id: UserId


def sources_at_home(viewer_id: UserId, followed: Followed) -> Sources:
    """What the home timeline of somebody is made of who follows certain people."""
    all_ids = [*followed.user_ids, viewer_id]
    kept_away = list(followed.kept_away)
    if not followed.aside:
        return Sources(all_ids, None, kept_away, viewer_id)
    return Sources([*followed.user_ids - followed.aside, viewer_id], all_ids, kept_away, viewer_id)


async def fetch_followed(db: Reader, user_id: UserId) -> Followed:
    """One query, and so of one moment."""
    found = await db.find(_followed, _sql["find_followed"], user_id=user_id)
    assert found is not None, "a query without a table has one row"
    return found


def _followed(
    followed: list[UserId], pulled: list[UserId], kept_away: list[UserId], aside: list[UserId], tags: list[str]
) -> Followed:
    kept = frozenset(kept_away)
    return Followed(frozenset(followed) - kept, frozenset(pulled) - kept, kept, frozenset(aside), tuple(tags))


async def fetch_below(db: Reader, sources: Sources, *, before_id: int, newest_id: int, page_size: int) -> list[Entry]:
    """The newest ``page_size`` entries below ``before_id``; fewer only at the beginning of history.

    ``newest_id`` is about the largest id there is now: where to begin to look back when the cursor is above it.
    """
    named = {
        "author_ids": sources.author_ids,
        "answered_ids": sources.answered_ids,
        "kept_away": sources.kept_away,
        "speaker_id": sources.speaker_id,
    }
    entries: list[Entry] = []
    upper, width = before_id, _FIRST_SLICE_IDS
    lower = max(0, min(before_id, newest_id) - width)
    while True:
        entries += await db.fetch(
            Entry, _sql["fetch_slice"], **named, from_id=lower, before_id=upper, page_size=page_size - len(entries)
        )
        if len(entries) >= page_size or lower == 0:
            return entries
        width *= _WIDENING
        upper, lower = lower, max(0, lower - width)


async def fetch_above(db: Reader, sources: Sources, *, after_id: int, newest_id: int, page_size: int) -> list[Entry]:
    """The ``page_size`` entries just above ``after_id``, newest first."""
    named = {
        "author_ids": sources.author_ids,
        "answered_ids": sources.answered_ids,
        "kept_away": sources.kept_away,
        "speaker_id": sources.speaker_id,
    }
    entries: list[Entry] = []
    lower, width = after_id, _FIRST_SLICE_IDS
    while True:
        upper = lower + width
        if upper >= newest_id:
            upper = MAX_ID
        entries += await db.fetch(
            Entry,
            _sql["fetch_slice_above"],
            **named,
            after_id=lower,
            until_id=upper,
            page_size=page_size - len(entries),
        )
        if len(entries) >= page_size or upper == MAX_ID:
            return entries[::-1]
        width *= _WIDENING
        lower = upper


async def fetch_oracle(db: Reader, user_id: UserId, *, before_id: int, page_size: int) -> list[Entry]:
    """The home timeline as it is defined. For checks and verification, not for serving."""
    return await db.fetch(Entry, _sql["fetch_oracle"], user_id=user_id, before_id=before_id, page_size=page_size)
