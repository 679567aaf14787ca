"""The windows' Lua, against a model in plain Python.

The model knows nothing of lists and trimming. It keeps what a window may know (the snapshot it was built from, and what
was pushed since its marker was set) and checks what ``lua/window.lua`` promises: strictly descending, no more than the
limit, and nothing missing from the tail up.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from linnet.domain.timeline import Entry, Range, pack_entry, unpack_entry
from linnet.ids import MAX_ID, TweetId, UserId
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.keys import BUCKETS, Keys, bucket_of, pack_id
from linnet.stores.valkey.marks import LIKED, RETWEETED, Marks, MarkStore
from linnet.stores.valkey.windows import WindowOptions, WindowPage, Windows
from tests.support.servers import Servers

_prefixes = itertools.count()
OPTIONS = WindowOptions(max_entries=8, slack=3)
READER = UserId(42 << 16)

# Ids differ in their first bytes, in their last two, or in the last bit alone; some are beyond what a double can hold.
_highs = st.sampled_from([0, 1, 2, 255, (1 << 37) - 1, 1 << 37, (1 << 46) + 1, (1 << 47) - 1])
_lows = st.sampled_from([0, 1, 2, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF])
ids = st.builds(lambda high, low: high << 16 | low, _highs, _lows).filter(bool) | st.integers(1, MAX_ID)
authors = st.integers(1, 4).map(lambda number: UserId(number << 16))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """A tweet, a reply or a retweet; the same id is always the same entry."""
    tweet_id = TweetId(draw(ids))
    author_id, related_id = UserId(tweet_id % 5 + 1 << 16), UserId(tweet_id % 3 + 2 << 16)
    kind = tweet_id % 7
    if kind == 1:
        return Entry(tweet_id, author_id, related_id)
    if kind == 2:
        return Entry(tweet_id, author_id, related_id, TweetId(max(1, tweet_id // 2)))
    return Entry(tweet_id, author_id)


class Stores:
    """A Valkey for tests that are not coroutines themselves, because hypothesis calls them many times."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any], valkey: Valkey) -> None:
        self.run = run
        self.valkey = valkey

    def keys(self) -> Keys:
        return Keys(b"tw%d:" % next(_prefixes))

    def call(self, *args: bytes | str | int) -> Any:
        async def call() -> Any:
            return await self.valkey.call(*args)

        return self.run(call())

    def flush(self, keys: Keys) -> None:
        if found := self.call(b"KEYS", keys.prefix + b"*"):
            self.call(b"UNLINK", *found)


@pytest.fixture(scope="module")
def stores(servers: Servers) -> Iterator[Stores]:
    with asyncio.Runner() as runner:
        valkey = Valkey(ValkeyOptions(servers.valkey_url))
        runner.run(valkey.open())
        yield Stores(runner.run, valkey)
        runner.run(valkey.close())


class Bench:
    """One reader's window, synchronously."""

    def __init__(self, stores: Stores, options: WindowOptions = OPTIONS) -> None:
        self.stores = stores
        self.keys = stores.keys()
        self.windows = Windows(stores.valkey, self.keys, options)

    def push(self, entry: Entry, *readers: UserId) -> int:
        async def push() -> int:
            packed = b"".join(map(pack_id, readers or (READER,)))
            return sum([await call for call in self.windows.push(entry, packed)])

        return int(self.stores.run(push()))

    def drop(self, *readers: UserId) -> int:
        async def drop() -> int:
            return sum([await call for call in self.windows.drop(b"".join(map(pack_id, readers or (READER,))))])

        return int(self.stores.run(drop()))

    def begin(self, token: bytes, reader: UserId = READER) -> bool:
        return bool(self.stores.run(self.windows.begin(reader, token)))

    def merge(
        self,
        token: bytes,
        snapshot: list[Entry],
        *,
        complete: bool = True,
        pulled: frozenset[UserId] = frozenset(),
        reader: UserId = READER,
    ) -> bool:
        return bool(self.stores.run(self.windows.merge(reader, token, snapshot, complete=complete, pulled=pulled)))

    def build(self, snapshot: list[Entry], *, complete: bool = True, reader: UserId = READER) -> None:
        assert self.begin(b"building", reader)
        assert self.merge(b"building", snapshot, complete=complete, reader=reader)

    def read(self, wanted: Range, reader: UserId = READER) -> Any:
        return self.stores.run(self.windows.read(reader, wanted))

    def change(self, author: UserId, change_id: int, *, shown: bool) -> bool:
        async def change() -> int:
            return await self.windows.change(READER, author, shown=shown, change_id=change_id)

        return bool(self.stores.run(change()))

    def elements(self, reader: UserId = READER) -> list[bytes]:
        return list(self.stores.call(b"LRANGE", self.keys.home(reader), 0, -1))

    def seconds_to_live(self, key: bytes) -> int:
        return int(self.stores.call(b"TTL", key))

    def close(self) -> None:
        self.stores.flush(self.keys)


