"""Which of the viewer's filters the tweets of a page match: said in their JSON, behind all else.

Nobody asks who has no filters: that they have none comes with the marks of the page. Of those who have, the process
keeps what it read last, for as long as the marks name the same version.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from linnet.clock import Clock
from linnet.domain.filters import Matcher
from linnet.ids import UserId
from linnet.read.views.filters import match_view
from linnet.stores.postgres import filters
from linnet.stores.postgres.pool import Database

_MOST_KEPT: Final = 5000


class _Author(msgspec.Struct, frozen=True):
    id: str


class _Picture(msgspec.Struct, frozen=True):
    description: str = ""


class _Option(msgspec.Struct, frozen=True):
    text: str


class _Poll(msgspec.Struct, frozen=True):
    options: list[_Option] = []


class _Said(msgspec.Struct, frozen=True):
    """What of a tweet filters look at."""

    id: str
    text: str
    author: _Author
    retweet_of: "_Said | None" = None
    warning: str = ""
    attachments: list[_Picture] = []
    poll: _Poll = _Poll()


_said = msgspec.json.Decoder(_Said)
_encoder = msgspec.json.Encoder()


class FilterMemory:
    """One per process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._kept: dict[UserId, tuple[int, Matcher]] = {}

    async def mark(self, viewer_id: UserId, version: int, items: Sequence[bytes | None]) -> list[bytes | None]:
        """The same items; those that match say what they match. One's own match nothing."""
        matcher = await self._matcher(viewer_id, version)
        now_ms, mine = self._clock.now_ms(), str(viewer_id)
        return [None if item is None else _marked(matcher, item, now_ms, mine) for item in items]

    async def _matcher(self, viewer_id: UserId, version: int) -> Matcher:
        """Of this version, or a newer one."""
        kept = self._kept.get(viewer_id)
        if kept is not None and kept[0] == version:
            return kept[1]
        found = await filters.fetch(self._db, viewer_id)
        matcher = Matcher(found)
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[viewer_id] = (found.version, matcher)
        return matcher


def _marked(matcher: Matcher, item: bytes, now_ms: int, mine: str) -> bytes:
    tweet = _said.decode(item)
    shown = tweet.retweet_of or tweet
    if shown.author.id == mine:
        return item
    texts = (
        *(shown.text, shown.warning, *(picture.description for picture in shown.attachments)),
        *(option.text for option in shown.poll.options),
    )
    matches = matcher.matches(int(shown.id), texts, now_ms)
    if not matches:
        return item
    return b'%b,"filtered":%b}' % (item[:-1], _encoder.encode([match_view(match) for match in matches]))
