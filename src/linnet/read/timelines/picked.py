"""What somebody picked out (likes, bookmarks), the newest pick first: cursors are of picks, not of tweets."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Range
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton, fill_page, one_more
from linnet.read.views.pages import Page
from linnet.stores.postgres import likes


class Pick(Protocol):
    """A row that says so. ``id`` orders them."""

    @property
    def id(self) -> int: ...
    @property
    def tweet_id(self) -> TweetId: ...
    @property
    def tweet(self) -> TweetRef: ...


async def picked_page(
    deps: ReadDeps, viewer_id: UserId | None, wanted: Range, fetch: Callable[[Range], Awaitable[Sequence[Pick]]]
) -> Page:
    """``fetch``: picks in a range of their ids, newest first. What is gone, or behind a block, is left out.

    Whom the viewer mutes is in it: it is a list that one goes to look at.
    """

    async def skeleton(rest: Range) -> Skeleton:
        found = await fetch(one_more(rest))
        inside = [pick for pick in found if pick.id > rest.after]
        more = len(inside) > rest.limit
        inside = inside[-rest.limit :] if rest.ascending else inside[: rest.limit]
        if not inside:
            return Skeleton([], False, rest.after)
        rows = await likes.fetch_entries(deps.db, [pick.tweet for pick in inside])
        entries = {entry.id: entry for entry in rows}
        return Skeleton(
            [entries[pick.tweet_id] for pick in inside if pick.tweet_id in entries],
            more,
            (inside[0] if rest.ascending else inside[-1]).id,
            {pick.tweet_id: pick.id for pick in inside},
        )

    return await fill_page(deps, viewer_id, wanted, skeleton, surface="user")