@pytest.fixture
def bench(stores: Stores) -> Iterator[Bench]:
    bench = Bench(stores)
    yield bench
    bench.close()


def newest_first(some: dict[int, Entry]) -> list[Entry]:
    return [some[entry_id] for entry_id in sorted(some, reverse=True)]


class Model(msgspec.Struct):
    """What a window may know. ``floor``: below it the snapshot it was built from said nothing."""

    known: dict[int, Entry]
    floor: int = 0

    def check(self, found: list[Entry], tail: bytes) -> None:
        ids = [entry.id for entry in found]
        assert ids == sorted(set(ids), reverse=True), "strictly descending"
        assert len(ids) <= OPTIONS.max_entries
        if tail == b".":
            assert found == newest_first(self.known), "a complete window holds all there is"
            return
        assert tail == b"+"
        assert found, "a window that is not complete has at least the entry below which the truth goes on"
        assert found == [entry for entry in newest_first(self.known) if entry.id >= ids[-1]], "contiguous"
        contiguous = [entry_id for entry_id in self.known if entry_id >= self.floor]
        assert len(ids) >= min(OPTIONS.kept_entries, len(contiguous)), "not cut further than needed"
        if self.floor == 0:
            assert len(self.known) > len(ids), "cut although all fitted"


class WindowMachine(RuleBasedStateMachine):
    """Everything that can happen to a window, in any order."""

    stores: Stores

    @initialize()
    def set_up(self) -> None:
        self.bench = Bench(self.stores)
        self.tokens = itertools.count()
        # What is committed, whoever pushed it or not: a snapshot is all of it, or its newest part.
        self.truth: dict[int, Entry] = {}
        self.token: bytes | None = None
        self.snapshot: list[Entry] | None = None
        self.building: Model | None = None
        self.window: Model | None = None
        self.noted: dict[UserId, tuple[int, bool]] = {}

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.close()

    def gone(self) -> None:
        self.building = self.window = None

    @rule(entry=entries())
    def commit_and_push(self, entry: Entry) -> None:
        self.truth[entry.id] = entry
        model = self.building or self.window
        was_known = model is not None and entry in self.found()
        taken = self.bench.push(entry)
        if model is None:
            assert taken == 0, "nobody has a window"
        elif was_known:
            assert taken == 0, "a double is not taken"
        if model is not None:
            model.known[entry.id] = entry

    @rule(many=st.lists(entries(), min_size=5, max_size=20))
    def commit_and_push_many(self, many: list[Entry]) -> None:
        for entry in many:
            self.commit_and_push(entry)

    @rule(entry=entries())
    def commit_what_another_lane_pushes_later(self, entry: Entry) -> None:
        # Only what no snapshot has: committed before the marker and not pushed yet, it is in the snapshot.
        if self.building is None and self.window is None:
            self.truth[entry.id] = entry

    @precondition(lambda self: self.truth)
    @rule(data=st.data())
    def push_twice(self, data: st.DataObject) -> None:
        self.commit_and_push(self.truth[data.draw(st.sampled_from(sorted(self.truth)))])

    @rule()
    def begin(self) -> None:
        token = b"token%03d" % next(self.tokens)
        began = self.bench.begin(token)
        assert began == (self.building is None and self.window is None)
        if began:
            self.token, self.building, self.snapshot = token, Model({}), None

    @precondition(lambda self: self.building is not None)
    @rule()
    def take_snapshot(self) -> None:
        self.snapshot = newest_first(self.truth)[: OPTIONS.max_entries]

    @precondition(lambda self: self.token is not None and self.snapshot is not None)
    @rule()
    def merge(self) -> None:
        assert self.snapshot is not None
        assert self.token is not None
        complete = len(self.snapshot) < OPTIONS.max_entries
        merged = self.bench.merge(self.token, self.snapshot, complete=complete)
        assert merged == (self.building is not None), "the merge counts only while its marker is there"
        if self.building is not None:
            known = self.building.known | {entry.id: entry for entry in self.snapshot}
            self.window = Model(known, 0 if complete else self.snapshot[-1].id)
            self.building = None
        self.token = None

    @rule(token=st.binary(min_size=8, max_size=8))
    def merge_with_a_strange_token(self, token: bytes) -> None:
        before = self.bench.elements()
        if not self.bench.merge(token, []):
            assert self.bench.elements() == before
            return
        raise AssertionError("a merge without its marker")

    @rule()
    def drop(self) -> None:
        was_there = self.building is not None or self.window is not None
        assert self.bench.drop() == was_there
        self.gone()

    @rule(author=authors, shown=st.booleans(), change_id=st.integers(1, 30).map(lambda number: number << 60 - 16))
    def change(self, author: UserId, shown: bool, change_id: int) -> None:
        later = author not in self.noted or change_id > self.noted[author][0]
        assert self.bench.change(author, change_id, shown=shown) == later, "a note is never undone by an older change"
        if later:
            self.noted[author] = (change_id, shown)
            self.gone()

    @precondition(lambda self: self.window is not None)
    @rule(
        before=st.just(MAX_ID) | ids,
        after=st.just(0) | ids,
        limit=st.integers(1, 10),
    )
    def read(self, before: int, after: int, limit: int) -> None:
        *found, tail = self.bench.elements()
        window = [unpack_entry(packed) for packed in found]
        page = self.bench.read(Range(limit, before, after))
        if after and before == MAX_ID:
            above = [entry for entry in window if entry.id > after]
            if len(above) == len(window) and tail == b"+":
                assert page == "below"
                return
            expected, ends = above[-limit:], None
        else:
            below = window if before == MAX_ID else [entry for entry in window if entry.id < before]
            expected, ends = below[: limit + 1], None
            if len(below) <= limit:
                ends = "complete" if tail == b"." else "older"
        assert isinstance(page, WindowPage)
        assert page.entries == expected
        assert page.ends == ends
        hidden = {author for author, (_, shown) in self.noted.items() if not shown}
        mentioned = {entry.author_id for entry in expected} | {entry.related_author_id for entry in expected}
        assert page.hidden == hidden & mentioned, "those on the page who are hidden, and nobody else"

    def found(self) -> list[Entry]:
        return [unpack_entry(element) for element in self.bench.elements() if len(element) >= 16]

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "bench"):
            return
        elements = self.bench.elements()
        if self.window is not None:
            self.window.check([unpack_entry(packed) for packed in elements[:-1]], elements[-1])
        elif self.building is not None:
            assert self.token is not None
            assert elements[0] == b"?" + self.token
            assert self.bench.read(Range(3)) == "building"
            ids = [entry.id for entry in self.found()]
            assert ids == sorted(set(ids), reverse=True)
            assert len(ids) <= OPTIONS.max_entries + 1
            if elements[-1] != b"+":
                assert set(ids) == set(self.building.known)
        else:
            assert self.bench.read(Range(3)) == "missing"


