"""A primary that Sentinel names is followed: the shared connection and subscriptions ask again when they lose it."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from linnet.errors import Unavailable
from linnet.stores.valkey.address import parse_address
from linnet.stores.valkey.changes import publish_wake
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.subscription import Subscription
from tests.support.sentinels import SERVICE, Watched, at_last, watched_valkey

PATIENCE_SECONDS = 60


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Watched]:
    with watched_valkey(tmp_path) as watched:
        yield watched


async def port_of(valkey: Valkey) -> int:
    _, port = await valkey.call("CONFIG", "GET", "port")
    return int(port)


async def test_both_sides_follow_the_primary_when_it_dies(valkey: Watched) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # The first Sentinel of the list never answers.
        url = valkey.url.replace("://", f"://127.0.0.1:{silent.getsockname()[1]},")
        client = Valkey(ValkeyOptions(url=url))
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        listened_again = asyncio.Event()
        subscription = Subscription(ValkeyOptions(url=url), b"wake", heard.put_nowait, on_reset=listened_again.set)
        subscription.start()
        try:
            await at_last(client.open)
            assert await port_of(client) == valkey.primary.port
            await client.call("SET", "key", "value")
            await asyncio.wait_for(listened_again.wait(), PATIENCE_SECONDS)
            listened_again.clear()
            await asyncio.to_thread(valkey.wait_until_replicated)

            valkey.primary.kill()
            with pytest.raises(Unavailable):
                await client.call("SET", "key", "lost")
            await asyncio.to_thread(valkey.wait_for_failover)
            await at_last(client.open)
            assert await port_of(client) == valkey.replica.port
            assert await client.call("GET", "key") == b"value"
            await asyncio.wait_for(listened_again.wait(), PATIENCE_SECONDS)
            await publish_wake(client, b"wake", 7)
            assert await asyncio.wait_for(heard.get(), PATIENCE_SECONDS) == b"7"
        finally:
            await subscription.close()
            await client.close()


async def test_a_node_that_is_a_replica_is_not_used_whoever_names_it(valkey: Watched) -> None:
    valkey.sentinels[0].pause()
    # Behind its back the roles change.
    valkey.cut_off()
    valkey.primary.call("REPLICAOF", "127.0.0.1", valkey.replica.port)
    client = Valkey(ValkeyOptions(url=valkey.primary.url))
    with pytest.raises(Unavailable, match="is a replica"):
        await client.open()
    await client.close()


async def test_without_a_sentinel_that_answers_nobody_is_the_primary(valkey: Watched) -> None:
    client = Valkey(ValkeyOptions(url=valkey.url))
    other = Valkey(ValkeyOptions(url=valkey.url.replace(SERVICE, "another")))
    await at_last(client.open)
    with pytest.raises(Unavailable, match="no Sentinel names a primary of another"):
        await other.open()
    valkey.sentinels[0].kill()
    assert await client.call("PING") == b"PONG", "whoever is connected needs no Sentinel"
    await client.close()
    with pytest.raises(Unavailable, match=f"no Sentinel names a primary of {SERVICE}"):
        await client.open()
    await client.close()
    await other.close()


def test_an_address_names_sentinels() -> None:
    address = parse_address("valkey+sentinel://user:p%40ss@one,[::1]:26380,10.0.0.3/home?db=2&sentinel_password=s%26t")
    assert address.sentinels is not None
    assert address.sentinels.nodes == (("one", 26379), ("::1", 26380), ("10.0.0.3", 26379))
    assert (address.sentinels.service, address.sentinels.username, address.sentinels.password) == ("home", None, "s&t")
    assert (address.username, address.password, address.database) == ("user", "p@ss", 2)
    assert repr(address) == "Address(home, by Sentinel)"
    plain = parse_address("redis+sentinel://one:7000").sentinels
    assert plain is not None
    assert (plain.nodes, plain.service) == ((("one", 7000),), "mymaster")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("valkey+sentinel://", "names no Sentinel"),
        ("valkey+sentinel:///mymaster", "names no Sentinel"),
        ("valkey+sentinel://one,,two", "not a host and a port"),
        ("valkey+sentinel://one:port", "not a host and a port"),
        ("valkey+sentinel://one:99999", "not a host and a port"),
        ("valkey+sentinel://user@one", "without a password"),
        ("valkey+sentinel://one?sentinel_user=x", "without a password"),
        ("valkey+sentinel://one/a/b", "more than one service"),
        ("valkey+sentinel://one?db=x", "not a number"),
    ],
)
def test_an_address_of_sentinels_that_cannot_be_read_is_refused_with_a_sentence(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_address(url)
