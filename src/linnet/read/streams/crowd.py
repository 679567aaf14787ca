"""What everybody writes, as it is written: for streams of all tweets, or of those with a tag.

Nobody is told of such a tweet: that would wake every listener of every process for each. A process with listeners looks
once a second whether there is a newer one, for all of them together, and each listener then reads what is new as a page
of its own would show it: blocks and mutes are what they are there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import msgspec

from linnet.clock import rfc3339
from linnet.domain.timeline import Entry, Range
from linnet.ids import MAX_ID, UserId, first_id_at, unix_ms_of
from linnet.read.deps import ReadDeps
from linnet.read.hiding import drop_unmet
from linnet.read.hydration.entries import hydrate
from linnet.read.streams.deletions import fetch_deleted_among
from linnet.read.views.pages import Page
from linnet.read.views.tweets import edited_at_in
from linnet.stores.postgres import edits, tweets
from linnet.stores.postgres.edits import Moment

T = TypeVar("T")

FetchPage = Callable[[Range], Awaitable[Page]]
"""A page of what is listened to, as its listener sees it."""

MOST_AT_ONCE: Final = 40
"""Of what came since the last look, the newest so many are said."""

_PAUSE_SECONDS: Final = 1.0
# A tweet may commit after one with a larger id, and its tags are noted by a worker: so each look goes back so far.
LATE_MS: Final = 60_000
_MOST_REMEMBERED: Final = 400


class Crowd:
    """One per process. ``newest_id`` is of all tweets.

    ``gone`` are those of the lately told that were deleted, ``edited`` those that were edited, and when last.
    """

    def __init__(self, deps: ReadDeps, *, pause_seconds: float = _PAUSE_SECONDS) -> None:
        self.deps = deps
        self.newest_id = 0
        self.gone: dict[int, None] = {}
        self.edited: dict[int, Moment] = {}
        self._pause_seconds = pause_seconds
        self._told: dict[int, None] = {}
        self._look: asyncio.Task[None] | None = None
        self._waiting = 0

    async def next_look(self) -> None:
        """Returns after a look that began after this was called, or shortly before. Raises ``Unavailable``.

        Nobody waits: nobody looks.
        """
        look = self._look
        if look is None or look.done():
            look = self._look = asyncio.create_task(self._look_soon())
        self._waiting += 1
        try:
            # Whoever goes does not take the others' look with them.
            await asyncio.shield(look)
        finally:
            self._waiting -= 1
            if not self._waiting:
                look.cancel()
                await asyncio.gather(look, return_exceptions=True)

    def note_told(self, tweet_ids: Sequence[int]) -> None:
        """Somebody was told of these, and will want to know when they go."""
        self._told |= dict.fromkeys(tweet_ids)
        _forget_oldest(self._told)

    async def _look_soon(self) -> None:
        await asyncio.sleep(self._pause_seconds)
        # Also of those that few may see: lists and messages have them.
        self.newest_id = await tweets.find_newest_id(self.deps.db)
        if self._told:
            gone = await fetch_deleted_among(self.deps, list(self._told))
            for tweet_id in gone:
                del self._told[tweet_id]
            self.gone |= dict.fromkeys(gone)
            _forget_oldest(self.gone)
            self.edited = {moment.tweet_id: moment for moment in await edits.fetch_moments(self.deps.db, self._told)}


class News(msgspec.Struct, frozen=True):
    """``items``: tweets that a client has not heard of, oldest first. ``gone`` and ``edited``: of those it heard of.

    Tweets are JSON; of the deleted there are ids.
    """

    items: list[bytes]
    gone: list[int]
    edited: list[bytes]


class Listener:
    """What one client has heard of one page. ``fetch`` is asked for what is newer."""

    def __init__(self, crowd: Crowd, fetch: FetchPage, viewer_id: UserId | None) -> None:
        self._crowd = crowd
        self._fetch = fetch
        self._viewer_id = viewer_id
        self._looked_ms = crowd.deps.clock.now_ms()
        self._begun_id = first_id_at(self._looked_ms - LATE_MS)
        self._read_id = -1
        # By tweet: which edit the client has.
        self._told: dict[int, bytes] = {}

    async def begin(self) -> None:
        """What is there now is no news. Raises ``Unavailable``."""
        page = await self._fetch(Range(MOST_AT_ONCE, before=MAX_ID - 1, after=self._begun_id))
        ids = _ids(page.items)
        if len(ids) == MOST_AT_ONCE:
            # What lies below is no news either, should some of these go.
            self._begun_id = ids[-1]
        self._told |= {tweet_id: edited_at_in(item) for tweet_id, item in zip(ids[::-1], page.items[::-1], strict=True)}
        self._crowd.note_told(list(self._told))

    async def news(self) -> News:
        """For after a look. Raises ``Unavailable``."""
        gone = [tweet_id for tweet_id in self._told if tweet_id in self._crowd.gone]
        for tweet_id in gone:
            del self._told[tweet_id]
        now_ms = self._crowd.deps.clock.now_ms()
        newest_id = self._crowd.newest_id
        if newest_id == self._read_id and unix_ms_of(newest_id) < now_ms - LATE_MS:
            return News([], gone, await self._edits())
        # From the look before on, however long ago that was.
        after = max(self._begun_id, first_id_at(self._looked_ms - LATE_MS))
        page = await self._fetch(Range(MOST_AT_ONCE, before=MAX_ID - 1, after=after))
        self._read_id, self._looked_ms = newest_id, now_ms
        new = list(zip(_ids(page.items), page.items, strict=True))
        unheard = [(tweet_id, item) for tweet_id, item in reversed(new) if tweet_id not in self._told]
        self._told |= {tweet_id: edited_at_in(item) for tweet_id, item in unheard}
        _forget_oldest(self._told)
        self._crowd.note_told([tweet_id for tweet_id, _ in unheard])
        return News([item for _, item in unheard], gone, await self._edits())

    async def _edits(self) -> list[bytes]:
        """Those that this client heard of and that say something else now, as far as it may still meet them."""
        edited = [
            moment
            for tweet_id, told in self._told.items()
            if (moment := self._crowd.edited.get(tweet_id)) and rfc3339(moment.edited_ms).encode() > told
        ]
        if not edited:
            return []
        deps = self._crowd.deps
        # A process learns of an edit by a signal, and this is asked of the truth, which may be earlier.
        deps.tweets.forget([moment.tweet_id for moment in edited])
        entries = [Entry(moment.tweet_id, moment.author_id) for moment in edited]
        met = await drop_unmet(deps, self._viewer_id, entries, surface="list")
        found = [item for item in await hydrate(deps, self._viewer_id, met, surface="list") if item is not None]
        self._told |= {moment.tweet_id: rfc3339(moment.edited_ms).encode() for moment in edited}
        return found


# What every tweet's JSON begins with, see ``read.views.tweets``.
_ID_STARTS: Final = len(b'{"id":"')


def _ids(items: Sequence[bytes]) -> list[int]:
    return [int(item[_ID_STARTS : item.index(b'"', _ID_STARTS)]) for item in items]


def _forget_oldest(ids: dict[int, T]) -> None:
    while len(ids) > _MOST_REMEMBERED:
        del ids[next(iter(ids))]
