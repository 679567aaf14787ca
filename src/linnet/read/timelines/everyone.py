"""Screen: everybody's tweets, newest first."""

from linnet.domain.timeline import Range
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton, fill_page, one_more, skeleton_of
from linnet.read.timelines.spread import fetch_spread
from linnet.read.views.pages import Page
from linnet.stores.postgres import tweets


async def everyone_page(
    deps: ReadDeps, viewer_id: UserId | None, wanted: Range, *, only_pictures: bool = False
) -> Page:
    """The public timeline: tweets, replies and retweets of all; or what of it has pictures, which no retweet has."""
    fetch_from = tweets.fetch_newest_with_attachments if only_pictures else tweets.fetch_newest

    async def fetch(rest: Range) -> Skeleton:
        return skeleton_of(await fetch_spread(deps, one_more(rest), fetch_from), rest)

    return await fill_page(deps, viewer_id, wanted, fetch, surface="everyone")
