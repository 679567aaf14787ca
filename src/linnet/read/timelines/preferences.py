"""Screen: with what one's apps begin a post."""

from linnet.domain.preferences import Preferences
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.stores.postgres import preferences


async def preferences_screen(deps: ReadDeps, user_id: UserId) -> Preferences:
    return await preferences.find(deps.db, user_id)
