"""Screen: one person's tweets, newest first."""

from linnet.domain.timeline import Range
from linnet.errors import UserNotFound
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton, fill_page, one_more, skeleton_of
from linnet.read.views.pages import Page
from linnet.stores.postgres import tweets


async def user_tweets_page(deps: ReadDeps, viewer_id: UserId | None, user_id: UserId, wanted: Range) -> Page:
    """What somebody wrote and retweeted. Raises ``UserNotFound``."""
    if not await deps.profiles.fetch([user_id]):
        raise UserNotFound

    async def fetch(rest: Range) -> Skeleton:
        return skeleton_of(await tweets.fetch_by_author(deps.db, user_id, one_more(rest)), rest)

    return await fill_page(deps, viewer_id, wanted, fetch, surface="user")
