"""Badges: how much of a user's notifications is new, so that a page can say it without asking PostgreSQL.

A count is kept as rows are (``cache``): with the version that the user's notifications had when it was counted, and
never over a newer one. Their version is the last id given in ``notification_states``, which every change makes larger.
"""

from collections.abc import Awaitable, Mapping

from linnet.ids import UserId
from linnet.stores.valkey.cache import Cache
from linnet.stores.valkey.keys import Keys


class Badges:
    """Everybody's. Losing any or all of them costs counting anew and nothing else."""

    def __init__(self, cache: Cache, keys: Keys) -> None:
        self._cache = cache
        self._keys = keys

    def ask(self, user_id: UserId) -> Awaitable[list[bytes | None]]:
        """Asks for a count; sent when called, not when awaited. ``read`` reads the answer."""
        return self._cache.ask([self._keys.badge(user_id)])

    @staticmethod
    def read(answer: list[bytes | None]) -> int | None:
        """The count; None when nobody knows it."""
        [value] = Cache.read(answer)
        return None if value is None else int(value)

    async def put(self, user_id: UserId, *, version: int, count: int) -> None:
        """Shares what was counted in the truth, together with its version."""
        await self._cache.put([(self._keys.badge(user_id), version, b"%d" % count)])

    async def doubt(self, versions: Mapping[UserId, int]) -> None:
        """These users' notifications come to have these versions: a count of an earlier one is not to be believed."""
        await self._cache.put_stale([(self._keys.badge(user_id), version) for user_id, version in versions.items()])
