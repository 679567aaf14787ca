"""Verb: say with what one's apps are to begin a post."""

import msgspec

from linnet.domain.preferences import Preferences, check_language, check_visibility
from linnet.ids import UserId
from linnet.stores.postgres import preferences
from linnet.stores.postgres.pool import run_again
from linnet.write.deps import WriteDeps


async def put_preferences(
    deps: WriteDeps,
    user_id: UserId,
    *,
    visibility: str | None = None,
    sensitive: bool | None = None,
    language: str | None = None,
) -> Preferences:
    """What is None stays as it is; an empty language is none. Of two at once the later one wins. Raises ``Invalid``."""
    chosen = await preferences.find(deps.db, user_id)
    if visibility is not None:
        chosen = msgspec.structs.replace(chosen, visibility=check_visibility(visibility))
    if sensitive is not None:
        chosen = msgspec.structs.replace(chosen, sensitive=sensitive)
    if language is not None:
        chosen = msgspec.structs.replace(chosen, language=check_language(language))
    await run_again(lambda: preferences.put(deps.db, user_id, chosen))
    return chosen
