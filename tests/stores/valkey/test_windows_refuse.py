"""The windows' Lua, called wrongly: it says so, and no window is other than windows are."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.ids import UserId
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.stores.valkey.keys import Keys, pack_id
from linnet.stores.valkey.scripts import window_lua
from tests.support.servers import Servers

READER = UserId(42 << 16)
_prefixes = itertools.count()

# What a script is given, and what it might be given by a caller who is wrong. Mostly right: else the first argument
# that is wrong hides the others.
_IDS = st.sampled_from([pack_id(number) for number in (1, 2, 3, 255, 1 << 48, (1 << 63) - 1)]) | st.binary(
    min_size=8, max_size=8
)
_NONSENSE = st.sampled_from([b"", b".", b"+", b"?x", b"x" * 7, b"x" * 9, b"x" * 17, b"x" * 40, b"nan", b"-1", b"1e999"])
_AUTHOR = pack_id(7 << 16)


def _or_not(right: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(*[right] * 12, _NONSENSE)


ENTRIES = _or_not(st.tuples(_IDS, st.sampled_from([8, 16, 24])).map(lambda of: of[0] + (_AUTHOR * 3)[: of[1]]))
SNAPSHOTS = st.lists(ENTRIES, max_size=6)
READERS = _or_not(st.just(pack_id(READER)) | st.lists(_IDS, max_size=3).map(b"".join))
LIMITS = st.tuples(_or_not(st.just(b"8")), _or_not(st.just(b"5")))
TOKENS = _or_not(st.sampled_from([b"one", b"two"]))
SECONDS = _or_not(st.just(b"1000"))
BOUNDS = _or_not(_IDS | st.just(b""))
TAILS = _or_not(st.sampled_from([b".", b"+"]))

CALLS = st.one_of(
    st.tuples(st.just("push"), st.tuples(ENTRIES, READERS, LIMITS).map(lambda of: [of[0], of[1], *of[2], b"c"])),
    st.tuples(st.just("begin"), st.tuples(TOKENS, SECONDS).map(list)),
    st.tuples(
        st.just("merge"),
        st.tuples(TOKENS, TAILS, _or_not(st.just(b"8")), SECONDS, SNAPSHOTS).map(lambda of: [*of[:4], b"", *of[4]]),
    ),
    st.tuples(st.just("drop"), READERS.map(lambda readers: [readers, b"c"])),
    st.tuples(
        st.just("change"),
        st.tuples(_or_not(st.just(_AUTHOR)), _or_not(st.sampled_from([b"u", b"-"])), BOUNDS, SECONDS).map(
            lambda of: [*of, pack_id(READER), b"c"]
        ),
    ),
    st.tuples(st.just("read"), st.tuples(BOUNDS, BOUNDS, _or_not(st.just(b"5")), SECONDS, SECONDS).map(list)),
)


class Stage:
    """One reader's window, and scripts with whatever arguments."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, Any]], Any], valkey: Valkey) -> None:
        self._run = run
        self._valkey = valkey
        self.keys = Keys(b"")

    def begin_anew(self) -> None:
        self.keys = Keys(b"wr%d:" % next(_prefixes))

    def call(self, *args: bytes | str | int) -> Any:
        async def call() -> Any:
            return await self._valkey.call(*args)

        return self._run(call())

    def script(self, name: str, arguments: list[bytes]) -> Any:
        keys = self.keys
        window = [keys.home(READER), keys.pull(READER), keys.hide(READER)]
        given = {
            "push": ([keys.nothing(0), keys.live()], [keys.prefix, *arguments]),
            "drop": ([keys.nothing(0), keys.live()], [keys.prefix, *arguments]),
            "begin": ([*window[:2], keys.older(READER)], arguments),
            "change": ([*window, keys.live(), keys.older(READER)], arguments),
        }
        of_keys, rest = given.get(name, (window, arguments))
        return self.call(b"EVAL", window_lua(name, "PUBLISH"), len(of_keys), *of_keys, *rest)

    def elements(self) -> list[bytes]:
        return list(self.call(b"LRANGE", self.keys.home(READER), 0, -1))

    def everything(self) -> list[Any]:
        kept = (self.keys.home(READER), self.keys.pull(READER), self.keys.hide(READER))
        return [self.elements(), self.call(b"GET", kept[1]), self.call(b"HGETALL", kept[2])]


