"""Signals between processes: said once, heard by all who listen, and by whoever lost the connection, that it did."""

import asyncio
import itertools
import pathlib
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from linnet.stores.valkey import subscription as listening_side
from linnet.stores.valkey.changes import Change, decode_change, publish_change, publish_wake
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.subscription import Subscription
from tests.flows._accounts_world import ValkeyServer
from tests.support.servers import Servers

PATIENCE_SECONDS = 60.0
CHANGE = Change((1, 2), (3,), (b"\x00hash",), (b"packed" * 3,))
_numbers = itertools.count()


class Ear:
    """What a subscription heard, to be waited for."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.resets: asyncio.Queue[None] = asyncio.Queue()

    def on_message(self, message: bytes) -> None:
        self.heard.put_nowait(message)

    def on_reset(self) -> None:
        self.resets.put_nowait(None)

    async def next(self) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.heard.get()

    async def next_reset(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.resets.get()


@pytest.fixture
async def valkey(servers: Servers) -> AsyncIterator[Valkey]:
    valkey = Valkey(ValkeyOptions(servers.valkey_url))
    await valkey.open()
    yield valkey
    await valkey.close()


@pytest.fixture
def channel() -> bytes:
    return b"test_changes%d" % next(_numbers)


async def listening(url: str, channel: bytes) -> tuple[Ear, Subscription]:
    ear = Ear()
    subscription = Subscription(ValkeyOptions(url), channel, ear.on_message, ear.on_reset)
    subscription.start()
    await ear.next_reset()
    return ear, subscription


async def test_everybody_who_listens_hears_a_change_once(servers: Servers, valkey: Valkey, channel: bytes) -> None:
    one, first = await listening(servers.valkey_url, channel)
    other, second = await listening(servers.valkey_url, channel)
    stranger, third = await listening(servers.valkey_url, channel + b"other")
    assert await publish_change(valkey, channel, CHANGE) == 2
    await publish_wake(valkey, channel, 63)
    for ear in (one, other):
        assert decode_change(await ear.next()) == CHANGE
        assert int(await ear.next()) == 63
    assert stranger.heard.empty()
    for subscription in (first, second, third):
        await subscription.close()
    # Valkey learns of it when it comes to look.
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await publish_wake(valkey, channel, 1) > 0:  # "whoever closed listens no more"
            pass


async def test_a_subscription_is_ready_when_nothing_can_be_missed_any_more(
    servers: Servers, valkey: Valkey, channel: bytes
) -> None:
    ear = Ear()
    subscription = Subscription(ValkeyOptions(servers.valkey_url), channel, ear.on_message)
    assert not subscription.ready.is_set()
    subscription.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await subscription.ready.wait()
    assert await publish_wake(valkey, channel, 5) == 1
    assert await ear.next() == b"5"
    await subscription.close()
    await subscription.close()


async def test_what_is_no_change_is_refused() -> None:
    for message in (b"", b"5", b"\xc1", msgspec.msgpack.encode(["text"]), msgspec.msgpack.encode({"tweet_ids": [1]})):
        with pytest.raises(msgspec.DecodeError):
            decode_change(message)
    assert decode_change(msgspec.msgpack.encode([[1]])) == Change(tweet_ids=(1,)), "an older process says less"


@pytest.fixture
def own_valkey(tmp_path: pathlib.Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path)
    server.start()
    yield server
    server.kill()


async def test_a_subscription_comes_back_with_valkey_and_says_that_something_was_missed(
    own_valkey: ValkeyServer, channel: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening_side, "_RETRY_SECONDS", 0.01)
    ear, subscription = await listening(own_valkey.url, channel)
    for number in range(2):
        own_valkey.kill()
        own_valkey.start()
        await ear.next_reset()
        valkey = Valkey(ValkeyOptions(own_valkey.url))
        await valkey.open()
        assert await publish_wake(valkey, channel, number) == 1
        assert await ear.next() == b"%d" % number
        await valkey.close()
    await subscription.close()


async def test_a_subscription_that_begins_before_valkey_waits_for_it(
    tmp_path: pathlib.Path, channel: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening_side, "_RETRY_SECONDS", 0.01)
    server = ValkeyServer(tmp_path)
    ear = Ear()
    subscription = Subscription(ValkeyOptions(server.url), channel, ear.on_message, ear.on_reset)
    subscription.start()
    assert not subscription.ready.is_set()
    server.start()
    try:
        await ear.next_reset()
        assert subscription.ready.is_set()
    finally:
        await subscription.close()
        server.kill()
