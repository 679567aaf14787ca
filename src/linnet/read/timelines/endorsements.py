"""Screens: whom somebody shows on their page, and who of those one follows follows somebody."""

from collections.abc import Sequence
from typing import Final

from linnet.domain.timeline import Range
from linnet.domain.user import FollowEdge
from linnet.errors import UserNotFound
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.people import people_page, people_screen
from linnet.read.views.pages import PageView
from linnet.read.views.users import UserView
from linnet.stores.postgres import endorsements, follows, home, suggestions

# So many of those whom one follows are asked whom they follow, the newest first.
_ASKED_AT_MOST: Final = 1000
_FAMILIAR_AT_MOST: Final = 10


async def endorsed_page(deps: ReadDeps, viewer_id: UserId | None, user_id: UserId, wanted: Range) -> PageView[UserView]:
    """Whoever came last first; without those between whom and the viewer a block stands. Raises ``UserNotFound``."""
    if user_id not in await deps.profiles.fetch([user_id]):
        raise UserNotFound

    async def fetch(part: Range) -> list[FollowEdge]:
        return await endorsements.fetch(deps.db, user_id, part)

    return await people_page(deps, viewer_id, fetch, wanted)


async def familiar_followers(
    deps: ReadDeps, viewer_id: UserId, user_ids: Sequence[UserId]
) -> dict[UserId, list[UserView]]:
    """Of each of these people, some followers whom the viewer follows, too; not whom the viewer keeps away."""
    async with deps.db.snapshot() as session:
        followed = await home.fetch_followed(session, viewer_id)
        newest = await follows.fetch_following(session, viewer_id, Range(_ASKED_AT_MOST))
        asked = [edge.user_id for edge in newest if edge.user_id in followed.user_ids]
        pairs = await suggestions.fetch_follows_between(session, asked, user_ids) if asked else []
    order = {user_id: place for place, user_id in enumerate(asked)}
    by_followed: dict[UserId, list[UserId]] = {user_id: [] for user_id in user_ids}
    for followed_id, follower_id in pairs:
        by_followed[followed_id].append(follower_id)
    shown = {
        user_id: sorted(follower_ids, key=order.__getitem__)[:_FAMILIAR_AT_MOST]
        for user_id, follower_ids in by_followed.items()
    }
    wanted = list(dict.fromkeys(each for follower_ids in shown.values() for each in follower_ids))
    people = {int(user.id): user for user in await people_screen(deps, viewer_id, wanted)} if wanted else {}
    return {
        user_id: [people[each] for each in follower_ids if each in people] for user_id, follower_ids in shown.items()
    }
