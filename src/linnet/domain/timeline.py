"""Timeline entries: what a timeline keeps of a tweet, and their packed form.

An entry holds just what the rules need (who wrote it, whom it answers or retweets), so that a page can be filtered
before anything else is read. Packed entries begin with the id, most significant byte first: their byte order is the
timeline's order.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import starmap
from operator import attrgetter, call
from typing import Any

import msgspec

from linnet.domain.event import TweetRef
from linnet.ids import MAX_ID, TweetId, UserId

_TWEET = struct.Struct(">qq")
_REPLY = struct.Struct(">qqq")
_RETWEET = struct.Struct(">qqqq")


class _Unpackers(dict[int, Callable[[bytes], tuple[Any, ...]]]):
    def __missing__(self, length: int) -> Callable[[bytes], tuple[Any, ...]]:
        # What has no such length either is refused by it.
        return _RETWEET.unpack


_unpacker_of = _Unpackers({packed.size: packed.unpack for packed in (_TWEET, _REPLY)}).__getitem__
_ID, _AUTHOR_ID, _ORIGINAL_ID = attrgetter("id"), attrgetter("author_id"), attrgetter("original_id")


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One place in a timeline.

    ``related_author_id`` is the author of the answered or retweeted tweet, ``original_id`` the retweeted tweet;
    0 where there is none. A tweet has neither, a reply the first, a retweet both.
    """

    id: TweetId
    author_id: UserId
    related_author_id: UserId = UserId(0)
    original_id: TweetId = TweetId(0)

    @property
    def is_reply_to_other(self) -> bool:
        """A reply, and not to its own author."""
        return self.related_author_id != 0 and self.original_id == 0 and self.related_author_id != self.author_id


def entry_of(tweet: TweetRef, *, reply_to: TweetRef | None, retweet_of: TweetRef | None) -> Entry:
    """What timelines keep of a tweet, which may be a reply or a retweet."""
    if retweet_of is not None:
        return Entry(tweet.tweet_id, tweet.author_id, retweet_of.author_id, retweet_of.tweet_id)
    if reply_to is not None:
        return Entry(tweet.tweet_id, tweet.author_id, reply_to.author_id)
    return Entry(tweet.tweet_id, tweet.author_id)


def pack_entry(entry: Entry) -> bytes:
    """16 bytes for a tweet, 24 for a reply, 32 for a retweet: the kind is the length, which keeps a window small."""
    if entry.original_id:
        return _RETWEET.pack(entry.id, entry.author_id, entry.related_author_id, entry.original_id)
    if entry.related_author_id:
        return _REPLY.pack(entry.id, entry.author_id, entry.related_author_id)
    return _TWEET.pack(entry.id, entry.author_id)


def unpack_entry(packed: bytes) -> Entry:
    """The entry of 16, 24 or 32 bytes; raises ``struct.error`` on any other length."""
    return Entry(*_unpacker_of(len(packed))(packed))


# Every page goes through these. Most have no retweet, and are gone through without a line of Python for each entry.


def unpack_entries(packed: Sequence[bytes]) -> list[Entry]:
    """Each as ``unpack_entry`` does."""
    return list(starmap(Entry, map(call, map(_unpacker_of, map(len, packed)), packed)))


def has_retweets(entries: Iterable[Entry]) -> bool:
    """Whether there is a retweet among them."""
    return any(map(_ORIGINAL_ID, entries))


def shown_ids_of(entries: Sequence[Entry]) -> list[TweetId]:
    """Of each entry the tweet that is shown: of a retweet the original."""
    if has_retweets(entries):
        return [entry.original_id or entry.id for entry in entries]
    return list(map(_ID, entries))


def author_ids_of(entries: Iterable[Entry]) -> list[UserId]:
    """Who wrote each."""
    return list(map(_AUTHOR_ID, entries))


class Range(msgspec.Struct, frozen=True):
    """Which part of a timeline is asked for.

    ``before`` and ``after`` are exclusive bounds. With ``after`` alone the page is the ``limit`` entries just above it,
    as a reader who scrolls up wants it; otherwise the newest ones below ``before``. Both are returned newest first.
    """

    limit: int
    before: int = MAX_ID
    after: int = 0

    @property
    def ascending(self) -> bool:
        return self.after > 0 and self.before == MAX_ID


def merge(timelines: Sequence[Sequence[Entry]]) -> list[Entry]:
    """Several timelines as one, newest first, without doubles."""
    by_id = {entry.id: entry for timeline in timelines for entry in timeline}
    return [by_id[entry_id] for entry_id in sorted(by_id, reverse=True)]
