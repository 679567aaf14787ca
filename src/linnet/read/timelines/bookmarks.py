"""Screen: what one put by for later, the newest bookmark first. Nobody sees anybody else's."""

from linnet.domain.timeline import Range
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.picked import picked_page
from linnet.read.views.pages import Page
from linnet.stores.postgres import bookmarks


async def bookmarks_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> Page:
    """Cursors are ids of bookmarks."""
    return await picked_page(deps, user_id, wanted, lambda rest: bookmarks.fetch_by_user(deps.db, user_id, rest))
