"""Screen: everybody's tweets, newest first."""

from linnet.domain.timeline import Range
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton, fill_page, one_more, skeleton_of
from linnet.read.views.pages import Page
from linnet.stores.postgres import tweets


async def everyone_page(deps: ReadDeps, viewer_id: UserId | None, wanted: Range) -> Page:
    """The public timeline: tweets, replies and retweets of all."""

    async def fetch(rest: Range) -> Skeleton:
        return skeleton_of(await tweets.fetch_newest(deps.db, one_more(rest)), rest)

    return await fill_page(deps, viewer_id, wanted, fetch, surface="everyone")
