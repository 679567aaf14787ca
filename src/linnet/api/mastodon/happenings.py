"""What a stream of linnet's says, in the words of the Mastodon API.

A stream says how a reader's timeline differs from what they have (docs/decisions/0016-streams.md); clients of this API
want to hear of what is new since they began to listen, once each, and of what was deleted.
"""

from collections.abc import AsyncGenerator, Iterator
from typing import Any, Final, Literal

import msgspec

from linnet.api.mastodon.endpoints import Call
from linnet.api.mastodon.notifications import tell
from linnet.api.mastodon.rendering import statuses_of
from linnet.domain.notification import KINDS
from linnet.domain.timeline import Range
from linnet.ids import first_id_at
from linnet.read.streams.deletions import fetch_deleted_among
from linnet.read.streams.stream import Stream
from linnet.read.timelines.causes import causes_page

# Of those who told somebody something in one moment, so many are named; the others are found in the list.
_MOST_TOLD: Final = 20
_MOST_REMEMBERED: Final = 1000
_CLOCKS_DIFFER_MS: Final = 10_000


class Happening(msgspec.Struct, frozen=True):
    """``payload`` is JSON as text, or the id of what was deleted."""

    event: Literal["update", "status.update", "delete", "notification", "conversation", "beat"]
    payload: str = ""


class _Items(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw]


class _Ids(msgspec.Struct, frozen=True):
    ids: list[str]


class _News(msgspec.Struct, frozen=True):
    newest: str | None


async def happenings(call: Call, stream: Stream) -> AsyncGenerator[Happening, None]:
    """Until the stream ends."""
    told: dict[str, None] = {}
    # What stood there when the stream began it does not say again. Clocks of processes differ by less than this.
    begun_id = first_id_at(call.write.clock.now_ms() - _CLOCKS_DIFFER_MS)
    last_told: int | None = None
    async for chunk in stream:
        for event, data in events_of(chunk):
            match event:
                case "tweets":
                    items = [bytes(item) for item in msgspec.json.decode(data, type=_Items).items]
                    for status in reversed(await statuses_of(call, items)):
                        # What is older came into the timeline with somebody who is followed now.
                        if status.id not in told and int(status.id) >= begun_id:
                            told[status.id] = None
                            yield Happening("update", msgspec.json.encode(status).decode())
                    while len(told) > _MOST_REMEMBERED:
                        del told[next(iter(told))]
                case "edited":
                    items = [bytes(item) for item in msgspec.json.decode(data, type=_Items).items]
                    for status in await statuses_of(call, items):
                        yield Happening("status.update", msgspec.json.encode(status).decode())
                case "gone":
                    ids = [int(text) for text in msgspec.json.decode(data, type=_Ids).ids]
                    for tweet_id in await fetch_deleted_among(call.read, ids):
                        yield Happening("delete", str(tweet_id))
                case "notifications":
                    newest = int(msgspec.json.decode(data, type=_News).newest or 0)
                    if last_told is not None and newest > last_told:
                        for payload in await _told_since(call, last_told):
                            yield Happening("notification", payload)
                    last_told = newest if last_told is None else max(last_told, newest)
                case _:
                    yield Happening("beat")


def events_of(chunk: bytes) -> Iterator[tuple[str, bytes]]:
    """The events of a chunk of server-sent events by name; a comment is a beat."""
    for block in chunk.split(b"\n\n"):
        event, data = "", b""
        for line in block.split(b"\n"):
            name, _, value = line.partition(b": ")
            if name == b"event":
                event = value.decode()
            elif name == b"data":
                data = value
            elif line == b":":
                event = "beat"
        if event in ("tweets", "edited", "gone", "notifications", "beat"):
            yield event, data


async def _told_since(call: Call, last_id: int) -> list[str]:
    """Oldest first."""
    wanted = Range(_MOST_TOLD, after=max(last_id, 1))
    page = await causes_page(call.read, call.me, wanted, kinds=KINDS)
    found: list[Any] = await tell(call, page.items)
    return [msgspec.json.encode(each).decode() for each in reversed(found)]
