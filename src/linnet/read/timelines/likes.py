"""Screens: who likes a tweet, and what somebody likes, newest like first."""

from linnet.domain.timeline import Range
from linnet.domain.user import FollowEdge
from linnet.errors import UserNotFound
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hiding import meets
from linnet.read.timelines.people import people_page
from linnet.read.timelines.picked import picked_page
from linnet.read.timelines.spread import fetch_spread_edges
from linnet.read.timelines.thread import find_original
from linnet.read.views.pages import Page, PageView
from linnet.read.views.users import UserView
from linnet.stores.postgres import likes


async def likers_page(deps: ReadDeps, viewer_id: UserId | None, tweet_id: TweetId, wanted: Range) -> PageView[UserView]:
    """Who likes a tweet; a retweet stands for its original. Raises ``TweetNotFound``.

    Notes are what is read, so whoever liked it in this moment is listed as soon as the event worker has come to it.
    """
    ref = await find_original(deps, viewer_id, tweet_id)

    async def fetch(part: Range) -> list[FollowEdge]:
        return await fetch_spread_edges(
            deps, viewer_id, ref.author_id, part, lambda db, each: likes.fetch_likers(db, ref, each)
        )

    return await people_page(deps, viewer_id, fetch, wanted)


async def liked_page(deps: ReadDeps, viewer_id: UserId | None, user_id: UserId, wanted: Range) -> Page:
    """What somebody likes; cursors are ids of likes. Nothing where a block stands between. Raises ``UserNotFound``.

    Whom the viewer mutes is in it: it is a list that one goes to look at.
    """
    if not await deps.profiles.fetch([user_id]):
        raise UserNotFound
    if not await meets(deps, viewer_id, user_id, surface="user"):
        return Page([], None, None)

    return await picked_page(deps, viewer_id, wanted, lambda rest: likes.fetch_by_user(deps.db, user_id, rest))
