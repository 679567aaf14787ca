"""On a cluster of Valkey every timeline is what it is by definition, whatever happens to the cluster.

Real servers, three primaries and their replicas: random histories; slots that move while people write and read;
primaries that die with what their replicas have not heard of.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, suppress

import pytest
from hypothesis import Phase, settings

from linnet.clock import ManualClock
from linnet.domain.timeline import Range
from linnet.errors import Unavailable
from linnet.ids import IdSource, Lease, TweetId, UserId
from linnet.read.timelines.home import read_home
from linnet.stores.postgres import outbox
from linnet.stores.postgres.pool import PostgresOptions
from linnet.stores.valkey.client import ValkeyOptions
from linnet.stores.valkey.cluster import Cluster
from linnet.stores.valkey.keys import Keys
from linnet.stores.valkey.layout import slot_of, slot_of_part
from linnet.write.failover.keeper import HistoryKeeper
from tests.flows.test_valkey_failover import (
    NOW_MS,
    OPTIONS,
    PATIENCE_SECONDS,
    PEOPLE,
    Process,
    assert_nothing_is_lost,
    do_something,
    live,
    lose,
)
from tests.support.faults import GatedCluster, GatedDatabase
from tests.support.random_histories import play_random_histories
from tests.support.valkey_cluster import Shard, ValkeyCluster, valkey_cluster
from tests.support.world import WorldOptions, build_world, open_process_beside, open_world


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    with valkey_cluster(tmp_path_factory.mktemp("cluster"), spare=True) as cluster:
        yield cluster


@pytest.fixture
def cluster(started: ValkeyCluster) -> Iterator[ValkeyCluster]:
    """Empty, and whole again after the test but for where slots are, and who is the primary of whom."""
    yield started
    started.mend()


class ClusterProcess(Process):
    """A process that believes a primary only after a look."""

    valkey_options: ValkeyOptions

    async def look(self) -> None:
        await self.keeper.look(self.write, self.valkey_options)

    async def has_noticed(self) -> None:
        """Returns when it is connected to nobody but those who are primaries now."""
        cluster = self.write.valkey
        assert isinstance(cluster, Cluster)
        await cluster.look_around()
        for primary in cluster.primaries:
            with suppress(Unavailable):
                await primary.call("PING")


class Sites:
    """One installation on one cluster."""

    def __init__(self, cluster: ValkeyCluster, database_url: str, stack: AsyncExitStack) -> None:
        self.cluster = cluster
        self.clock = ManualClock(NOW_MS)
        self._database_url = database_url
        self._stack = stack
        self._people: dict[str, UserId] = {}
        self._opened = 0

    async def open_process(self) -> ClusterProcess:
        db = GatedDatabase(PostgresOptions(self._database_url, pool_timeout_seconds=PATIENCE_SECONDS))
        await db.open()
        self._stack.push_async_callback(db.close)
        keeper = HistoryKeeper(db, OPTIONS)
        valkey_options = ValkeyOptions(self.cluster.url, PATIENCE_SECONDS, PATIENCE_SECONDS)
        valkey = GatedCluster(valkey_options, keeper.admit)
        self._stack.push_async_callback(valkey.close)
        ids = IdSource(self.clock, Lease(self._opened, 0, NOW_MS + 86_400_000))
        self._opened += 1
        options = WorldOptions(top_user_followers=4)
        keys = Keys.of_installation(b"t:", on_cluster=True)
        world = build_world(db, valkey, keys, ids, self.clock, options, self._people)
        process = ClusterProcess(world.write, world.read, options, self._people)
        self._stack.callback(world.write.pictures.close)
        process.keeper = keeper
        process.valkey_options = valkey_options
        await process.look()
        return process

    async def cut_off(self) -> None:
        """No replica hears what comes from now on."""
        for shard in self.cluster.shards:
            await asyncio.to_thread(self.cluster.cut_off, shard)

    async def fail_over(self, *shards: Shard) -> None:
        """These primaries die, and what comes from now on is known to their replicas alone."""
        for shard in shards:
            await asyncio.to_thread(self.cluster.fail_over, shard)

    def shard_of(self, process: ClusterProcess, name: str) -> Shard:
        """Where somebody's window is."""
        slot = slot_of(process.write.keys.home(process.ids[name]))
        return self.cluster.shard_of(slot)


@pytest.fixture
async def sites(cluster: ValkeyCluster, database_url: str) -> AsyncIterator[Sites]:
    async with AsyncExitStack() as stack:
        yield Sites(cluster, database_url, stack)


