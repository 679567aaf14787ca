"""Signals between processes: wake a lane, forget what you hold in memory.

They are hints: a lost one costs a lane its 250 ms poll and a process the second that its memory may be old. Publishing
goes over the shared connection, subscribing over redis-py.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
from redis.exceptions import RedisError

from linnet.errors import Unavailable
from linnet.stores.valkey.address import Address, parse_address
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.primary import connect_redis

_RETRY_SECONDS = 0.5
# A server that froze, or lies behind a cut, closes nothing: it is asked now and then whether it is there.
_PING_SECONDS = 5.0
_PONG_SECONDS = 5.0


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
    return valkey.call(b"PUBLISH", channel, _encoder.encode(change))


def publish_wake(valkey: Valkey, channel: bytes, lane: int) -> Awaitable[int]:
    """Sent when called, not when awaited."""
    return valkey.call(b"PUBLISH", channel, lane)


def decode_change(message: bytes) -> Change:
    """Raises ``msgspec.DecodeError`` for what no process of this version says."""
    return _decoder.decode(message)


class Subscription:
    """Listens to one channel until closed; comes back by itself when Valkey does.

    ``on_reset`` is called after each (re)connection: what was said in between was missed.
    """

    def __init__(
        self,
        options: ValkeyOptions,
        channel: bytes,
        on_message: Callable[[bytes], None],
        on_reset: Callable[[], None] = lambda: None,
    ) -> None:
        self._address = parse_address(options.url)
        self._channel = channel
        self._on_message = on_message
        self._on_reset = on_reset
        self._task: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen(), name=f"subscription to {self._channel!r}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _listen(self) -> None:
        while True:
            with suppress(RedisError, OSError, Unavailable):
                await self._listen_to(self._address)
            self.ready.clear()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen_to(self, address: Address) -> None:
        """Returns or raises when the connection is lost."""
        client = await connect_redis(address)
        try:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe(self._channel)
                asked = False
                while True:
                    message = await pubsub.get_message(timeout=_PONG_SECONDS if asked else _PING_SECONDS)
                    if message is None:
                        if asked:
                            return
                        await pubsub.ping()
                    elif message["type"] == "subscribe":
                        self._on_reset()
                        self.ready.set()
                    elif message["type"] == "message":
                        self._on_message(message["data"])
                    asked = message is None
        finally:
            await client.aclose()
