"""Marks: they hold everything from their floor up, and a load that a change came between is thrown away."""

import itertools
from collections.abc import AsyncIterator

import pytest

from linnet.ids import MAX_ID, UserId
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.keys import Keys
from linnet.stores.valkey.marks import LIKED, RETWEETED, Marks, MarkStore
from tests.support.servers import Servers

VIEWER, OTHER = UserId(7 << 16), UserId(8 << 16)
_numbers = itertools.count()


@pytest.fixture
async def valkey(servers: Servers) -> AsyncIterator[Valkey]:
    valkey = Valkey(ValkeyOptions(servers.valkey_url))
    await valkey.open()
    yield valkey
    await valkey.close()


@pytest.fixture
def keys() -> Keys:
    return Keys(b"test_marks%d:" % next(_numbers))


@pytest.fixture
def marks(valkey: Valkey, keys: Keys) -> MarkStore:
    return MarkStore(valkey, keys)


async def read(marks: MarkStore, *tweet_ids: int, viewer: UserId = VIEWER) -> Marks:
    return MarkStore.read(tweet_ids, await marks.ask(viewer, tweet_ids))


def liked(tweet_id: int) -> Marks:
    """This tweet and no other."""
    return Marks({tweet_id: LIKED})


async def test_before_they_are_loaded_nothing_is_known(marks: MarkStore) -> None:
    found = await read(marks, 1, MAX_ID)
    assert not found.loaded
    assert found.retweeted_floor > MAX_ID, "every tweet lies below the floor"
    assert found.liked_floor > MAX_ID
    assert found.by_tweet == {}


async def test_what_was_loaded_is_known_from_the_floors_up(marks: MarkStore) -> None:
    done = {5: RETWEETED, 1 << 40: RETWEETED | LIKED, MAX_ID: LIKED}
    assert await marks.begin(VIEWER, b"12345678")
    assert not (await read(marks, 5)).loaded, "not while they are being loaded"
    assert await marks.finish(VIEWER, b"12345678", Marks(done, retweeted_floor=5, liked_floor=MAX_ID))
    found = await read(marks, 4, 5, 6, 1 << 40, MAX_ID)
    assert found == Marks(done, retweeted_floor=5, liked_floor=MAX_ID)
    assert await read(marks, 5) == Marks({5: RETWEETED}, retweeted_floor=5, liked_floor=MAX_ID)
    assert not (await read(marks, 5, viewer=OTHER)).loaded


async def test_nothing_marked_at_all_is_something_known(marks: MarkStore) -> None:
    assert await marks.begin(VIEWER, b"12345678")
    assert await marks.finish(VIEWER, b"12345678", Marks({}))
    assert await read(marks, 1, 2) == Marks({}, 0, 0, loaded=True)
    assert (await read(marks)).loaded


async def test_two_thousand_marks_are_loaded_at_once(marks: MarkStore) -> None:
    assert await marks.begin(VIEWER, b"12345678")
    done = {number: 1 + number % 3 for number in range(1, 2001)}
    assert await marks.finish(VIEWER, b"12345678", Marks(done, 1, 1))
    assert (await read(marks, *range(1, 2003))).by_tweet == done


async def test_one_load_at_a_time(marks: MarkStore) -> None:
    assert await marks.begin(VIEWER, b"first111")
    assert not await marks.begin(VIEWER, b"second22")
    assert not await marks.finish(VIEWER, b"second22", liked(1))
    assert await marks.finish(VIEWER, b"first111", liked(2))
    assert not await marks.begin(VIEWER, b"third333"), "they are there"
    assert (await read(marks, 1, 2)).by_tweet == {2: LIKED}


async def test_a_change_during_a_load_throws_the_load_away(marks: MarkStore) -> None:
    assert await marks.begin(VIEWER, b"first111")
    await marks.drop([VIEWER, OTHER])
    assert not await marks.finish(VIEWER, b"first111", liked(1))
    assert not (await read(marks, 1)).loaded
    assert await marks.begin(VIEWER, b"second22")
    await marks.drop([VIEWER])
    assert await marks.begin(VIEWER, b"third333")
    assert not await marks.finish(VIEWER, b"second22", liked(1)), "another load is under way by now"
    assert await marks.finish(VIEWER, b"third333", liked(3))
    assert (await read(marks, 1, 3)).by_tweet == {3: LIKED}


async def test_a_load_that_dies_ends_by_itself(marks: MarkStore, valkey: Valkey, keys: Keys) -> None:
    assert await marks.begin(VIEWER, b"12345678")
    assert 0 < await valkey.call(b"TTL", keys.marks(VIEWER)) <= 30
    await valkey.call(b"EXPIRE", keys.marks(VIEWER), 5)
    assert not await marks.begin(VIEWER, b"87654321")
    assert await valkey.call(b"TTL", keys.marks(VIEWER)) <= 5, "who comes in vain does not keep it alive"
    assert await marks.finish(VIEWER, b"12345678", Marks({}))
    assert await valkey.call(b"TTL", keys.marks(VIEWER)) > 3600