def test_every_page_of_every_reader_equals_the_definition_on_a_cluster(
    cluster: ValkeyCluster, database_url: str
) -> None:
    profile = settings.default
    assert profile is not None
    # Those that fail are shortened by the test of one server, which is quicker.
    fewer = settings(
        max_examples=max(6, profile.max_examples // 15), stateful_step_count=40, phases=(Phase.explicit, Phase.generate)
    )
    play_random_histories(database_url, cluster.url, fewer)


async def test_a_warm_page_takes_one_turn_of_questions_to_windows_and_one_to_documents(
    cluster: ValkeyCluster, database_url: str
) -> None:
    async with open_world(database_url, cluster.url) as world:
        await world.person("ada", "ben")
        await world.follow("ben", "ada")
        for _ in range(15):
            await world.post("ada")
        await world.settle()
        await world.home("ben")
        # The window is of one slot; the documents of a process that remembers nothing lie with all three primaries.
        with world.budget(sql=0, valkey=1):
            await world.home("ben")
        world.forget()
        with world.budget(sql=0, valkey=1 + 3 + 3):
            await world.home("ben")


@pytest.mark.parametrize("whose", ["one primary", "every primary"])
async def test_replicas_that_missed_the_end_are_repaired_before_anybody_reads_them(sites: Sites, whose: str) -> None:
    process = await sites.open_process()
    lost = await live(process)
    await sites.cut_off()
    await lose(process, lost)
    shards = list(sites.cluster.shards) if whose == "every primary" else [sites.shard_of(process, "ben")]
    elsewhere = [name for name in PEOPLE if sites.shard_of(process, name) not in shards]
    await sites.fail_over(*shards)
    await process.has_noticed()
    assert not await process.has_window("ben"), "nobody believes the replica yet"
    process.forget()
    await process.assert_exact()
    for name in elsewhere:
        assert await process.has_window(name), "the others go on"
    await process.look()
    assert process.history == 2
    assert await process.window_elements("gus"), "windows of those whose view did not change are there"
    await assert_nothing_is_lost(process, lost)
    await process.post("cleo")
    await process.unfollow("dan", "eve")
    await process.settle()
    await process.assert_exact()
    await process.next_look()
    assert process.history == 2


async def test_what_is_done_in_an_old_primary_does_not_count(sites: Sites) -> None:
    """Both answer, and one process has not noticed: no one told it, and it did not ask."""
    process, unaware = await sites.open_process(), await sites.open_process()
    await live(process)
    await sites.cut_off()
    shard = sites.shard_of(process, "ben")
    await asyncio.to_thread(sites.cluster.promote, shard)
    await process.has_noticed()
    await process.look()
    assert (process.history, unaware.history) == (2, 1)
    await unaware.post("cleo", "into the void")
    await unaware.unfollow("ben", "ada")
    with pytest.raises(Unavailable):
        await unaware.settle()
    assert await outbox.count(unaware.db) == 2
    await unaware.look()
    assert unaware.history == 2
    await unaware.settle()
    for one in (process, unaware):
        one.forget()
        await one.assert_exact()


async def test_a_primary_that_joins_is_believed_with_what_it_is_given(sites: Sites) -> None:
    process = await sites.open_process()
    await live(process)
    spare = sites.cluster.spare
    assert spare is not None
    slot = slot_of(process.write.keys.home(process.ids["ben"]))
    window = await process.window_elements("ben")
    await asyncio.to_thread(sites.cluster.give_slots, slot, slot, spare)
    assert await process.has_window("ben"), "the slot has moved, and the next call follows it"
    assert await process.window_elements("ben") == window
    await process.next_look()
    assert process.history == 1
    await process.post("ada")
    await process.settle()
    await process.assert_exact()


async def test_a_mark_that_came_along_with_a_slot_says_nothing(sites: Sites, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys come in any order: a replica may have the window, and lack the note that hides somebody in it."""
    process = await sites.open_process()
    await live(process)
    keys, ben = process.write.keys, process.ids["ben"]
    slot = slot_of(keys.home(ben))
    shard = sites.shard_of(process, "ben")
    target = next(other for other in sites.cluster.shards if other is not shard)
    source = await asyncio.to_thread(sites.cluster.begin_move, slot, target.primary)
    for key in (keys.home(ben), keys.pull(ben), keys.history(keys.part_of(ben))):
        source.call("MIGRATE", "127.0.0.1", target.primary.port, key, 0, 60_000)
    # The replica of whom it is given to hears no more of it, and takes over when all is given.
    await asyncio.to_thread(sites.cluster.cut_off, target)
    await asyncio.to_thread(sites.cluster.move_keys, slot, source, target.primary)
    await asyncio.to_thread(sites.cluster.end_move, slot, source, target.primary)
    await sites.fail_over(target)
    await process.has_noticed()
    await process.look()
    assert process.history == 2
    assert await process.window_elements("ben") == []
    await process.assert_exact()


async def test_a_flush_of_one_primary_is_noticed(sites: Sites) -> None:
    process, other = await sites.open_process(), await sites.open_process()
    await live(process)
    sites.shard_of(process, "ben").primary.call("FLUSHALL")
    await process.next_look()
    await other.look()
    assert process.history == other.history == 2
    await process.assert_exact()


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_people_do_around_fail_overs_of_a_cluster_pages_are_exact(sites: Sites, seed: int) -> None:
    """Any primary, cut off at any moment and replaced at any later one; slots move in between."""
    chance = random.Random(seed)
    process = await sites.open_process()
    await process.person(*PEOPLE)
    for turn in range(2):
        for _ in range(chance.randrange(5, 15)):
            await do_something(process, chance)
        shard, other = chance.sample(sites.cluster.shards, 2)
        name = chance.choice(PEOPLE)
        if sites.shard_of(process, name) is not other:
            slot = slot_of(process.write.keys.home(process.ids[name]))
            await asyncio.to_thread(chance.choice([_give, _move]), sites.cluster, slot, other)
        await asyncio.to_thread(sites.cluster.cut_off, shard)
        for _ in range(chance.randrange(1, 12)):
            await do_something(process, chance)
        await sites.fail_over(shard)
        await process.has_noticed()
        for _ in range(chance.randrange(3)):
            await process.post(chance.choice(PEOPLE))
        await process.look()
        process.forget()
        await process.settle()
        assert process.history == turn + 2
        await process.assert_exact()
        # Not in another thread: a server ends with the one that started it.
        sites.cluster.take_back(shard)


def _give(cluster: ValkeyCluster, slot: int, shard: Shard) -> None:
    cluster.give_slots(slot, slot, shard.primary)


def _move(cluster: ValkeyCluster, slot: int, shard: Shard) -> None:
    cluster.move_slot(slot, shard.primary)


@pytest.mark.parametrize("how", [_give, _move], ids=["at once", "key by key"])
async def test_slots_move_while_people_write_and_read_and_nothing_is_lost(
    cluster: ValkeyCluster, database_url: str, how: Callable[[ValkeyCluster, int, Shard], None]
) -> None:
    """Every window, note and channel in use changes its server, some of them twice, under load."""
    async with open_world(database_url, cluster.url) as world, open_process_beside(world, cluster.url) as reading:
        await world.person(*PEOPLE)
        for reader in PEOPLE:
            await world.follow(reader, *[name for name in PEOPLE[:4] if name != reader])
        await world.settle()
        for name in PEOPLE:
            await world.home(name)
        is_over = asyncio.Event()
        posted: list[TweetId] = []
        seen = 0

        async def write() -> None:
            chance = random.Random(1)
            while not is_over.is_set():
                author = chance.choice(PEOPLE[:4])
                posted.append(await world.post(author))
                if chance.random() < 0.1:
                    await world.unfollow(PEOPLE[6], author)
                    await world.follow(PEOPLE[6], author)

        async def read() -> None:
            nonlocal seen
            chance = random.Random(2)
            while not is_over.is_set():
                reading.forget()
                # Whoever reads sees what there is, from windows or from the truth, in its order and once.
                ids = await reading.home_ids(chance.choice(PEOPLE))
                assert ids == sorted(set(ids), reverse=True)
                seen += 1

        async def deliver() -> None:
            while not is_over.is_set():
                for lane in await outbox.fetch_busy_lanes(world.db):
                    # A slot that moves key by key lets an event wait.
                    with suppress(Unavailable):
                        await world.deliver(lane)
                await asyncio.sleep(0)

        async def reshard() -> None:
            slots = sorted({slot_of_part(world.write.keys.part_of(user_id)) for user_id in world.ids.values()})
            try:
                for turn, slot in enumerate([*slots, *slots[:3]]):
                    source = await asyncio.to_thread(cluster.owner_of, slot)
                    others = [shard for shard in cluster.shards if shard.primary is not source]
                    await asyncio.to_thread(how, cluster, slot, others[turn % 2])
            finally:
                is_over.set()

        async with asyncio.TaskGroup() as group:
            for work in (write, read, deliver, reshard):
                group.create_task(work())
        assert posted
        assert seen
        await world.settle()
        for process in (world, reading):
            process.forget()
            await process.assert_exact()
        assert all([(await read_home(world.read, world.ids[name], Range(1))).has_window for name in PEOPLE])
