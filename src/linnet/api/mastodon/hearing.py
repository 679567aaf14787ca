"""Which streams a client hears, and what is told it of each: its own (home, notifications), and the crowd's.

Direct tweets are looked for as the crowd's are, since most clients that hear anything never ask for them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Final

import msgspec
import structlog

from linnet.api.mastodon.conversations import conversations_of
from linnet.api.mastodon.endpoints import Call
from linnet.api.mastodon.fragments import id_of, statuses_json
from linnet.api.mastodon.happenings import Happening, happenings
from linnet.api.mastodon.rendering import read_tweet
from linnet.api.params import parse_id
from linnet.domain.timeline import Range
from linnet.errors import ConversationNotFound, ListNotFound, Unavailable
from linnet.ids import TweetId
from linnet.read.streams import Listener
from linnet.read.streams.stream import Stream
from linnet.read.timelines.conversations import directs_page, told_conversation
from linnet.read.timelines.everyone import everyone_page
from linnet.read.timelines.lists import list_page
from linnet.read.timelines.tag import tag_page
from linnet.read.views.pages import Page

log = structlog.get_logger()

Name = tuple[str, ...]
"""A stream as its frames call it: its kind, and the tag or the list of one that has one."""

# Which happenings one's own streams have in them.
EVENTS: Final = {
    "user": frozenset(("update", "status.update", "delete", "notification")),
    "user:notification": frozenset(("notification",)),
}
# Nothing ever happens in these: nothing comes from elsewhere, or is told by its media.
SILENT: Final = frozenset(("public:remote", "public:media", "public:local:media", "public:remote:media"))
_EVERYONES: Final = frozenset(("public", "public:local"))
_TAGGED: Final = frozenset(("hashtag", "hashtag:local"))
_LISTS: Final = "list"
_DIRECT: Final = "direct"
# So many tags one client listens to; each is read by itself.
_MOST_LISTENED: Final = 20

Say = Callable[[Name, Happening], Awaitable[None]]


def is_of_crowd(name: Name) -> bool:
    return name[0] in _EVERYONES or name[0] in _TAGGED or name[0] in (_LISTS, _DIRECT)


class Hearing:
    """Of one client. ``stream`` is its own, and ends everything when it ends."""

    def __init__(self, call: Call, stream: Stream) -> None:
        self._call = call
        self._stream = stream
        self._own: set[Name] = set()
        self._listeners: dict[Name, Listener] = {}
        self._is_listening = asyncio.Event()

    async def add(self, name: Name) -> None:
        """From now on. Raises ``Unavailable``, and ``ListNotFound``."""
        if not is_of_crowd(name):
            self._own.add(name)
        elif name not in self._listeners and len(self._listeners) < _MOST_LISTENED:
            listener = Listener(self._call.crowd, self._page_of(name), self._call.viewer_id)
            await listener.begin()
            self._listeners[name] = listener
            self._is_listening.set()

    def remove(self, name: Name) -> None:
        self._own.discard(name)
        self._listeners.pop(name, None)
        if not self._listeners:
            self._is_listening.clear()

    async def tell(self, say: Say, beat: Callable[[], Awaitable[None]]) -> None:
        """Until the stream ends. Raises what ``say`` raises for one's own streams."""
        crowd = asyncio.create_task(self._tell_crowd(say))
        try:
            async with aclosing(happenings(self._call, self._stream)) as heard:
                async for one in heard:
                    if one.event == "beat":
                        await beat()
                        continue
                    for name in sorted(self._own):
                        if one.event in EVENTS.get(name[0], ()):
                            await say(name, one)
        finally:
            crowd.cancel()
            await asyncio.gather(crowd, return_exceptions=True)

    async def _tell_crowd(self, say: Say) -> None:
        try:
            while True:
                await self._is_listening.wait()
                try:
                    await self._call.crowd.next_look()
                    for name, listener in list(self._listeners.items()):
                        await self._tell_news(name, listener, say)
                except Unavailable as error:
                    # The next look finds it.
                    log.debug("the crowd cannot be heard now", cause=str(error))
        finally:
            # A client that takes nothing any more is let go.
            self._stream.end()

    async def _tell_news(self, name: Name, listener: Listener, say: Say) -> None:
        try:
            news = await listener.news()
        except ListNotFound:
            # It was deleted, and nothing comes any more.
            self.remove(name)
            return
        if name[0] == _DIRECT:
            # What is told is where something came; one that went by now is told by nothing.
            for named_id in _last_of_each(news.items):
                with suppress(ConversationNotFound):
                    told = await told_conversation(self._call.read, self._call.me, named_id)
                    [entity] = await conversations_of(self._call, [told])
                    await say(name, Happening("conversation", msgspec.json.encode(entity).decode()))
            return
        for tweet_id in news.gone:
            await say(name, Happening("delete", str(tweet_id)))
        for status in await statuses_json(self._call, news.edited):
            if name in self._listeners:
                await say(name, Happening("status.update", status.decode()))
        for status in await statuses_json(self._call, news.items):
            if name in self._listeners:
                await say(name, Happening("update", status.decode()))

    def _page_of(self, name: Name) -> Callable[[Range], Awaitable[Page]]:
        read, viewer_id = self._call.read, self._call.viewer_id
        if name[0] in _EVERYONES:
            return lambda wanted: everyone_page(read, viewer_id, wanted)
        if name[0] == _DIRECT:
            return lambda wanted: directs_page(read, self._call.me, wanted)
        if name[0] == _LISTS:
            list_id = parse_id(name[1]) or 0
            return lambda wanted: list_page(read, self._call.me, list_id, wanted)
        return lambda wanted: tag_page(read, viewer_id, name[1], wanted)


def _last_of_each(items: Sequence[bytes]) -> list[TweetId]:
    """Of direct tweets, oldest first: the last one of each conversation, in their order."""
    last: dict[str, TweetId] = {}
    for item in items:
        tweet = read_tweet(item)
        conversation_id = tweet.conversation_id or tweet.id
        last.pop(conversation_id, None)
        last[conversation_id] = TweetId(id_of(item))
    return list(last.values())
