"""With what somebody begins a post, for the pages that they write on.

A change of it makes a new version of the profile, which every page of its owner reads anyway. So the process keeps what
it read last for as long as the version is that one, and most pages ask nobody.
"""

from typing import Final

from linnet.domain.preferences import Preferences
from linnet.ids import UserId
from linnet.stores.postgres import preferences
from linnet.stores.postgres.pool import Database

_MOST_KEPT: Final = 5000


class PreferenceMemory:
    """One per process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: dict[UserId, tuple[int, Preferences]] = {}

    async def fetch(self, user_id: UserId, version: int) -> Preferences:
        """Those of this version of the profile, or of a newer one."""
        kept = self._kept.get(user_id)
        if kept is not None and kept[0] >= version:
            return kept[1]
        found = await preferences.find(self._db, user_id)
        # The oldest goes first.
        self._kept.pop(user_id, None)
        while len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[user_id] = (version, found)
        return found
