"""What is kept of the part below a window: pages of it are what was put, and every change throws it away."""

import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.domain.timeline import Entry, Range
from linnet.ids import TweetId, UserId
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.older import OlderPart, OlderParts, pack_older
from linnet.stores.valkey.traces import Traces
from linnet.stores.valkey.windows import WindowOptions, Windows
from tests.support.servers import Servers

READER, AUTHOR = UserId(7 << 16), UserId(8 << 16)
TOKEN = b"12345678"
_numbers = itertools.count()


@pytest.fixture
async def valkey(servers: Servers) -> AsyncIterator[Valkey]:
    valkey = Valkey(ValkeyOptions(servers.valkey_url))
    await valkey.open()
    yield valkey
    await valkey.close()


@pytest.fixture
def keys() -> Keys:
    return Keys(b"test_older%d:" % next(_numbers))


@pytest.fixture
def older(valkey: Valkey, keys: Keys) -> OlderParts:
    return OlderParts(valkey, keys)


@pytest.fixture
def windows(valkey: Valkey, keys: Keys) -> Windows:
    return Windows(valkey, keys, WindowOptions(max_entries=4, slack=0))


def entry(number: int) -> Entry:
    """A tweet, a reply or a retweet."""
    kinds = (Entry(TweetId(number), AUTHOR), Entry(TweetId(number), AUTHOR, READER))
    return (*kinds, Entry(TweetId(number), AUTHOR, READER, TweetId(max(1, number // 2))))[number % 3]


@given(
    numbers=st.sets(st.integers(1, 60), max_size=30),
    below=st.integers(1, 70),
    limit=st.integers(1, 12),
    more=st.booleans(),
)
def test_a_page_is_cut_out_of_what_was_put(numbers: set[int], below: int, limit: int, more: bool) -> None:
    entries = [entry(number) for number in sorted(numbers, reverse=True)]
    reached = min(numbers, default=1) if more else 0
    found = OlderParts.read(pack_older(61, entries, more=more, reached=reached), Range(limit, below))
    expected = [one for one in entries if one.id < below]
    if below > 61 or (more and len(expected) < limit):
        assert found is None, "it is not all there"
    elif len(expected) > limit:
        assert found == OlderPart(expected[:limit], True, expected[limit - 1].id)
    else:
        assert found == OlderPart(expected, more, reached)


def test_what_is_no_part_is_read_as_none() -> None:
    for kept in (None, b"", b"?" + TOKEN):
        assert OlderParts.read(kept, Range(15)) is None


async def kept(older: OlderParts) -> list[int] | None:
    found = OlderParts.read(await older.ask(READER), Range(3, 50))
    return None if found is None else [one.id for one in found.entries]


async def put(older: OlderParts) -> None:
    await older.begin(READER, TOKEN)
    assert await older.finish(READER, TOKEN, 50, [entry(40), entry(30), entry(20)], more=True, reached=20)
    assert await kept(older) == [40, 30, 20]


async def test_it_is_kept_for_minutes(older: OlderParts, valkey: Valkey, keys: Keys) -> None:
    assert await kept(older) is None
    await older.begin(READER, TOKEN)
    assert await kept(older) is None, "it is being read"
    assert 0 < await valkey.call(b"TTL", keys.older(READER)) <= 30
    assert not await older.finish(READER, b"another1", 50, [], more=False, reached=0)
    await put(older)
    assert 30 < await valkey.call(b"TTL", keys.older(READER)) <= 300


@pytest.mark.parametrize("what", ["drop", "change", "rebuild", "forget", "push"])
async def test_what_drops_a_window_drops_it_and_what_is_on_its_way(
    older: OlderParts, windows: Windows, valkey: Valkey, keys: Keys, what: str
) -> None:
    async def window() -> None:
        assert await windows.begin(READER, TOKEN)
        full = [Entry(TweetId(number), AUTHOR) for number in (90, 80, 70, 60)]
        assert await windows.merge(READER, TOKEN, full, complete=False, pulled=())

    numbers = itertools.count(1)

    async def happen() -> None:
        match what:
            case "drop":
                for call in windows.drop(pack_id(READER)):
                    await call
            case "change":
                assert await windows.change(READER, AUTHOR, shown=False, change_id=next(numbers))
            case "rebuild":
                await valkey.call(b"UNLINK", keys.home(READER), keys.pull(READER))
                assert await windows.begin(READER, b"anothers")
                await valkey.call(b"UNLINK", keys.home(READER))
            case "forget":
                await Traces(valkey, keys).delete_from_readers(AUTHOR)
            case _:
                # Below the window's last, and posted all the same.
                for call in windows.push(Entry(TweetId(35), AUTHOR), pack_id(READER)):
                    assert await call == 0

    await window()
    await put(older)
    await happen()
    assert await kept(older) is None
    await valkey.call(b"UNLINK", keys.home(READER), keys.pull(READER))
    await window()
    await older.begin(READER, TOKEN)
    await happen()
    assert not await older.finish(READER, TOKEN, 50, [entry(40)], more=False, reached=0)
    assert await kept(older) is None


async def test_a_push_into_the_window_leaves_it(older: OlderParts, windows: Windows) -> None:
    assert await windows.begin(READER, TOKEN)
    assert await windows.merge(READER, TOKEN, [Entry(TweetId(60), AUTHOR)], complete=True, pulled=())
    await put(older)
    for number in (70, 65, 55, 70):
        for call in windows.push(Entry(TweetId(number), AUTHOR), pack_id(READER)):
            await call
    assert await kept(older) == [40, 30, 20]
