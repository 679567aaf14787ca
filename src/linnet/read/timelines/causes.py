"""Screen: what others did that concerns one, each thing by itself, newest first."""

from collections.abc import Collection

import msgspec

from linnet.domain.notification import ABOUT_PEOPLE, NotificationKind
from linnet.domain.timeline import Entry, Range
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hydration.entries import hydrate
from linnet.stores.postgres import causes
from linnet.stores.postgres.causes import CauseRow


class Told(msgspec.Struct, frozen=True):
    """One thing that somebody did. ``tweet`` is the JSON of what it is about; None for what concerns no tweet."""

    row: CauseRow
    tweet: bytes | None


class ToldPage(msgspec.Struct, frozen=True):
    """A page; ``next_id`` None: the end. Shorter than asked where a tweet is gone by now."""

    items: list[Told]
    next_id: int | None
    prev_id: int | None


async def causes_page(
    deps: ReadDeps, user_id: UserId, wanted: Range, *, kinds: Collection[NotificationKind]
) -> ToldPage:
    """Of some kinds. People who are kept away are not in it."""
    found = await causes.fetch(deps.db, user_id, Range(wanted.limit + 1, wanted.before, wanted.after), kinds=kinds)
    inside = [row for row in found if row.id > wanted.after]
    more = len(inside) > wanted.limit
    rows = inside[-wanted.limit :] if wanted.ascending else inside[: wanted.limit]
    entries = [_entry_of(row, user_id) for row in rows]
    hydrated = iter(
        await hydrate(deps, user_id, [entry for entry in entries if entry is not None], surface="notifications")
    )
    items = [Told(row, None if entry is None else next(hydrated)) for row, entry in zip(rows, entries, strict=True)]
    return ToldPage(
        [told for told in items if told.row.kind in ABOUT_PEOPLE or told.tweet is not None],
        rows[-1].id if rows and (more or wanted.ascending) else None,
        rows[0].id if rows else None,
    )


def _entry_of(row: CauseRow, user_id: UserId) -> Entry | None:
    """The tweet that it is about: one's own, or that of whoever did it."""
    if row.kind in ABOUT_PEOPLE:
        return None
    author_id = user_id if row.kind in ("liked", "retweeted") else row.actor_id
    return Entry(TweetId(row.group_id), author_id)
