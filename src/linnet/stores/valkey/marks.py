"""Marks: what a viewer did with tweets (retweeted), so that a page can say it without asking PostgreSQL.

The marks of a viewer hold every tweet from a *floor* on; below it the truth is asked. A change drops them, and a load
that a change came between is thrown away: the next read loads them again.
"""

from collections.abc import Awaitable, Iterable, Sequence

import msgspec

from linnet.ids import MAX_ID, TweetId, UserId
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.scripts import lua

_SECONDS_TO_LIVE = 6 * 3600
_LOADING_SECONDS = 30
_FLOOR = b""


class Marks(msgspec.Struct, frozen=True):
    """The marked ones; nothing is known below ``floor``. Not ``loaded``: nothing is known at all."""

    retweeted: frozenset[TweetId]
    floor: int
    loaded: bool


_UNKNOWN = Marks(frozenset(), MAX_ID + 1, loaded=False)


class MarkStore:
    """All viewers' marks."""

    def __init__(self, valkey: Valkey, keys: Keys) -> None:
        self._valkey = valkey
        self._keys = keys
        self._finish = valkey.script(lua("marks"))

    def ask(self, viewer_id: UserId, tweet_ids: Sequence[int]) -> Awaitable[list[bytes | None]]:
        """Asks for the marks of these tweets; sent when called, not when awaited. ``read`` reads the answer."""
        return self._valkey.call(b"HMGET", self._keys.marks(viewer_id), _FLOOR, *map(pack_id, tweet_ids))

    @staticmethod
    def read(tweet_ids: Sequence[int], answer: list[bytes | None]) -> Marks:
        """Which of these tweets the viewer marked."""
        floor = answer[0]
        if floor is None or len(floor) != 8:
            return _UNKNOWN
        retweeted = frozenset(
            TweetId(tweet_id) for tweet_id, value in zip(tweet_ids, answer[1:], strict=True) if value is not None
        )
        return Marks(retweeted, int.from_bytes(floor, "big"), loaded=True)

    async def begin(self, viewer_id: UserId, token: bytes) -> bool:
        """Says that a load begins; read the truth after this. False when another one is under way."""
        key = self._keys.marks(viewer_id)
        began = self._valkey.call(b"HSETNX", key, _FLOOR, b"?" + token)
        expires = self._valkey.call(b"EXPIRE", key, _LOADING_SECONDS, b"NX")
        await expires
        return bool(await began)

    async def finish(self, viewer_id: UserId, token: bytes, retweeted: Iterable[int], *, floor: int) -> bool:
        """Ends a load; False when it was overtaken by a change."""
        fields = [part for tweet_id in retweeted for part in (pack_id(tweet_id), b"r")]
        finished = await self._finish.call(
            [self._keys.marks(viewer_id)], [token, _SECONDS_TO_LIVE, pack_id(floor), *fields]
        )
        return bool(finished)

    async def drop(self, viewer_ids: Iterable[UserId]) -> None:
        """These viewers did something."""
        for call in [self._valkey.call(b"UNLINK", self._keys.marks(viewer_id)) for viewer_id in viewer_ids]:
            await call
