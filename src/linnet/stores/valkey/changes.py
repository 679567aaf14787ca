"""Signals between processes: wake a lane, forget what you hold in memory.

They are hints: a lost one costs a lane its 250 ms poll and a process the second that its memory may be old. Publishing
goes over the shared connection; ``subscription`` has the other side.
"""

from collections.abc import Awaitable

import msgspec

from linnet.stores.valkey.client import Valkey


class Change(msgspec.Struct, frozen=True, array_like=True):
    """Something processes may hold in memory that is not so any more: tweets, profiles, token hashes by id or hash.

    ``posted`` are packed entries of top users, for those who pull them. ``logged_out_ids`` are users some of whose
    sessions ended. ``author_ids`` are those of ``user_ids`` of whom more changed than counters.
    """

    tweet_ids: tuple[int, ...] = ()
    user_ids: tuple[int, ...] = ()
    token_hashes: tuple[bytes, ...] = ()
    posted: tuple[bytes, ...] = ()
    logged_out_ids: tuple[int, ...] = ()
    author_ids: tuple[int, ...] = ()


def profile_changed(user_id: int) -> Change:
    """Somebody edited their profile, or left."""
    return Change(user_ids=(user_id,), author_ids=(user_id,))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Change)


def publish_change(valkey: Valkey, channel: bytes, change: Change) -> Awaitable[int]:
    """Sent when called, not when awaited."""
    return valkey.publish(channel, _encoder.encode(change))


def publish_wake(valkey: Valkey, channel: bytes, lane: int) -> Awaitable[int]:
    """Sent when called, not when awaited."""
    return valkey.publish(channel, b"%d" % lane)


def decode_change(message: bytes) -> Change:
    """Raises ``msgspec.DecodeError`` for what no process of this version says."""
    return _decoder.decode(message)
