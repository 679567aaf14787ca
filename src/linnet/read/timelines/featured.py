"""Screens: the tags that somebody shows on their page, and those that one could show."""

from linnet.domain.featured import FeaturedTag
from linnet.errors import UserNotFound
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.hiding import meets
from linnet.stores.postgres import featured

_SUGGESTED = 10


async def featured_tags(deps: ReadDeps, viewer_id: UserId | None, user_id: UserId) -> list[FeaturedTag]:
    """In the order in which they were chosen; none where a block stands between. Raises ``UserNotFound``."""
    if not await deps.profiles.fetch([user_id]):
        raise UserNotFound
    if not await meets(deps, viewer_id, user_id, surface="user"):
        return []
    return await featured.fetch(deps.db, user_id)


async def used_tags(deps: ReadDeps, user_id: UserId) -> list[str]:
    """What one uses most of late and does not show yet, folded."""
    shown = {each.tag for each in await featured.fetch(deps.db, user_id)}
    found = await featured.fetch_used(deps.db, user_id, page_size=_SUGGESTED + len(shown))
    return [tag for tag in found if tag not in shown][:_SUGGESTED]
