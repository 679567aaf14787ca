"""Screens: one person's tweets, the pinned one first, then the newest; all, or without replies, or replies alone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal

from linnet.domain.timeline import Entry, Range
from linnet.domain.tweet import Narrowed
from linnet.errors import UserNotFound
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.hiding import drop_unmet, meets
from linnet.read.hydration.entries import hydrate
from linnet.read.timelines.filling import Skeleton, fill_page, skeleton_of
from linnet.read.timelines.spread import fetch_spread
from linnet.read.views.pages import Page
from linnet.stores.postgres import follows, pins, tweets

Part = Literal["all", "tweets", "replies"]
"""Of what somebody wrote and retweeted: ``replies`` are those to others, ``tweets`` is everything else."""

# How often a page of a part is filled up before it is shown short, with a cursor to go on: two thousand tweets.
_MAX_FILLS: Final = 8


async def user_tweets_page(
    deps: ReadDeps,
    viewer_id: UserId | None,
    user_id: UserId,
    wanted: Range,
    *,
    part: Part = "all",
    pinned_first: bool = True,
    with_retweets: bool = True,
    only_pictures: bool = False,
) -> Page:
    """What somebody wrote and retweeted; nothing where a block stands between. Raises ``UserNotFound``.

    The pinned tweet stands on the first page alone, before all others, and not again at its own place; among replies it
    is nothing special, and nowhere unless it is to be ``pinned_first``. A page of a part may be short before the end,
    where there is much of the other part. ``only_pictures``: what of it has some, which no retweet has.
    """
    if not await deps.profiles.fetch([user_id]):
        raise UserNotFound
    if not await meets(deps, viewer_id, user_id, surface="user"):
        return Page([], None, None)
    shown_to_viewer = await _shown_to(deps, viewer_id, user_id)
    pinned = None if part == "replies" or not pinned_first else await pins.find_pinned(deps.db, user_id)

    async def fetch(rest: Range) -> Skeleton:
        # One more, to know whether there is more, and one for the pinned tweet, which is none.
        asked = Range(rest.limit + (1 if pinned is None else 2), rest.before, rest.after)
        fetch_from = tweets.fetch_with_attachments if only_pictures else tweets.fetch_by_author
        if viewer_id == user_id:
            entries = await fetch_from(deps.db, user_id, asked, shown=shown_to_viewer)
        else:
            entries = await fetch_spread(
                deps, asked, lambda db, part: fetch_from(db, user_id, part, shown=shown_to_viewer)
            )
        return skeleton_of([entry for entry in entries if entry != pinned], rest)

    async def fill(rest: Range) -> Page:
        return await _fill(deps, viewer_id, rest, fetch, part, with_retweets=with_retweets)

    is_first = wanted == Range(wanted.limit)
    shown = None if pinned is None or not is_first else await _shown(deps, viewer_id, pinned)
    if shown is None or pinned is None:
        return await fill(wanted)
    others = await fill(Range(max(wanted.limit - 1, 1)))
    if others.prev_id is None:
        return Page([shown], others.next_id, pinned.id)
    if wanted.limit == 1:
        # All others are still to come, from the newest of them on.
        return Page([shown], others.prev_id + 1, others.prev_id)
    return Page([shown, *others.items], others.next_id, others.prev_id)


async def _shown_to(deps: ReadDeps, viewer_id: UserId | None, user_id: UserId) -> Sequence[Narrowed]:
    """What of somebody's their page holds beside what is public. What mentions a stranger is found where it does."""
    if viewer_id is None:
        return ("unlisted",)
    if viewer_id == user_id or await follows.fetch_followed_among(deps.db, viewer_id, [user_id]):
        return ("unlisted", "private")
    return ("unlisted",)


async def _fill(
    deps: ReadDeps,
    viewer_id: UserId | None,
    wanted: Range,
    fetch: Callable[[Range], Awaitable[Skeleton]],
    part: Part,
    *,
    with_retweets: bool,
) -> Page:
    if part == "all" and with_retweets:
        return await fill_page(deps, viewer_id, wanted, fetch, surface="user")
    fills, goes_on_at = 0, 0

    async def fetch_part(rest: Range) -> Skeleton:
        nonlocal fills, goes_on_at
        fills += 1
        found = await fetch(rest)
        entries = [
            entry
            for entry in found.entries
            if (part == "all" or entry.is_reply_to_other == (part == "replies"))
            and (with_retweets or not entry.original_id)
        ]
        if found.more and fills == _MAX_FILLS:
            goes_on_at = found.reached
            return Skeleton(entries, False, found.reached)
        return Skeleton(entries, found.more, found.reached)

    page = await fill_page(deps, viewer_id, wanted, fetch_part, surface="user")
    if goes_on_at and page.next_id is None and not wanted.ascending:
        return Page(page.items, goes_on_at, page.prev_id)
    return page


async def pinned_of(deps: ReadDeps, viewer_id: UserId | None, user_id: UserId) -> bytes | None:
    """The tweet that somebody pinned; None for none, and where a block stands between. Raises ``UserNotFound``."""
    if not await deps.profiles.fetch([user_id]):
        raise UserNotFound
    if not await meets(deps, viewer_id, user_id, surface="user"):
        return None
    pinned = await pins.find_pinned(deps.db, user_id)
    return None if pinned is None else await _shown(deps, viewer_id, pinned)


async def _shown(deps: ReadDeps, viewer_id: UserId | None, pinned: Entry) -> bytes | None:
    """None when it is gone by now, or not for the viewer: a reply to somebody they do not meet."""
    if not await drop_unmet(deps, viewer_id, [pinned], surface="user"):
        return None
    [item] = await hydrate(deps, viewer_id, [pinned], surface="user")
    return item
