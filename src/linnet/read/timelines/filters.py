"""Screen: one's filters, with all that is in them. Nobody sees anybody else's."""

from linnet.domain.filters import Filters
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.stores.postgres import filters


async def filters_screen(deps: ReadDeps, user_id: UserId) -> Filters:
    """All of them, the oldest first, also those whose time is over."""
    return await filters.fetch(deps.db, user_id)
