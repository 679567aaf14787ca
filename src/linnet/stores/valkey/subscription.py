"""Listening to channels, over redis-py: on a connection of its own, and on a cluster on one to each server concerned.

On a cluster channels are sharded: a message goes to the server of the channel's slot, and to nobody else. When a slot
moves, or its primary is replaced, that server says so or is gone; and what it did not say is found by looking.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from redis.exceptions import RedisError

from linnet.errors import Unavailable
from linnet.stores.valkey.address import Address, parse_address
from linnet.stores.valkey.client import ValkeyOptions
from linnet.stores.valkey.cluster import Cluster
from linnet.stores.valkey.primary import connect_redis
from linnet.tasks import end_tasks

_RETRY_SECONDS: Final = 0.5
# A server that froze, or lies behind a cut, closes nothing: it is asked now and then whether it is there.
_PING_SECONDS: Final = 5.0
_PONG_SECONDS: Final = 5.0
# A primary that became a replica still hears what is said to its successor, who does not see that anybody listens.
_LOOK_SECONDS: Final = 1.0

Place = tuple[str, int]


class Subscription:
    """Listens to channels until closed; comes back by itself when Valkey does.

    ``on_reset`` is called after each (re)connection: what was said in between was missed.
    """

    def __init__(
        self,
        options: ValkeyOptions,
        channels: bytes | Sequence[bytes],
        on_message: Callable[[bytes], None],
        on_reset: Callable[[], None] = lambda: None,
    ) -> None:
        self._options = options
        self._address = parse_address(options.url)
        self._channels = [channels] if isinstance(channels, bytes) else channels
        self._on_message = on_message
        self._on_reset = on_reset
        self._task: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen(), name=f"subscription to {self._channels[0]!r}")

    async def close(self) -> None:
        if self._task is not None:
            await end_tasks([self._task])

    async def _listen(self) -> None:
        while True:
            with suppress(RedisError, OSError, Unavailable):
                if self._address.seeds:
                    await self._listen_to_cluster()
                else:
                    await self._listen_to(self._address, self._channels, self._reset)
            self.ready.clear()
            await asyncio.sleep(_RETRY_SECONDS)

    def _reset(self) -> None:
        self._on_reset()
        self.ready.set()

    async def _listen_to(self, address: Address, channels: Sequence[bytes], subscribed: Callable[[], None]) -> None:
        """Returns or raises when a channel is not heard any more. ``subscribed`` is called when all are heard."""
        client = await connect_redis(address)
        try:
            async with client.pubsub() as pubsub:
                if self._address.seeds:
                    # One by one: they may lie in different slots.
                    for channel in channels:
                        await pubsub.ssubscribe(channel)
                else:
                    await pubsub.subscribe(*channels)
                unheard = len(channels)
                asked = False
                while True:
                    message = await pubsub.get_message(timeout=_PONG_SECONDS if asked else _PING_SECONDS)
                    if message is None:
                        if asked:
                            return
                        await pubsub.ping()
                    elif message["type"] in ("subscribe", "ssubscribe"):
                        unheard -= 1
                        if not unheard:
                            subscribed()
                    elif message["type"] in ("message", "smessage"):
                        self._on_message(message["data"])
                    elif message["type"] == "sunsubscribe":
                        # Nobody asked for it: the slot has moved.
                        return
                    asked = message is None
        finally:
            await client.aclose()

    async def _listen_to_cluster(self) -> None:
        """Returns or raises when some channel is not heard any more, or its slot is another server's."""
        cluster = Cluster(self._options)
        listening: set[asyncio.Task[None]] = set()
        try:
            places = await self._find_places(cluster)
            unheard = len(places)

            def subscribed() -> None:
                nonlocal unheard
                unheard -= 1
                if not unheard:
                    self._reset()

            listening = {
                asyncio.create_task(self._listen_to(self._address.of_node(*place), channels, subscribed))
                for place, channels in places.items()
            }
            while True:
                done, _ = await asyncio.wait(listening, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if done or await self._find_places(cluster) != places:
                    return
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            await cluster.close()

    async def _find_places(self, cluster: Cluster) -> Mapping[Place, Sequence[bytes]]:
        """Which server has which of the channels."""
        await cluster.look_around()
        places: dict[Place, list[bytes]] = {}
        for channel in self._channels:
            places.setdefault(cluster.find_place(channel), []).append(channel)
        return places
