"""The shared cache: an older value never replaces a newer one, in whichever order writers and readers meet."""

import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.ids import MAX_ID
from linnet.stores.valkey.cache import GONE, Cache, CacheOptions
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from tests.support.servers import Servers

_numbers = itertools.count()


def fresh_key() -> bytes:
    return b"test_cache:%d" % next(_numbers)


@pytest.fixture
async def valkey(servers: Servers) -> AsyncIterator[Valkey]:
    valkey = Valkey(ValkeyOptions(servers.valkey_url))
    await valkey.open()
    yield valkey
    await valkey.close()


@pytest.fixture
def cache(valkey: Valkey) -> Cache:
    return Cache(valkey, CacheOptions(seconds_to_live=60))


async def value_of(cache: Cache, key: bytes) -> bytes | None:
    [value] = Cache.read(await cache.ask([key]))
    return value


async def test_a_value_comes_back_and_nothing_is_known_of_others(cache: Cache) -> None:
    key, other = fresh_key(), fresh_key()
    await cache.put([(key, 1, b"value")])
    assert Cache.read(await cache.ask([other, key])) == [None, b"value"]


async def test_an_older_value_never_replaces_a_newer_one(cache: Cache) -> None:
    key = fresh_key()
    await cache.put([(key, 5, b"newer")])
    await cache.put([(key, 4, b"older")])
    assert await value_of(cache, key) == b"newer"
    await cache.put([(key, 5, b"the same, again")])
    assert await value_of(cache, key) == b"the same, again"


async def test_a_row_about_to_change_is_filled_in_only_by_who_has_read_the_change(cache: Cache) -> None:
    key = fresh_key()
    await cache.put([(key, 1, b"before")])
    await cache.put_stale([(key, 2)])
    assert await value_of(cache, key) is None
    await cache.put([(key, 1, b"before")])
    assert await value_of(cache, key) is None, "a reader that was slow"
    await cache.put([(key, 2, b"after")])
    assert await value_of(cache, key) == b"after"
    await cache.put_stale([(key, 2)])
    assert await value_of(cache, key) is None, "a batch that is applied again: the truth is asked once more"


async def test_a_row_that_is_gone_stays_gone(cache: Cache) -> None:
    key = fresh_key()
    await cache.put([(key, 1, b"there")])
    await cache.put_gone([key])
    assert await value_of(cache, key) == GONE
    await cache.put([(key, 2, b"there")])
    await cache.put_stale([(key, MAX_ID - 1)])
    assert await value_of(cache, key) == GONE


async def test_values_end_by_themselves(cache: Cache, valkey: Valkey) -> None:
    keys = [fresh_key() for _ in range(3)]
    await cache.put([(keys[0], 1, b"value")])
    await cache.put_stale([(keys[1], 1)])
    await cache.put_gone([keys[2]])
    for key in keys:
        assert 0 < await valkey.call(b"TTL", key) <= 60


async def test_more_than_a_hundred_values_are_put_and_none_is_nothing(cache: Cache) -> None:
    values = [(fresh_key(), 1, b"%d" % number) for number in range(250)]
    await cache.put(values)
    assert Cache.read(await cache.ask([key for key, _, _ in values])) == [value for _, _, value in values]
    await cache.put([])
    await cache.put_stale([])
    await cache.put_gone([])


# Versions differ in their first bytes, in the last two, and beyond what a double can hold.
versions = st.sampled_from([1, 2, 0xFFFF, 0x10000, 0x10001, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, MAX_ID - 1])
writes = st.lists(st.tuples(versions, st.sampled_from(["value", "stale", "gone"])), min_size=1, max_size=12)


@given(history=writes)
async def test_the_newest_version_wins_in_any_order(cache: Cache, history: list[tuple[int, str]]) -> None:
    key = fresh_key()
    newest, expected = 0, None
    for number, (version, kind) in enumerate(history):
        if kind == "gone":
            await cache.put_gone([key])
            newest, expected = MAX_ID, GONE
        elif version >= newest:
            newest, expected = version, b"%d" % number if kind == "value" else None
        if kind == "value":
            await cache.put([(key, version, b"%d" % number)])
        elif kind == "stale":
            await cache.put_stale([(key, version)])
        assert await value_of(cache, key) == expected
