"""Verb: say with what one's apps are to begin a post."""

import msgspec

from linnet.domain.preferences import Preferences, check_language, check_visibility
from linnet.errors import Unauthenticated
from linnet.ids import UserId
from linnet.stores.postgres import preferences, profiles
from linnet.stores.postgres.pool import run_again
from linnet.stores.postgres.profiles import ProfileEdit
from linnet.write.actions.profiles import announce_version, show_change
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

    async def attempt() -> None:
        async with deps.db.transaction() as session:
            # Pages remember it by the profile's version.
            version = await profiles.update(session, user_id, ProfileEdit())
            if version is None:
                raise Unauthenticated
            await preferences.put(session, user_id, chosen)
            await announce_version(deps, session, user_id, version)

    await run_again(attempt)
    await show_change(deps, user_id)
    return chosen
