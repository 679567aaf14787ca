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

    ``kept_away`` are those whom the reader blocks, is blocked by or mutes.
    """

    user_ids: frozenset[UserId]
    pulled: frozenset[UserId]
    kept_away: frozenset[UserId] = frozenset()


async def fetch_followed(db: Reader, user_id: UserId) -> Followed:
    """One query, and so of one moment."""
    found = await db.find(_followed, _sql["find_followed"], user_id=user_id)
    assert found is not None, "a query without a table has one row"
    return found


def _followed(followed: list[UserId], pulled: list[UserId], kept_away: list[UserId]) -> Followed:
    kept = frozenset(kept_away)
    return Followed(frozenset(followed) - kept, frozenset(pulled) - kept, kept)


async def fetch_below(
    db: Reader, viewer_id: UserId, followed: Followed, *, before_id: int, newest_id: int, page_size: int
) -> list[Entry]:
    """The newest ``page_size`` entries below ``before_id``; fewer only at the beginning of history.

    ``newest_id`` is about the largest id there is now: where to begin to look back when the cursor is above it.
    """
    author_ids, kept_away = [*followed.user_ids, viewer_id], list(followed.kept_away)
    entries: list[Entry] = []
    upper, width = before_id, _FIRST_SLICE_IDS
    lower = max(0, min(before_id, newest_id) - width)
    while True:
        entries += await db.fetch(
            Entry,
            _sql["fetch_slice"],
            author_ids=author_ids,
            kept_away=kept_away,
            viewer_id=viewer_id,
            from_id=lower,
            before_id=upper,
            page_size=page_size - len(entries),
        )
        if len(entries) >= page_size or lower == 0:
            return entries
        width *= _WIDENING
        upper, lower = lower, max(0, lower - width)


async def fetch_above(
    db: Reader, viewer_id: UserId, followed: Followed, *, after_id: int, newest_id: int, page_size: int
) -> list[Entry]:
    """The ``page_size`` entries just above ``after_id``, newest first."""
    author_ids, kept_away = [*followed.user_ids, viewer_id], list(followed.kept_away)
    entries: list[Entry] = []
    lower, width = after_id, _FIRST_SLICE_IDS
    while True:
        upper = lower + width
        if upper >= newest_id:
            upper = MAX_ID
        entries += await db.fetch(
            Entry,
            _sql["fetch_slice_above"],
            author_ids=author_ids,
            kept_away=kept_away,
            viewer_id=viewer_id,
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