def test_a_window_is_right_whatever_happens_to_it(stores: Stores) -> None:
    class Machine(WindowMachine):
        pass

    Machine.stores = stores
    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=60, stateful_step_count=40, report_multiple_bugs=False),
    )


@pytest.fixture
def roomy(stores: Stores) -> Iterator[Bench]:
    """With the numbers of a real installation."""
    bench = Bench(stores, WindowOptions())
    yield bench
    bench.close()


def entry_at(number: int) -> Entry:
    return Entry(TweetId(number << 16), UserId(1))


def test_a_push_finds_every_readers_window_by_the_same_bucket(bench: Bench) -> None:
    @settings(max_examples=40)
    @given(readers=st.lists(st.integers(1, MAX_ID).map(UserId), min_size=1, max_size=25, unique=True))
    def check(readers: list[UserId]) -> None:
        for reader in readers:
            bench.build([], reader=reader)
        assert bench.push(entry_at(7), *readers) == len(readers)
        assert bench.drop(*readers) == len(readers)

    check()


def test_buckets_are_used_evenly() -> None:
    # Ids of one process differ in their milliseconds; those of one millisecond in their last bits.
    over_time = Counter(bucket_of((1_700_000_000_000 + number * 37) << 16) for number in range(BUCKETS * 64))
    in_a_burst = Counter(
        bucket_of(1_700_000_000_000 + number // 64 << 16 | number % 64) for number in range(BUCKETS * 64)
    )
    for used in (over_time, in_a_burst):
        assert len(used) == BUCKETS
        assert max(used.values()) < 2 * 64


def test_a_push_reaches_thousands_of_readers_and_creates_no_window(bench: Bench) -> None:
    readers = [UserId(number << 16 | 5) for number in range(1, 1301)]
    with_window = readers[::3]
    for reader in with_window:
        bench.build([], reader=reader)
    assert bench.push(entry_at(9), *readers) == len(with_window)
    for reader in readers[:300]:
        assert bench.elements(reader) == ([pack_entry(entry_at(9)), b"."] if reader in with_window else [])
    assert bench.stores.run(bench.windows.fetch_live(readers)) == with_window
    assert bench.drop(*readers) == len(with_window)
    assert bench.stores.call(b"KEYS", bench.keys.prefix + b"*") == []


def test_a_reader_named_twice_takes_an_entry_once(bench: Bench) -> None:
    bench.build([entry_at(3)])
    assert bench.push(entry_at(5), READER, READER) == 1
    assert bench.push(entry_at(4), READER, READER) == 1
    assert bench.elements() == [*map(pack_entry, map(entry_at, (5, 4, 3))), b"."]


def test_windows_with_different_newest_entries_each_take_their_own_in_place(bench: Bench) -> None:
    readers = [UserId(number << 16) for number in range(1, 60)]
    for number, reader in enumerate(readers):
        bench.build([entry_at(2 * (number % 6) + 1)] if number % 7 else [], reader=reader)
    assert bench.push(entry_at(6), *readers) == len(readers)
    for number, reader in enumerate(readers):
        numbers = sorted({6, 2 * (number % 6) + 1} if number % 7 else {6}, reverse=True)
        assert bench.elements(reader) == [*map(pack_entry, map(entry_at, numbers)), b"."]


def test_an_empty_timeline_is_a_window_and_not_a_missing_one(bench: Bench) -> None:
    bench.build([])
    assert bench.read(Range(15)) == WindowPage([], frozenset(), frozenset(), "complete")
    assert bench.read(Range(15, after=5)) == WindowPage([], frozenset(), frozenset(), None)
    assert not bench.begin(b"other")
    assert bench.push(entry_at(1)) == 1
    assert bench.read(Range(15)).entries == [entry_at(1)]


def test_a_window_holds_800_entries_and_every_page_of_it_is_found(roomy: Bench) -> None:
    roomy.build([entry_at(number) for number in range(800, 0, -1)], complete=False)
    assert roomy.read(Range(900)).ends == "older"
    for before in (801, 800, 799, 500, 33, 2, 1):
        page = roomy.read(Range(15, before=before << 16))
        assert [entry.id >> 16 for entry in page.entries] == [*range(before - 1, max(0, before - 17), -1)]
        assert page.ends == ("older" if before <= 16 else None)
    for after in (800, 799, 785, 400, 1):
        page = roomy.read(Range(15, after=after << 16))
        assert [entry.id >> 16 for entry in page.entries] == [*range(min(800, after + 15), after, -1)]
    assert roomy.read(Range(15, after=(1 << 16) - 1)) == "below", "what follows above it may lie in the truth"


def test_a_window_that_overflows_is_cut_at_its_old_end_and_says_so(roomy: Bench) -> None:
    roomy.build([entry_at(number) for number in range(799, 0, -1)])
    assert roomy.push(entry_at(800)) == 1
    assert roomy.read(Range(900)).ends == "complete"
    assert roomy.push(entry_at(801)) == 1
    page = roomy.read(Range(900))
    assert [entry.id >> 16 for entry in page.entries] == [*range(801, 801 - 768, -1)]
    assert page.ends == "older"
    assert roomy.push(entry_at(5)) == 0, "older than the tail: the truth has it"


def test_what_only_the_snapshot_knows_survives_more_pushes_than_a_window_holds(bench: Bench) -> None:
    # Another lane was quicker with entry 50; the lane that lags pushes what is older, more than fits.
    assert bench.begin(b"building")
    for number in range(1, 20):
        bench.push(entry_at(number))
    assert bench.merge(b"building", [entry_at(50), *map(entry_at, range(10, 0, -1))])
    assert [unpack_entry(packed).id >> 16 for packed in bench.elements()[:-1]][:2] == [50, 19]


@pytest.mark.parametrize("snapshot", [[], [19], [19, 18, 17, 16, 15]])
def test_a_window_that_overflowed_while_it_was_built_does_not_claim_to_be_complete(
    bench: Bench, snapshot: list[int]
) -> None:
    assert bench.begin(b"building")
    for number in range(1, 20):
        bench.push(entry_at(number))
    assert bench.merge(b"building", [*map(entry_at, snapshot)])
    *found, tail = bench.elements()
    assert tail == b"+"
    numbers = [unpack_entry(packed).id >> 16 for packed in found]
    assert numbers == [*range(19, numbers[-1] - 1, -1)]
    assert len(numbers) >= OPTIONS.kept_entries


def test_a_read_keeps_a_window_alive_but_does_not_write_each_time(bench: Bench) -> None:
    home, pull, hide = (key(READER) for key in (bench.keys.home, bench.keys.pull, bench.keys.hide))
    bench.change(UserId(5), 1, shown=False)
    bench.build([entry_at(1)])
    day = 86400
    assert bench.seconds_to_live(home) == bench.seconds_to_live(pull) == 14 * day
    assert bench.seconds_to_live(hide) == 15 * day, "notes outlive the window"
    for key in (home, pull, hide):
        bench.stores.call(b"EXPIRE", key, 13 * day + 50)
    bench.read(Range(15))
    assert bench.seconds_to_live(home) == 13 * day + 50, "renewed at most once a day"
    for key in (home, pull, hide):
        bench.stores.call(b"EXPIRE", key, 13 * day - 50)
    bench.read(Range(15))
    assert bench.seconds_to_live(home) == bench.seconds_to_live(pull) == 14 * day
    assert bench.seconds_to_live(hide) == 15 * day


def test_pushes_do_not_keep_a_window_alive(bench: Bench) -> None:
    bench.build([entry_at(1)])
    bench.stores.call(b"EXPIRE", bench.keys.home(READER), 100)
    bench.push(entry_at(2))
    bench.push(entry_at(1))
    assert bench.seconds_to_live(bench.keys.home(READER)) <= 100


def test_a_builder_that_dies_leaves_a_marker_that_ends_by_itself(bench: Bench) -> None:
    assert bench.begin(b"dies")
    bench.push(entry_at(1))
    assert 0 < bench.seconds_to_live(bench.keys.home(READER)) <= 30
    assert not bench.begin(b"other")
    assert bench.read(Range(15)) == "building"


def test_a_window_without_its_pull_set_counts_as_missing(bench: Bench) -> None:
    bench.build([entry_at(1)])
    bench.stores.call(b"UNLINK", bench.keys.pull(READER))
    assert bench.read(Range(15)) == "missing"
    assert bench.begin(b"again")
    assert bench.elements() == [b"?again"], "nothing of the old one stays"


def test_the_pull_set_comes_with_each_page(bench: Bench) -> None:
    pulled = frozenset({UserId(1), UserId(MAX_ID), UserId(300 << 16)})
    assert bench.begin(b"building")
    assert bench.merge(b"building", [entry_at(1)], pulled=pulled)
    assert bench.read(Range(15)).pulled == pulled


def test_hidden_authors_are_named_wherever_they_stand_in_an_entry(bench: Bench) -> None:
    wrote, was_answered, was_retweeted = UserId(11), UserId(12), UserId(13)
    for number, author in enumerate((wrote, was_answered, was_retweeted, UserId(14))):
        bench.change(author, number + 1, shown=False)
    bench.change(UserId(15), 9, shown=False)
    bench.change(UserId(15), 10, shown=True)
    bench.build(
        [
            Entry(TweetId(4 << 16), UserId(15)),
            Entry(TweetId(3 << 16), UserId(2), was_retweeted, TweetId(9)),
            Entry(TweetId(2 << 16), UserId(2), was_answered),
            Entry(TweetId(1 << 16), wrote),
        ]
    )
    assert bench.read(Range(15)).hidden == {wrote, was_answered, was_retweeted}
    assert bench.read(Range(1)).hidden == {was_retweeted}, "the page and one more, to see how it goes on"


def test_two_installations_on_one_valkey_do_not_meet(stores: Stores) -> None:
    one, other = Bench(stores), Bench(stores)
    one.build([])
    other.build([])
    assert one.push(entry_at(1)) == 1
    assert other.elements() == [b"."]
    one.drop()
    assert other.elements() == [b"."]
    other.close()


# Marks that come with a page


def plain(tweet_id: int) -> Entry:
    return Entry(TweetId(tweet_id), UserId(3))


def test_marks_come_with_a_page_as_far_as_they_are_known(bench: Bench) -> None:
    marks = MarkStore(bench.stores.valkey, bench.keys)
    shown = [plain(40), Entry(TweetId(30), UserId(3), UserId(9), TweetId(7)), plain(20), plain(10)]
    bench.build(shown)

    def known(wanted: Range, *others: int) -> dict[int, int]:
        page = bench.stores.run(bench.windows.read(READER, wanted, marks_of=others))
        return dict(page.marks)

    assert known(Range(4)) == {}, "they were never loaded"
    assert bench.stores.run(marks.begin(READER, b"12345678"))
    assert known(Range(4), 99) == {}, "they are being loaded"
    done = {7: RETWEETED, 20: LIKED, 30: LIKED, 99: LIKED | RETWEETED}
    assert bench.stores.run(marks.finish(READER, b"12345678", Marks(done)))
    # A retweet's are those of the tweet it shows, 7, and not of its own id.
    assert known(Range(4)) == {40: 0, 7: RETWEETED, 20: LIKED, 10: 0}
    assert known(Range(2), 99, 98) == {40: 0, 7: RETWEETED, 20: LIKED, 99: LIKED | RETWEETED, 98: 0}
    assert known(Range(2, before=20), 20) == {10: 0, 20: LIKED}
    assert known(Range(2, after=20), 99) == {40: 0, 7: RETWEETED, 99: LIKED | RETWEETED}
    assert bench.read(Range(4)).marks == {}, "nobody asked"


def test_marks_below_a_floor_are_not_known(bench: Bench) -> None:
    marks = MarkStore(bench.stores.valkey, bench.keys)
    bench.build([plain(40), plain(30), plain(20), plain(10)])
    assert bench.stores.run(marks.begin(READER, b"12345678"))
    loaded = Marks({40: LIKED, 10: RETWEETED}, retweeted_floor=10, liked_floor=30)
    assert bench.stores.run(marks.finish(READER, b"12345678", loaded))
    page = bench.stores.run(bench.windows.read(READER, Range(4), marks_of=[5, 50]))
    assert page.marks == {40: LIKED, 30: 0, 50: 0}
    below = bench.stores.run(bench.windows.read(READER, Range(4, before=10), marks_of=[]))
    assert (below.entries, below.marks) == ([], {}), "a page without tweets has none"
    bench.stores.run(marks.drop([READER]))
    assert bench.stores.run(bench.windows.read(READER, Range(4), marks_of=[50])).marks == {}
