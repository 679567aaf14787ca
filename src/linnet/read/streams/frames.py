"""Server-sent events as bytes. Data is JSON, which has no line breaks, so that one line holds it."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec


class EventView(msgspec.Struct, frozen=True):
    """One event, as it is when its lines are read.

    ``data`` is JSON: of ``tweets`` ``{"items": […]}`` with whole tweets, newest first; of ``edited`` the same of tweets
    that say something else now (of retweets the originals); of ``gone`` ``{"ids": […]}``; of ``counts``
    ``{"items": [{"id", "counts"}, …]}``; of ``notifications`` ``{"unread": …, "newest": …}``, where 100 means 100 or
    more, and ``newest`` is the id of the newest one, null when there is none; of ``gap`` ``{}``. ``id`` says what a
    client has that applied the event, and all before it.
    """

    event: Literal["tweets", "edited", "gone", "counts", "notifications", "gap"]
    id: str
    data: str


BEAT = b":\n\n"
"""A comment: nothing to a client, but it keeps the connection in use, and finds out when nobody is there."""


def retry(milliseconds: int) -> bytes:
    """How long a client waits before it connects again."""
    return b"retry: %d\n\n" % milliseconds


def frame(event: bytes, event_id: str, data: bytes) -> bytes:
    return b"event: %b\nid: %b\ndata: %b\n\n" % (event, event_id.encode(), data)


def tweets_frame(event_id: str, items: Sequence[bytes]) -> bytes:
    """New tweets, newest first; ``items`` are JSON."""
    return frame(b"tweets", event_id, b'{"items":[%b]}' % b",".join(items))


def edited_frame(event_id: str, items: Sequence[bytes]) -> bytes:
    """Tweets as they are now; ``items`` are JSON."""
    return frame(b"edited", event_id, b'{"items":[%b]}' % b",".join(items))


def gone_frame(event_id: str, ids: Iterable[int]) -> bytes:
    return frame(b"gone", event_id, b'{"ids":[%b]}' % b",".join([b'"%d"' % some_id for some_id in ids]))


def counts_frame(event_id: str, counts: Iterable[tuple[int, bytes]]) -> bytes:
    """Tweets' counts as they are now; each is JSON."""
    items = [b'{"id":"%d","counts":%b}' % (tweet_id, json) for tweet_id, json in counts]
    return frame(b"counts", event_id, b'{"items":[%b]}' % b",".join(items))


def notifications_frame(event_id: str, unread: int, newest_id: int) -> bytes:
    """``newest_id`` 0: there is none."""
    newest = b'"%d"' % newest_id if newest_id else b"null"
    return frame(b"notifications", event_id, b'{"unread":%d,"newest":%b}' % (unread, newest))


def gap_frame(event_id: str) -> bytes:
    return frame(b"gap", event_id, b"{}")
