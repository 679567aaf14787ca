"""Marks: what a viewer did with tweets (retweeted, liked, put by), so that a page can say it without asking PostgreSQL.

The marks of a viewer hold every tweet from a *floor* on, one floor for each thing done; below it the truth is asked, so
that whoever liked a hundred thousand tweets costs no more than whoever liked a thousand. A change drops them, and a
load that a change came between is thrown away: the next read loads them again.
"""

from collections.abc import Awaitable, Iterable, Mapping, Sequence

import msgspec

from linnet.ids import MAX_ID, UserId
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.scripts import lua

RETWEETED = 1
LIKED = 2
BOOKMARKED = 4
"""What may be done with a tweet, as bits: a mark is the sum of them."""

FILTERS = 0
"""What no tweet is called: its mark is the version of the viewer's filters, and is only there if they have some."""

_SECONDS_TO_LIVE = 6 * 3600
_LOADING_SECONDS = 30
_FLOORS = b""


class Marks(msgspec.Struct, frozen=True):
    """Marks by tweet, 0 left out. What lies below a floor may lack that bit. Not ``loaded``: nothing is known."""

    by_tweet: Mapping[int, int]
    retweeted_floor: int = 0
    liked_floor: int = 0
    bookmarked_floor: int = 0
    filters_version: int = 0
    loaded: bool = True


_UNKNOWN = Marks({}, MAX_ID + 1, MAX_ID + 1, MAX_ID + 1, loaded=False)
_FLOORS_BYTES = 32
_NO_FILTERS = bytes(8)


def read_known(tweet_ids: Sequence[int], packed: bytes) -> dict[int, int]:
    """The marks of these tweets that are known, 0 among them: of ``lua/read.lua``, floors and a byte for each tweet."""
    lowest = max(floors_in(packed))
    known = dict(zip(tweet_ids, packed[_FLOORS_BYTES:], strict=True))
    if packed[24:32] != _NO_FILTERS:
        known[FILTERS] = int.from_bytes(packed[24:32], "big")
    if lowest > min(tweet_ids, default=lowest):
        return {tweet_id: mark for tweet_id, mark in known.items() if tweet_id >= lowest or tweet_id == FILTERS}
    return known


def floors_in(packed: bytes) -> tuple[int, int, int]:
    """Of what was retweeted, liked and put by, at the beginning of what is packed."""
    return (
        int.from_bytes(packed[:8], "big"),
        int.from_bytes(packed[8:16], "big"),
        int.from_bytes(packed[16:24], "big"),
    )


class MarkStore:
    """All viewers' marks."""

    def __init__(self, valkey: Valkey, keys: Keys) -> None:
        self._valkey = valkey
        self._keys = keys
        self._finish = valkey.script(lua("marks"))

    def ask(self, viewer_id: UserId, tweet_ids: Sequence[int]) -> Awaitable[list[bytes | None]]:
        """Asks for the marks of these tweets; sent when called, not when awaited. ``read`` reads the answer."""
        return self._valkey.call(b"HMGET", self._keys.marks(viewer_id), _FLOORS, *map(pack_id, tweet_ids))

    @staticmethod
    def read(tweet_ids: Sequence[int], answer: Sequence[bytes | None]) -> Marks:
        """What the viewer did with these tweets."""
        floors = answer[0]
        if floors is None or len(floors) != _FLOORS_BYTES:
            return _UNKNOWN
        return Marks(
            {tweet_id: mark[0] for tweet_id, mark in zip(tweet_ids, answer[1:], strict=True) if mark},
            *floors_in(floors),
            int.from_bytes(floors[24:32], "big"),
        )

    async def begin(self, viewer_id: UserId, token: bytes) -> bool:
        """Says that a load begins; read the truth after this. False when another one is under way."""
        key = self._keys.marks(viewer_id)
        began = self._valkey.call(b"HSETNX", key, _FLOORS, b"?" + token)
        expires = self._valkey.call(b"EXPIRE", key, _LOADING_SECONDS, b"NX")
        await expires
        return bool(await began)

    async def finish(self, viewer_id: UserId, token: bytes, marks: Marks) -> bool:
        """Ends a load; False when it was overtaken by a change. ``token`` is of 8 bytes."""
        fields = [part for tweet_id, mark in marks.by_tweet.items() for part in (pack_id(tweet_id), bytes([mark]))]
        floors = b"".join(map(pack_id, (marks.retweeted_floor, marks.liked_floor, marks.bookmarked_floor)))
        floors += pack_id(marks.filters_version)
        finished = await self._finish.call([self._keys.marks(viewer_id)], [token, _SECONDS_TO_LIVE, floors, *fields])
        return bool(finished)

    async def drop(self, viewer_ids: Iterable[UserId]) -> None:
        """These viewers did something."""
        for call in [self._valkey.call(b"UNLINK", self._keys.marks(viewer_id)) for viewer_id in viewer_ids]:
            await call
