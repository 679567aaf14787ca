"""Screen: one person's tweets: the pinned one first, then the newest."""

from linnet.domain.timeline import Entry, Range
from linnet.errors import UserNotFound
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.hiding import drop_unmet, meets
from linnet.read.hydration.entries import hydrate
from linnet.read.timelines.filling import Skeleton, fill_page, skeleton_of
from linnet.read.views.pages import Page
from linnet.stores.postgres import pins, tweets


async def user_tweets_page(deps: ReadDeps, viewer_id: UserId | None, user_id: UserId, wanted: Range) -> Page:
    """What somebody wrote and retweeted; nothing where a block stands between. Raises ``UserNotFound``.

    The pinned tweet stands on the first page alone, before all others, and not again at its own place.
    """
    if not await deps.profiles.fetch([user_id]):
        raise UserNotFound
    if not await meets(deps, viewer_id, user_id, surface="user"):
        return Page([], None, None)
    pinned = await pins.find_pinned(deps.db, user_id)

    async def fetch(rest: Range) -> Skeleton:
        # One more, to know whether there is more, and one for the pinned tweet, which is none.
        asked = Range(rest.limit + (1 if pinned is None else 2), rest.before, rest.after)
        entries = await tweets.fetch_by_author(deps.db, user_id, asked)
        return skeleton_of([entry for entry in entries if entry != pinned], rest)

    is_first = wanted == Range(wanted.limit)
    shown = None if pinned is None or not is_first else await _shown(deps, viewer_id, pinned)
    if shown is None or pinned is None:
        return await fill_page(deps, viewer_id, wanted, fetch, surface="user")
    others = await fill_page(deps, viewer_id, Range(max(wanted.limit - 1, 1)), fetch, surface="user")
    if others.prev_id is None:
        return Page([shown], None, pinned.id)
    if wanted.limit == 1:
        # All others are still to come, from the newest of them on.
        return Page([shown], others.prev_id + 1, others.prev_id)
    return Page([shown, *others.items], others.next_id, others.prev_id)


async def _shown(deps: ReadDeps, viewer_id: UserId | None, pinned: Entry) -> bytes | None:
    """None when it is gone by now, or not for the viewer: a reply to somebody they do not meet."""
    if not await drop_unmet(deps, viewer_id, [pinned], surface="user"):
        return None
    [item] = await hydrate(deps, viewer_id, [pinned])
    return item
