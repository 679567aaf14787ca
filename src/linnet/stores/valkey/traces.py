"""What is left of a user in Valkey: found by going through the keys, and taken away.

Only for accounts that are erased: nothing else is worth a walk over everything. The walk is made of small steps,
between which Valkey serves everybody else.
"""

from linnet.ids import UserId
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.scripts import lua

_KEYS_PER_STEP = 200


class Traces:
    """Of users in one Valkey."""

    def __init__(self, valkey: Valkey, keys: Keys) -> None:
        self._valkey = valkey
        self._keys = keys
        self._forget = valkey.script(lua("forget"))

    async def delete_from_readers(self, user_id: UserId) -> int:
        """Takes a user out of everybody's windows, pull sets and hide notes; returns out of how many people's.

        Nothing may name the user to a window any more when this begins: no event that waits, and no row.
        """
        forgotten = 0
        async for page in self._valkey.scan(self._keys.reader_pattern(), keys_per_step=_KEYS_PER_STEP):
            readers = {reader for key in page if (reader := self._keys.find_reader(key)) is not None}
            calls = [
                self._forget.call(
                    [
                        self._keys.home(reader),
                        self._keys.pull(reader),
                        self._keys.hide(reader),
                        self._keys.older(reader),
                    ],
                    [pack_id(user_id)],
                )
                for reader in readers
            ]
            for call in calls:
                forgotten += await call
        return forgotten

    async def delete_own(self, user_id: UserId) -> None:
        """Everything that belongs to a user: window, marks, sessions, limits, profile."""
        await self._valkey.unlink(self._keys.of_profile(user_id))
        async for page in self._valkey.scan(self._keys.user_pattern(user_id), keys_per_step=_KEYS_PER_STEP):
            for key in page:
                await self._valkey.call(b"UNLINK", key)

    async def delete_earlier(self) -> None:
        """What earlier releases wrote, whoever it is about."""
        for pattern in self._keys.earlier_patterns():
            async for page in self._valkey.scan(pattern, keys_per_step=_KEYS_PER_STEP):
                for key in page:
                    await self._valkey.call(b"UNLINK", key)
