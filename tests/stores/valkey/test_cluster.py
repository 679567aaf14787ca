"""A cluster of Valkey is used as one server is: every call of one slot, and followed wherever its slot goes."""

import ast
import asyncio
from collections.abc import AsyncIterator, Iterator
from importlib import resources
from pathlib import Path

import pytest

from linnet.clock import SystemClock
from linnet.domain.limits import login_subject
from linnet.domain.timeline import Entry, Range
from linnet.domain.user import Session
from linnet.errors import Unavailable
from linnet.ids import SessionId, TweetId, UserId, random_bytes
from linnet.stores.valkey import cluster as cluster_side
from linnet.stores.valkey import scripts, sessions
from linnet.stores.valkey.badges import Badges
from linnet.stores.valkey.cache import Cache, CacheOptions
from linnet.stores.valkey.changes import Change, publish_change, publish_wake
from linnet.stores.valkey.client import Valkey, ValkeyOptions, WrongKind
from linnet.stores.valkey.cluster import Cluster
from linnet.stores.valkey.history import Mark, drop_all_but, drop_caches, drop_marks, find_marks, set_marks, try_writing
from linnet.stores.valkey.keys import BUCKETS, Keys, bucket_of, pack_id
from linnet.stores.valkey.layout import read_layout, slot_of, slot_of_part
from linnet.stores.valkey.limits import LimitOptions, Limits
from linnet.stores.valkey.live import LiveReaders, Told, decode_told
from linnet.stores.valkey.marks import Marks, MarkStore
from linnet.stores.valkey.older import OlderParts
from linnet.stores.valkey.subscription import Subscription
from linnet.stores.valkey.traces import Traces
from linnet.stores.valkey.vitals import count_listeners, fetch_vitals, holds_keys
from linnet.stores.valkey.windows import WindowOptions, Windows
from tests.support.sentinels import PATIENCE_SECONDS, at_last, replicated_valkey
from tests.support.servers import Servers
from tests.support.valkey_cluster import ValkeyCluster, valkey_cluster

READERS = [UserId(1000 + 37 * number) for number in range(40)]
AUTHOR = UserId(7)
TOKEN = b"12345678"
SOURCE = Path(__file__).parents[3] / "src/linnet"
# Commands whose first argument is their only key.
OF_ONE_KEY = {
    "GET",
    "SET",
    "EXISTS",
    "EXPIRE",
    "HEXISTS",
    "HMGET",
    "HSETNX",
    "UNLINK",
    "ZADD",
    "ZREMRANGEBYRANK",
    "ZSCORE",
}
# Who asks each primary by itself, or is only ever given one server.
OF_SERVERS = {
    "stores/valkey/client.py",
    "stores/valkey/cluster.py",
    "stores/valkey/vitals.py",
    "stores/valkey/history.py",
}


@pytest.fixture(scope="module")
def servers_of_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    with valkey_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def valkey(servers_of_cluster: ValkeyCluster) -> AsyncIterator[Cluster]:
    cluster = Cluster(ValkeyOptions(servers_of_cluster.url, PATIENCE_SECONDS, PATIENCE_SECONDS))
    await cluster.open()
    yield cluster
    await cluster.close()


@pytest.fixture
def keys() -> Keys:
    return Keys.of_installation(b"c" + random_bytes(6).hex().encode() + b":", on_cluster=True)


async def build(windows: Windows, *readers: UserId) -> None:
    for reader in readers:
        assert await windows.begin(reader, TOKEN)
        assert await windows.merge(reader, TOKEN, [], complete=True, pulled=())


async def push(windows: Windows, tweet_id: int, *readers: UserId) -> int:
    calls = windows.push(Entry(TweetId(tweet_id), AUTHOR), b"".join(map(pack_id, readers)))
    return sum([await call for call in calls])


async def ids_in(windows: Windows, reader: UserId) -> list[int]:
    page = await windows.read(reader, Range(15))
    assert not isinstance(page, str)
    return [entry.id for entry in page.entries]