@pytest.fixture(scope="module")
def stage(servers: Servers) -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        valkey = Valkey(ValkeyOptions(servers.valkey_url))
        runner.run(valkey.open())
        yield Stage(runner.run, valkey)
        runner.run(valkey.close())


def assert_a_window(elements: list[bytes]) -> None:
    """None, one that is being built, or one that is whole."""
    is_building = bool(elements) and elements[0].startswith(b"?") and len(elements[0]) < 16
    inner = elements[1:] if is_building else elements
    if inner and len(inner[-1]) < 16:
        assert inner.pop() in (b".", b"+")
    else:
        assert is_building or not elements, "a window that is whole has a tail"
    assert all(len(entry) in (16, 24, 32) for entry in inner)
    ids = [entry[:8] for entry in inner]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) <= 8


@given(st.lists(CALLS, max_size=12))
def test_no_call_however_wrong_makes_a_window_that_is_none(stage: Stage, calls: list[tuple[str, list[bytes]]]) -> None:
    stage.begin_anew()
    for name, arguments in calls:
        before = stage.everything()
        try:
            stage.script(name, arguments)
        except ValkeyReplyError as refused:
            if "malformed" not in refused.reply:
                raise
            assert stage.everything() == before, f"{name} had begun"
        assert_a_window(stage.elements())


@pytest.mark.parametrize(
    ("name", "arguments", "what"),
    [
        ("push", [b"x" * 15, pack_id(READER), b"8", b"5", b"c"], "entry"),
        ("push", [b"x" * 20, pack_id(READER), b"8", b"5", b"c"], "entry"),
        ("push", [b"x" * 16, b"x" * 9, b"8", b"5", b"c"], "readers"),
        ("push", [b"x" * 16, pack_id(READER), b"5", b"8", b"c"], "limits"),
        ("push", [b"x" * 16, pack_id(READER), b"many", b"8", b"c"], "limits"),
        ("begin", [b"x" * 15, b"10"], "token"),
        ("begin", [b"x", b"soon"], "seconds"),
        ("merge", [b"one", b"!", b"8", b"1000", b""], "tail"),
        ("merge", [b"one", b".", b"0", b"1000", b""], "limits"),
        ("merge", [b"one", b".", b"8", b"1000", b"", b"x" * 15], "entry"),
        ("merge", [b"one", b".", b"8", b"1000", b"", b"a" * 16, b"b" * 16], "order"),
        ("merge", [b"one", b".", b"8", b"1000", b"", b"a" * 16, b"a" * 24], "order"),
        ("drop", [b"x" * 12, b"c"], "readers"),
        ("change", [b"x", b"u", pack_id(1), b"1000", pack_id(READER), b"c"], "ids"),
        ("change", [_AUTHOR, b"?", pack_id(1), b"1000", pack_id(READER), b"c"], "reason"),
        ("read", [b"x", b"", b"5", b"10", b"9"], "bounds"),
        ("read", [b"", b"", b"0", b"10", b"9"], "numbers"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    stage: Stage, name: str, arguments: list[bytes], what: str
) -> None:
    stage.begin_anew()
    stage.script("begin", [b"one", b"1000"])
    stage.script("push", [pack_id(9) + _AUTHOR, pack_id(READER), b"8", b"5", b"c"])
    before = stage.everything()
    with pytest.raises(ValkeyReplyError, match=f"malformed {what}"):
        stage.script(name, arguments)
    assert stage.everything() == before
