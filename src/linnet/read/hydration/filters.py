"""Which of the viewer's filters the tweets of a page match, and whether their conversations are muted.

It is said in their JSON, behind all else. Nobody asks who has neither: that they have none comes with the marks of the
page. Of those who have, the process keeps what it read last, for as long as the marks name the same version.
"""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from linnet.clock import Clock
from linnet.domain.filters import Matcher
from linnet.ids import TweetId, UserId
from linnet.read.views.filters import match_view
from linnet.stores.postgres import conversations, filters
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


class _Kept(msgspec.Struct, frozen=True):
    """Of a version. ``is_muting``: conversations are muted, it is not said which."""

    version: int
    matcher: Matcher
    is_muting: bool


class _Said(msgspec.Struct, frozen=True):
    """What of a tweet filters look at, and which conversation it belongs to, if it is not its own."""

    id: str
    text: str
    author: _Author
    retweet_of: "_Said | None" = None
    warning: str = ""
    attachments: list[_Picture] = []
    poll: _Poll = _Poll()
    conversation_id: str = ""


_said = msgspec.json.Decoder(_Said)
_encoder = msgspec.json.Encoder()


class FilterMemory:
    """One per process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._kept: dict[UserId, _Kept] = {}

    async def mark(self, viewer_id: UserId, version: int, items: Sequence[bytes | None]) -> list[bytes | None]:
        """The same items; those that match say what they match, and those that are muted that they are.

        One's own match nothing.
        """
        kept = await self._keep(viewer_id, version)
        now_ms, mine = self._clock.now_ms(), str(viewer_id)
        said = [None if item is None else _said.decode(item) for item in items]
        muted: Collection[int] = ()
        if kept.is_muting:
            ids = {_conversation_of(tweet) for tweet in said if tweet is not None}
            muted = {found for _, found in await conversations.fetch_mutes(self._db, [viewer_id], ids)}
        return [
            None if item is None or tweet is None else _marked(kept.matcher, muted, item, tweet, now_ms, mine)
            for item, tweet in zip(items, said, strict=True)
        ]

    async def _keep(self, viewer_id: UserId, version: int) -> _Kept:
        """Of this version, or a newer one."""
        kept = self._kept.get(viewer_id)
        if kept is not None and kept.version == version:
            return kept
        # Whoever mutes or unmutes between the two makes another version, for which it is read again.
        found = await filters.fetch(self._db, viewer_id)
        is_muting = bool(await conversations.fetch_muting(self._db, [viewer_id]))
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        kept = self._kept[viewer_id] = _Kept(found.version, Matcher(found), is_muting)
        return kept


def _conversation_of(tweet: _Said) -> TweetId:
    shown = tweet.retweet_of or tweet
    return TweetId(int(shown.conversation_id or shown.id))


def _marked(matcher: Matcher, muted: Collection[int], item: bytes, tweet: _Said, now_ms: int, mine: str) -> bytes:
    shown = tweet.retweet_of or tweet
    if muted and _conversation_of(tweet) in muted:
        item = b'%b,"muted":true}' % item[:-1]
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