async def test_every_script_and_every_command_that_there_is_is_of_one_slot(
    valkey: Cluster, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that the stores ask is asked of a real cluster, which refuses what is of two slots."""
    sent: list[bytes] = []
    real = cluster_side._RoutedScript.call

    def note(script: cluster_side._RoutedScript, *args: object) -> asyncio.Future[object]:
        sent.append(script._by_source[1])  # type: ignore[arg-type]
        return real(script, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(cluster_side._RoutedScript, "call", note)
    clock = SystemClock()
    windows, live, marks = Windows(valkey, keys, WindowOptions()), LiveReaders(valkey, keys), MarkStore(valkey, keys)
    cache, older, traces = Cache(valkey, CacheOptions()), OlderParts(valkey, keys), Traces(valkey, keys)
    limits, badges = Limits(valkey, keys, clock, LimitOptions()), Badges(cache, keys)

    await live.enter(TOKEN, READERS, are_all=True)
    assert await live.is_entered(TOKEN, {bucket_of(reader) for reader in READERS})
    await build(windows, *READERS)
    # Nobody listens, so who pushes takes the process out.
    assert await push(windows, 1 << 20, *READERS, UserId(5)) == len(READERS)
    assert not await live.is_entered(TOKEN, [bucket_of(READERS[0])])
    await live.enter(TOKEN, READERS, are_all=True)
    assert all([await call for call in live.tell_notified(READERS)])
    await live.leave(TOKEN, READERS, were_all=True)
    page = await windows.read(READERS[0], Range(3), marks_of=[5])
    assert not isinstance(page, str)
    assert len(page.entries) == 1
    assert await windows.fetch_live([*READERS, UserId(5)]) == READERS
    assert sorted([reader async for reader in windows.scan_live(100)]) == READERS
    assert await windows.change(READERS[0], AUTHOR, shown=False, change_id=9) == 1
    await older.begin(READERS[1], TOKEN)
    assert await older.finish(READERS[1], TOKEN, 99, [], more=False, reached=0)
    assert await older.ask(READERS[1])

    rows = [
        (key(number), number, b"row") for number in range(1, 120) for key in (keys.tweet, keys.profile, keys.author)
    ]
    await cache.put(rows)
    await cache.put_stale([(key, 500, b"")[:2] for key, _, _ in rows[:9]])
    await cache.put_gone([keys.tweet(5000), keys.tweet(5001)])
    found = cache.read(await cache.ask([keys.tweet(5000), *(key for key, _, _ in rows), keys.tweet(6000)]))
    assert found == [b"", *[None] * 9, *[b"row"] * (len(rows) - 9), None]
    await badges.put(READERS[0], version=3, count=4)
    assert badges.read(await badges.ask(READERS[0])) == 4
    assert await marks.begin(READERS[0], TOKEN)
    assert await marks.finish(READERS[0], TOKEN, Marks({5: 1}))
    assert marks.read([5], await marks.ask(READERS[0], [5])).by_tweet == {5: 1}
    await marks.drop(READERS)

    plan = limits.plan("tweet")
    assert plan is not None
    counting = limits.begin(plan, pack_id(READERS[0]))
    assert (await counting.settle()).refuser is None
    await counting.give_back()
    await limits.note_place(login_subject("ada"), b"::1")
    assert await limits.is_known_place(login_subject("ada"), b"::1")
    await limits.forget_user(READERS[0], ["ada", "ada@example.org"])
    await sessions.put(valkey, keys, TOKEN, Session(SessionId(3), READERS[0], "", 0))
    await sessions.end(valkey, keys, READERS[0], [TOKEN, b"another"])
    assert await publish_wake(valkey, keys.wake(), 3) == await publish_change(valkey, keys.changes(), Change()) == 0

    assert sum([await call for call in windows.drop(pack_id(READERS[2]) + pack_id(READERS[3]))]) == 2
    await windows.change(READERS[4], READERS[5], shown=False, change_id=9)
    assert await traces.delete_from_readers(READERS[5]) == 1
    await traces.delete_own(READERS[5])
    await traces.delete_earlier()
    assert len(await fetch_vitals(valkey)) == 3
    assert await holds_keys(valkey, keys.prefix)
    assert await count_listeners(valkey, keys.wake()) == 0
    for primary in valkey.primaries:
        await try_writing(primary, keys)
        await set_marks(primary, keys, Mark(1, 2), primary.parts)
        assert len((await find_marks(primary, keys, primary.parts)).by_part) == len(list(primary.parts))
        await drop_caches(primary, keys)
        await drop_marks(primary, keys, primary.parts)
        await drop_all_but(primary, keys, ())
    assert not await holds_keys(valkey, keys.prefix)

    names = {
        path.name.removesuffix(".lua") for path in resources.files("linnet.stores.valkey").joinpath("lua").iterdir()
    }
    unsent = {
        name for name in names - {"live", "window"} if not any(scripts.lua(name).encode() in text for text in sent)
    }
    assert not unsent, "a script that was not tried"


def test_no_command_names_keys_that_may_lie_in_different_slots() -> None:
    """Whoever needs several keys asks for ``fetch``, ``unlink`` or ``parted``; whoever asks servers, each of them."""
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        name = str(path.relative_to(SOURCE))
        if name.startswith("bench/") or name in OF_SERVERS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "call"):
                continue
            if not (node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, bytes)):
                continue
            verb = node.args[0].value.decode()
            several = verb == "UNLINK" and (len(node.args) != 2 or isinstance(node.args[1], ast.Starred))
            if verb not in OF_ONE_KEY or several:
                found.setdefault(name, set()).add(verb)
    assert not found


def test_parts_are_spread_over_the_slots_and_keys_of_a_reader_are_of_one() -> None:
    keys = Keys(b"p:", on_cluster=True)
    assert slot_of(b"123456789") == 12739, "as Valkey's own documentation has it"
    assert slot_of(b"{user1000}.following") == slot_of(b"user1000")
    assert slot_of(b"foo{}{bar}") != slot_of(b"bar"), "empty braces are none"
    assert len({slot_of_part(part) for part in range(BUCKETS)}) > BUCKETS * 0.98
    for reader in READERS:
        part = keys.part_of(reader)
        theirs = [keys.home, keys.pull, keys.hide, keys.older, keys.marks, keys.badge, keys.profile]
        ours = [keys.live(part), keys.live_channel(b"p", part), keys.history(part), keys.nothing(part)]
        everything = [
            *(key(reader) for key in theirs),
            *ours,
            keys.session(reader, b"x"),
            keys.limit(pack_id(reader), b"r"),
        ]
        assert {slot_of(key) for key in everything} == {slot_of_part(part)}
        assert all(keys.find_part(key) == part for key in everything)


def test_calls_on_one_server_are_not_split() -> None:
    ids = b"".join(map(pack_id, READERS))
    assert list(Keys(b"p:").parted(ids, 25)) == [(0, ids[:200]), (0, ids[200:])]
    parted = list(Keys(b"p:", on_cluster=True).parted(ids, 25))
    assert sorted(b"".join(part for _, part in parted)) == sorted(ids)
    assert all(
        bucket_of(int.from_bytes(part[at : at + 8], "big")) == n for n, part in parted for at in range(0, len(part), 8)
    )


async def test_a_call_follows_its_slot_while_it_moves_and_after_it_has_moved(
    valkey: Cluster, keys: Keys, servers_of_cluster: ValkeyCluster
) -> None:
    reader = READERS[0]
    windows, marks = Windows(valkey, keys, WindowOptions()), MarkStore(valkey, keys)
    await build(windows, reader)
    await push(windows, 1 << 20, reader)
    slot = slot_of_part(keys.part_of(reader))
    shard = await asyncio.to_thread(servers_of_cluster.shard_of, slot)
    target = next(other.primary for other in servers_of_cluster.shards if other is not shard)

    source = await asyncio.to_thread(servers_of_cluster.begin_move, slot, target)
    # Scripts of several keys, some of which are nowhere, wait until it is over: nobody knows where the others are.
    with pytest.raises(Unavailable, match="TRYAGAIN"):
        await push(windows, 2 << 20, reader)
    with pytest.raises(Unavailable, match="TRYAGAIN"):
        await windows.change(reader, AUTHOR, shown=False, change_id=9)
    for call in windows.drop(pack_id(reader)):
        with pytest.raises(Unavailable, match="TRYAGAIN"):
            await call
    await asyncio.to_thread(servers_of_cluster.move_keys, slot, source, target)
    with pytest.raises(Unavailable, match="TRYAGAIN"):
        await push(windows, 2 << 20, reader)
    # One key is asked for where it went, by command and by script, also by one that is not known there.
    assert await marks.begin(reader, TOKEN)
    assert await marks.finish(reader, TOKEN, Marks({5: 2}))
    assert target.call("CLUSTER", "COUNTKEYSINSLOT", slot) >= 3
    await asyncio.to_thread(servers_of_cluster.end_move, slot, source, target)
    assert await push(windows, 2 << 20, reader) == 1
    assert await ids_in(windows, reader) == [2 << 20, 1 << 20]
    assert marks.read([5], await marks.ask(reader, [5])).by_tweet == {5: 2}
    assert valkey.find_place(keys.home(reader)) == ("127.0.0.1", target.port)


async def test_slots_that_move_at_once_are_followed_and_nothing_is_missed(
    valkey: Cluster, keys: Keys, servers_of_cluster: ValkeyCluster
) -> None:
    windows = Windows(valkey, keys, WindowOptions())
    await build(windows, *READERS)
    await push(windows, 1 << 20, *READERS)
    first, second, _ = servers_of_cluster.shards
    scanned: list[bytes] = []
    scan = valkey.scan(keys.pull_pattern(), keys_per_step=10)
    scanned += await anext(scan)
    # Those that are still to be looked at go where was looked already.
    await asyncio.to_thread(servers_of_cluster.give_slots, 11000, 16383, first.primary)
    await asyncio.to_thread(servers_of_cluster.give_slots, 5500, 10000, first.primary)
    assert await push(windows, 2 << 20, *READERS) == len(READERS)
    assert [await ids_in(windows, reader) for reader in READERS] == [[2 << 20, 1 << 20]] * len(READERS)
    scanned += [key async for page in scan for key in page]
    assert {int.from_bytes(key[-8:], "big") for key in scanned} == set(READERS)
    await asyncio.to_thread(servers_of_cluster.give_slots, 5500, 10000, second.primary)


async def test_streams_are_told_where_their_readers_are_and_learn_that_a_slot_moved(
    valkey: Cluster, keys: Keys, servers_of_cluster: ValkeyCluster
) -> None:
    process = b"\xff1234567"
    heard: asyncio.Queue[Told] = asyncio.Queue()
    resets: asyncio.Queue[None] = asyncio.Queue()
    subscription = Subscription(
        ValkeyOptions(servers_of_cluster.url),
        [keys.live_channel(process, part) for part in keys.parts],
        lambda message: heard.put_nowait(decode_told(message)),
        lambda: resets.put_nowait(None),
    )
    subscription.start()
    try:
        await asyncio.wait_for(resets.get(), PATIENCE_SECONDS)
        windows, live = Windows(valkey, keys, WindowOptions()), LiveReaders(valkey, keys)
        await build(windows, *READERS)
        await live.enter(process, READERS, are_all=True)
        await push(windows, 1 << 20, *READERS)
        told = [await asyncio.wait_for(heard.get(), PATIENCE_SECONDS) for _ in {bucket_of(r) for r in READERS}]
        assert sorted(reader for one in told for reader in one.reader_ids) == READERS
        assert await live.is_entered(process, {bucket_of(reader) for reader in READERS})

        reader = READERS[0]
        slot = slot_of_part(bucket_of(reader))
        shard = await asyncio.to_thread(servers_of_cluster.shard_of, slot)
        target = next(other.primary for other in servers_of_cluster.shards if other is not shard)
        await asyncio.to_thread(servers_of_cluster.move_slot, slot, target)
        await asyncio.wait_for(resets.get(), PATIENCE_SECONDS)
        # As a process does that was told so: what was said in between may have taken it out.
        await live.enter(process, READERS, are_all=True)
        for call in live.tell_notified([reader]):
            await call
        assert await asyncio.wait_for(heard.get(), PATIENCE_SECONDS) == Told((reader,), None, notifications=True)
    finally:
        await subscription.close()


async def test_a_server_that_is_away_takes_its_slots_along_and_no_others(tmp_path: Path, keys: Keys) -> None:
    with valkey_cluster(tmp_path) as servers:
        valkey = Cluster(ValkeyOptions(servers.url))
        await valkey.open()
        windows = Windows(valkey, keys, WindowOptions())
        await build(windows, *READERS)
        lost = servers.shards[0]
        theirs = [reader for reader in READERS if valkey.find_place(keys.home(reader))[1] == lost.primary.port]
        others = [reader for reader in READERS if reader not in theirs]
        await asyncio.to_thread(lost.wait_until_replicated)
        lost.primary.kill()
        with pytest.raises(Unavailable):
            await push(windows, 1 << 20, *theirs)
        assert await push(windows, 1 << 20, *others) == len(others)
        await valkey.unlink(
            [keys.tweet(number) for number in range(3) if valkey.find_place(keys.tweet(number))[1] != lost.primary.port]
        )
        everything = [keys.tweet(number) for number in range(50)]
        assert await valkey.fetch(everything) == [None] * 50, "what cannot be had is not known"
        with pytest.raises(Unavailable):
            await valkey.ping()
        await asyncio.to_thread(servers.promote, lost)
        assert await at_last(lambda: push(windows, 1 << 20, *theirs)) == len(theirs)
        await at_last(valkey.ping)
        await valkey.close()
        with pytest.raises(Unavailable, match="on purpose"):
            await valkey.call(b"GET", b"key")


async def test_an_url_of_the_wrong_kind_is_refused_with_a_sentence(
    servers: Servers, servers_of_cluster: ValkeyCluster, tmp_path: Path
) -> None:
    primary = servers_of_cluster.shards[0].primary
    one = Valkey(ValkeyOptions(primary.url))
    with pytest.raises(WrongKind) as found:
        await one.open()
    assert found.value.cause.endswith("write valkey+cluster:// (for TLS valkeys+cluster://) in LINNET_VALKEY_URL")
    await one.close()
    with replicated_valkey(tmp_path) as alone:
        many = Cluster(ValkeyOptions(f"valkey+cluster://127.0.0.1:{alone.primary.port}"))
        with pytest.raises(WrongKind) as found:
            await many.open()
        assert "is not one of a cluster: write valkey:// (or valkeys://)" in found.value.cause
        await many.close()
    with pytest.raises(ValueError, match="names no key"):
        many.call(b"PING")
    with pytest.raises(ValueError, match="one server"):
        Valkey(ValkeyOptions(servers_of_cluster.url))


def test_a_layout_is_read_as_a_server_tells_it() -> None:
    nodes = (
        b"aa 10.0.0.1:7000@17000,one.example myself,master - 0 0 1 connected 0-5 7 [8->-bb]\n"
        b"bb 10.0.0.2:7000@17000 master - 0 0 2 connected 9-16383\n"
        b"cc :7000@17000 slave bb 0 0 2 connected\n"
        b"dd :7001@17001 master - 0 0 3 connected\n"
        b"ff 10.0.0.3:7000@17000 master,fail - 0 0 3 connected\n"
        b"gg 10.0.0.4:7000@17000 master,fail? - 0 0 3 disconnected 8\n"
        b"ee :0@0 master,noaddr - 0 0 3 disconnected\n"
    )
    layout = read_layout(nodes, b"cluster_state:ok\r\ncluster_current_epoch:3\r\n", asked_host="here", use_names=True)
    assert (layout.epoch, layout.is_well, layout.is_moving) == (3, True, True)
    assert [(one.node_id, one.host, one.port, one.slots) for one in layout.primaries] == [
        ("aa", "one.example", 7000, ((0, 5), (7, 7))),
        ("bb", "10.0.0.2", 7000, ((9, 16383),)),
        ("dd", "here", 7001, ()),
        ("gg", "10.0.0.4", 7000, ((8, 8),)),
    ]
