"""Who has streams: told in the script that writes to a window, and nobody else is."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from linnet.domain.timeline import Entry
from linnet.ids import TweetId, UserId, random_bytes
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.live import LiveReaders, Told, decode_told
from linnet.stores.valkey.subscription import Subscription
from linnet.stores.valkey.windows import WindowOptions, Windows
from tests.support.servers import Servers

PATIENCE_SECONDS = 20.0
ADA, BEN, CLEO, DAN = map(UserId, (71_000_001, 71_000_002, 71_000_003, 71_000_004))
TOKEN = b"token..."


class Process:
    """One that hears at its channel."""

    def __init__(self, keys: Keys, valkey_url: str) -> None:
        self.name = b"\xff" + random_bytes(7)
        self.heard: asyncio.Queue[Told] = asyncio.Queue()
        self.subscription = Subscription(
            ValkeyOptions(valkey_url),
            keys.live_channel(self.name),
            lambda message: self.heard.put_nowait(decode_told(message)),
        )

    async def next(self) -> Told:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.heard.get()


class Place:
    """Windows of three readers in one Valkey, and who is told of them."""

    def __init__(self, valkey: Valkey, keys: Keys, valkey_url: str) -> None:
        self.valkey = valkey
        self.keys = keys
        self.live = LiveReaders(valkey, keys)
        self.windows = Windows(valkey, keys, WindowOptions())
        self.processes = [Process(keys, valkey_url), Process(keys, valkey_url)]

    async def push(self, tweet_id: int, *reader_ids: UserId) -> None:
        for call in self.windows.push(Entry(TweetId(tweet_id), DAN), b"".join(map(pack_id, reader_ids))):
            await call

    async def end(self, process: Process) -> None:
        """Returns once Valkey has seen that it is gone."""
        await process.subscription.close()
        channel = self.keys.live_channel(process.name)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self.valkey.call(b"PUBSUB", b"NUMSUB", channel))[1]:
                pass

    async def fields(self) -> dict[bytes, bytes]:
        pairs = iter(await self.valkey.call(b"HGETALL", self.keys.live()))
        return dict(zip(pairs, pairs, strict=True))


@pytest.fixture
async def place(servers: Servers) -> AsyncIterator[Place]:
    valkey = Valkey(ValkeyOptions(servers.valkey_url))
    await valkey.open()
    place = Place(valkey, Keys(b"live" + random_bytes(6).hex().encode() + b":"), servers.valkey_url)
    for process in place.processes:
        process.subscription.start()
        await process.subscription.ready.wait()
    for reader_id in (ADA, BEN, CLEO):
        await place.windows.begin(reader_id, TOKEN)
        await place.windows.merge(reader_id, TOKEN, [], complete=True, pulled=())
    yield place
    for process in place.processes:
        await process.subscription.close()
    await valkey.call(b"UNLINK", place.keys.live())
    for call in place.windows.drop(b"".join(map(pack_id, (ADA, BEN, CLEO)))):
        await call
    await valkey.close()


async def test_processes_are_told_of_their_readers_and_of_nobody_else(place: Place) -> None:
    one, other = place.processes
    await place.live.enter(one.name, [ADA], are_all=True)
    await place.live.enter(other.name, [ADA, BEN], are_all=True)
    await place.push(1001, ADA, BEN, CLEO, DAN)
    assert await one.next() == Told((ADA,), 1001, notifications=False)
    assert await other.next() == Told((ADA, BEN), 1001, notifications=False)
    await place.push(1001, ADA, BEN)
    await place.push(1002, CLEO)
    for call in place.live.tell_notified([BEN, CLEO]):
        await call
    assert await other.next() == Told((BEN,), None, notifications=True), "nothing of what changed no window"
    assert one.heard.empty()


async def test_whoever_drops_a_window_says_that_anything_may_have_changed(place: Place) -> None:
    one, _ = place.processes
    await place.live.enter(one.name, [ADA, BEN], are_all=True)
    for call in place.windows.drop(pack_id(ADA) + pack_id(CLEO)):
        await call
    assert await one.next() == Told((ADA,), 0, notifications=True)
    await place.windows.change(BEN, DAN, shown=False, change_id=5)
    assert await one.next() == Told((BEN,), 0, notifications=True)
    await place.windows.change(BEN, DAN, shown=False, change_id=5)
    await place.push(1001, ADA)
    for call in place.live.tell_notified([ADA]):
        await call
    assert await one.next() == Told((ADA,), None, notifications=True), "a change is told once, no window not at all"


async def test_a_process_that_is_gone_is_taken_out_by_who_would_tell_it(place: Place) -> None:
    one, other = place.processes
    await place.live.enter(one.name, [ADA, BEN], are_all=True)
    await place.live.enter(other.name, [ADA], are_all=True)
    await place.end(one)
    await place.push(1001, ADA, BEN)
    assert await other.next() == Told((ADA,), 1001, notifications=False)
    assert await place.fields() == {pack_id(ADA): other.name, other.name: b""}
    assert not await place.live.is_entered(one.name)


async def test_a_process_knows_whether_all_it_entered_is_still_there(place: Place) -> None:
    one, other = place.processes
    assert not await place.live.is_entered(one.name)
    await place.live.enter(one.name, [ADA], are_all=True)
    await place.live.enter(one.name, [BEN], are_all=False)
    assert await place.live.is_entered(one.name)
    await place.valkey.call(b"UNLINK", place.keys.live())
    await place.live.enter(other.name, [CLEO], are_all=True)
    await place.live.enter(one.name, [BEN], are_all=False)
    assert not await place.live.is_entered(one.name), "only who enters all says that all are entered"
    await place.live.leave(one.name, [BEN], were_all=True)
    await place.live.leave(other.name, [CLEO], were_all=True)
    assert await place.fields() == {}, "where nobody has a stream there is nothing to ask"
