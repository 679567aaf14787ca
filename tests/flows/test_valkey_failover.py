"""Valkey fails over to a replica that has not heard of the last things: no entry is lost, and nothing comes back.

A real primary and its replica. The replica is cut off before these things are done, so that it misses exactly them;
then it takes over, and whoever asks for the primary is sent there.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from linnet.clock import ManualClock
from linnet.domain.event import lane_of
from linnet.domain.timeline import Range
from linnet.domain.user import Session
from linnet.errors import Blocked, Forbidden, NotFound, Unavailable
from linnet.ids import IdSource, Lease, SessionId, TweetId, UserId, mint_token, token_hash
from linnet.read.hydration.viewers import ViewerOptions, Viewers
from linnet.read.timelines.home import read_home
from linnet.stores.postgres import histories, outbox, sessions
from linnet.stores.postgres.pool import PostgresOptions
from linnet.stores.valkey import client
from linnet.stores.valkey.address import Sentinels
from linnet.stores.valkey.client import ValkeyOptions
from linnet.stores.valkey.history import find_mark
from linnet.stores.valkey.keys import Keys
from linnet.write.actions.sessions import end_session
from linnet.write.failover import repair
from linnet.write.failover.keeper import HistoryKeeper
from linnet.write.failover.repair import RepairOptions
from tests.support.faults import GatedDatabase, GatedValkey
from tests.support.sentinels import Node, Replicated, replicated_valkey
from tests.support.world import World, WorldOptions, build_world

NOW_MS = 1_780_000_000_000
PATIENCE_SECONDS = 60.0
VALKEY = ValkeyOptions("valkey+sentinel://nobody/linnet", PATIENCE_SECONDS, PATIENCE_SECONDS)
# No transaction is under way when a mark is made, so that nothing need be done again but what is missing.
OPTIONS = RepairOptions(overlap_seconds=0.001, tweets_at_once=2)
PEOPLE = ("ada", "ben", "cleo", "dan", "eve", "fay", "gus", "hal")


class Process(World):
    """A world whose Valkey is believed only after a look."""

    keeper: HistoryKeeper

    async def look(self) -> None:
        """What happens every second."""
        await self.keeper.look(self.write, VALKEY)

    async def next_look(self) -> None:
        """A look so late that the mark is old."""
        clock = self.write.clock
        assert isinstance(clock, ManualClock)
        clock.advance(10)
        await self.look()

    async def log_in(self, name: str) -> tuple[SessionId, str]:
        token = mint_token(self.ids[name])
        session = Session(SessionId(self.write.ids.mint()), self.ids[name], "", self.write.clock.now_ms())
        await sessions.insert(self.db, session, token_hash=token_hash(token))
        return session.id, token

    async def is_logged_in(self, token: str) -> bool:
        """As a process that has just started would say."""
        viewers = Viewers(self.db, self.write.valkey, self.write.keys, self.write.clock, ViewerOptions())
        return await viewers.find(token) is not None

    async def has_window(self, name: str) -> bool:
        return (await read_home(self.read, self.ids[name], Range(15))).has_window

    @property
    def history(self) -> int | None:
        return self.write.valkey.history


class Sites:
    """One installation: says where the primary is, and opens processes."""

    def __init__(self, valkey: Replicated, database_url: str, stack: AsyncExitStack) -> None:
        self.valkey = valkey
        self.primary: Node | None = valkey.primary
        self.clock = ManualClock(NOW_MS)
        self._keys = Keys.of_installation(b"t:")
        self._database_url = database_url
        self._stack = stack
        self._people: dict[str, UserId] = {}
        self._opened = 0

    async def find_primary(self, _: Sentinels) -> tuple[str, int]:
        if self.primary is None:
            raise Unavailable("no Sentinel names a primary")
        return "127.0.0.1", self.primary.port

    async def open_process(self) -> Process:
        db = GatedDatabase(PostgresOptions(self._database_url, pool_timeout_seconds=PATIENCE_SECONDS))
        await db.open()
        self._stack.push_async_callback(db.close)
        keeper = HistoryKeeper(db, OPTIONS)
        valkey = GatedValkey(VALKEY, keeper.admit)
        self._stack.push_async_callback(valkey.close)
        ids = IdSource(self.clock, Lease(self._opened, 0, NOW_MS + 86_400_000))
        self._opened += 1
        options = WorldOptions(top_user_followers=4)
        world = build_world(db, valkey, self._keys, ids, self.clock, options, self._people)
        process = Process(world.write, world.read, options, self._people)
        self._stack.callback(world.write.pictures.close)
        process.keeper = keeper
        await process.look()
        return process


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Replicated]:
    with replicated_valkey(tmp_path) as replicated:
        yield replicated


@pytest.fixture
async def sites(valkey: Replicated, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sites]:
    async with AsyncExitStack() as stack:
        sites = Sites(valkey, database_url, stack)
        monkeypatch.setattr(client, "find_primary", sites.find_primary)
        yield sites


class Lost:
    """What was done when the replica did not hear it any more."""

    deleted: TweetId
    session_id: SessionId
    token: str


async def live(process: Process) -> Lost:
    """People do things; the replica hears the first half of it."""
    lost = Lost()
    await process.person(*PEOPLE)
    for reader in ("ada", "ben", "cleo", "dan"):
        await process.follow(reader, *[name for name in ("ada", "cleo", "eve") if name != reader])
    await process.follow("ben", "dan")
    # What happens later concerns neither of these two but by what others post.
    await process.follow("gus", "dan", "fay")
    await process.follow("hal", "ada")
    await process.settle()
    for author in ("ada", "cleo", "eve", "ada", "dan"):
        lost.deleted = await process.post(author)
    lost.session_id, lost.token = await process.log_in("ben")
    await process.settle()
    # Somebody followed, unfollowed: there is a note, which must not outlive the next follow.
    await process.unfollow("dan", "eve")
    await process.settle()
    await process.assert_exact()
    assert await process.is_logged_in(lost.token)
    assert all([await process.has_window(name) for name in PEOPLE])
    await process.next_look()
    return lost


async def lose(process: Process, lost: Lost) -> None:
    """What only the old primary hears of."""
    first = await process.post("ada", "nobody knows")
    await process.post("cleo", "an answer", reply_to=first)
    await process.retweet("eve", first)
    await process.retweet("fay", first)
    await process.post("fay", "another", reply_to=await process.post("dan"))
    await process.unfollow("ben", "cleo")
    await process.follow("dan", "eve")
    await process.block("cleo", "eve")
    await process.mute("ada", "eve")
    # That makes five followers, more than four: a top user, whom others pull from now on.
    await process.follow("fay", "ada")
    await process.delete("dan", lost.deleted)
    await end_session(process.write, process.ids["ben"], lost.session_id)
    await process.settle()
    await process.post("ada", "pulled")
    await process.settle()
    await process.assert_exact()
    assert not await process.is_logged_in(lost.token)


async def lose_one(process: Process) -> None:
    """As little as can be missed."""
    await process.post("dan", "nobody knows")
    await process.settle()


async def do_something(process: Process, chance: random.Random) -> None:
    """Any one thing that anybody may do."""
    name, other = chance.sample(PEOPLE, 2)
    tweets = [entry.id for entry in await process.oracle(name)]
    verbs: list[Callable[[], Awaitable[object]]] = [
        lambda: process.post(name),
        lambda: process.post(name),
        lambda: process.follow(name, other),
        lambda: process.follow(name, other),
        lambda: process.unfollow(name, other),
        lambda: process.block(name, other),
        lambda: process.unblock(name, other),
        lambda: process.mute(name, other),
        lambda: process.unmute(name, other),
        lambda: process.home_ids(name),
        lambda: process.home_ids(other),
        process.settle,
        process.next_look,
    ]
    if tweets:
        tweet_id = chance.choice(tweets)
        verbs += [
            lambda: process.post(name, reply_to=tweet_id),
            lambda: process.retweet(name, tweet_id),
            lambda: process.delete(name, tweet_id),
        ]
    # Not everything is allowed: another's tweet is not deleted, and between two there may be a block.
    with suppress(Forbidden, Blocked, NotFound):
        await chance.choice(verbs)()


async def fail_over(sites: Sites, *processes: Process) -> None:
    """The old primary dies, and the replica takes over. Pages come from the truth meanwhile."""
    sites.primary = sites.valkey.replica
    sites.valkey.primary.kill()
    for process in processes:
        assert not await process.has_window("ben"), "nobody believes the replica yet"
        process.forget()
        await process.assert_exact()
        assert process.keeper.is_doubting


async def assert_nothing_is_lost(process: Process, lost: Lost) -> None:
    process.forget()
    await process.assert_exact()
    assert not await process.is_logged_in(lost.token), "a session that ended does not come back"
    assert lost.deleted not in await process.home_ids("gus"), "nor does a deleted tweet"


async def test_a_replica_that_missed_the_end_is_repaired_before_anybody_reads_it(sites: Sites) -> None:
    process = await sites.open_process()
    lost = await live(process)
    await asyncio.to_thread(sites.valkey.cut_off)
    await lose(process, lost)
    await fail_over(sites, process)
    await process.look()
    assert process.history == 2
    assert await process.window_elements("gus"), "windows of those whose view did not change are there"
    await assert_nothing_is_lost(process, lost)
    # Life goes on, under the next mark.
    await process.post("cleo")
    await process.unfollow("dan", "eve")
    await process.settle()
    await process.assert_exact()
    await process.next_look()
    assert process.history == 2


PARTS = ("_push_again", "_show_anew", "drop_caches", "drop_followers_windows")


async def _nothing(*args: Any, **kwargs: Any) -> int:
    return 0


@pytest.mark.parametrize("part", PARTS)
async def test_every_part_of_the_repair_is_needed(sites: Sites, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """A repair without it is caught by what the test before looks at."""
    process = await sites.open_process()
    lost = await live(process)
    await asyncio.to_thread(sites.valkey.cut_off)
    await lose(process, lost)
    await fail_over(sites, process)
    monkeypatch.setattr(repair, part, _nothing)
    await process.look()
    with pytest.raises(AssertionError):
        await assert_nothing_is_lost(process, lost)


@pytest.mark.parametrize("planted", [False, True], ids=["as it is", "with the mistake"])
async def test_what_somebody_changed_is_seen_although_its_event_waits(
    sites: Sites, monkeypatch: pytest.MonkeyPatch, planted: bool
) -> None:
    """No worker has come to it: what the request told Valkey was all that said so, and is lost."""
    process = await sites.open_process()
    await live(process)
    await asyncio.to_thread(sites.valkey.cut_off)
    await process.unfollow("ben", "cleo")
    await process.block("cleo", "eve")
    await fail_over(sites, process)
    # And while nobody is believed.
    await process.unfollow("dan", "ada")
    await process.mute("ben", "ada")
    if planted:
        monkeypatch.setattr(repair, "_show_what_waits", _nothing)
    await process.look()
    assert process.history == 2
    process.forget()
    with pytest.raises(AssertionError) if planted else nullcontext():
        await process.assert_exact(["ben", "cleo", "dan", "eve"])
    if not planted:
        await process.settle()
        await process.assert_exact()


async def test_a_repair_that_is_broken_off_is_done_by_the_next(sites: Sites, monkeypatch: pytest.MonkeyPatch) -> None:
    process, other = await sites.open_process(), await sites.open_process()
    lost = await live(process)
    await asyncio.to_thread(sites.valkey.cut_off)
    await lose(process, lost)
    await fail_over(sites, process)

    async def die(*args: Any) -> int:
        raise Unavailable("killed")

    for part in PARTS:
        with monkeypatch.context() as patch:
            patch.setattr(repair, part, die)
            with pytest.raises(Unavailable):
                await process.look()
        assert not await process.has_window("eve"), f"died at {part}"
    await other.look()
    await process.look()
    assert process.history == other.history == 1 + len(PARTS) + 1
    await assert_nothing_is_lost(process, lost)
    await assert_nothing_is_lost(other, lost)


async def test_of_two_that_repair_at_once_one_does(sites: Sites) -> None:
    process, other = await sites.open_process(), await sites.open_process()
    await live(process)
    await asyncio.to_thread(sites.valkey.cut_off)
    await lose_one(process)
    await fail_over(sites, process)
    outcomes = await asyncio.gather(process.look(), other.look(), return_exceptions=True)
    assert all(outcome is None or isinstance(outcome, Unavailable) for outcome in outcomes)
    await process.look()
    await other.look()
    assert process.history == other.history == 2
    process.forget()
    await process.assert_exact()
    other.forget()
    await other.assert_exact()


async def test_a_server_that_takes_over_during_a_repair_is_repaired_in_its_turn(
    sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await sites.open_process()
    await live(process)
    await asyncio.to_thread(sites.valkey.cut_off)
    await lose_one(process)
    await fail_over(sites, process)
    real = repair._push_again

    async def meanwhile(*args: Any) -> int:
        # Somebody else comes to the end first, with what is the same server under another life.
        begun = await histories.find(process.db)
        await histories.begin(process.db, generation=begun.generation)
        return await real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(repair, "_push_again", meanwhile)
        with pytest.raises(Unavailable, match="not believed yet"):
            await process.look()
    await process.look()
    assert process.history == 4
    process.forget()
    await process.assert_exact()


async def test_what_is_done_in_an_old_primary_does_not_count(sites: Sites) -> None:
    """Both answer; one process has not noticed."""
    process, unaware = await sites.open_process(), await sites.open_process()
    await live(process)
    await asyncio.to_thread(sites.valkey.cut_off)
    await lose_one(process)
    sites.primary = sites.valkey.replica
    process.write.valkey.leave("the network broke")
    await process.look()
    assert (process.history, unaware.history) == (2, 1)

    await unaware.post("cleo", "into the void")
    await unaware.unfollow("ben", "ada")
    for name in ("cleo", "ben"):
        with pytest.raises(Unavailable, match="done again"):
            await unaware.deliver(lane_of(unaware.ids[name]))
    assert await outbox.count(unaware.db) == 2
    await unaware.look()
    assert unaware.history == 2
    await unaware.settle()
    process.forget()
    await process.assert_exact()
    unaware.forget()
    await unaware.assert_exact()


async def test_a_connection_that_breaks_is_no_fail_over(sites: Sites) -> None:
    process = await sites.open_process()
    lost = await live(process)
    window = await process.window_elements("ben")
    process.write.valkey.leave("the network broke")
    assert await process.has_window("ben"), "the same server is believed at once"
    assert await process.window_elements("ben") == window
    assert process.history == 1
    assert await process.is_logged_in(lost.token)


async def test_a_flush_is_noticed(sites: Sites) -> None:
    process, other = await sites.open_process(), await sites.open_process()
    await live(process)
    sites.valkey.primary.call("FLUSHALL")
    await process.look()
    await other.look()
    assert process.history == other.history == 2
    await process.assert_exact()
    assert await find_mark(process.write.valkey, process.write.keys) is not None


@pytest.mark.parametrize("what", ["too many tweets", "too long ago", "no mark"])
async def test_a_server_that_lacks_too_much_is_emptied(
    sites: Sites, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    process = await sites.open_process()
    await live(process)
    await asyncio.to_thread(sites.valkey.cut_off)
    await lose_one(process)
    if what == "no mark":
        sites.valkey.replica.call("DEL", process.write.keys.history())
    elif what == "too long ago":
        sites.clock.advance(repair.KEPT_HOURS * 3600)
    else:
        monkeypatch.setattr(process.keeper, "_options", RepairOptions(overlap_seconds=0.001, most_tweets=0))
    await fail_over(sites, process)
    await process.look()
    assert await process.window_elements("eve") == []
    process.forget()
    await process.assert_exact()


async def test_what_another_installation_left_is_not_believed(sites: Sites) -> None:
    sites.valkey.primary.call("SET", b"t:2:history", b"\x7f" * 16)
    sites.valkey.primary.call("SET", b"t:2:tweet:12345678", b"old")
    process = await sites.open_process()
    assert await process.write.valkey.call("EXISTS", b"t:2:tweet:12345678") == 0
    assert process.history == 1


async def test_a_log_out_while_valkey_is_away_holds_when_it_is_back(sites: Sites) -> None:
    """Whoever took it dies before; what Valkey held before is still there."""
    process, other = await sites.open_process(), await sites.open_process()
    await process.person("ada")
    session_id, token = await process.log_in("ada")
    assert await other.is_logged_in(token)
    sites.primary = None
    process.write.valkey.leave("the network broke")
    await end_session(process.write, process.ids["ada"], session_id)
    assert not await process.is_logged_in(token)
    await other.deliver(lane_of(other.ids["ada"]))
    assert not await other.is_logged_in(token)


async def test_an_old_primary_that_refuses_writes_ends_no_history(sites: Sites) -> None:
    """As one does that has ``min-replicas-to-write`` and was left alone."""
    process, misled = await sites.open_process(), await sites.open_process()
    await live(process)
    await asyncio.to_thread(sites.valkey.cut_off)
    sites.primary = sites.valkey.replica
    process.write.valkey.leave("the network broke")
    await process.look()
    sites.primary = sites.valkey.primary
    sites.valkey.primary.call("CONFIG", "SET", "min-replicas-to-write", 1)
    for _ in range(2):
        with pytest.raises(Unavailable, match="NOREPLICAS"):
            await misled.look()
    await process.look()
    assert process.history == 2
    await misled.assert_exact()


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_people_do_around_fail_overs_pages_are_exact(sites: Sites, seed: int) -> None:
    """Cut off at any moment, replaced at any later one, events waiting or not; and again."""
    chance = random.Random(seed)
    process = await sites.open_process()
    await process.person(*PEOPLE)
    for turn in range(2):
        for _ in range(chance.randrange(10, 25)):
            await do_something(process, chance)
        await asyncio.to_thread(sites.valkey.cut_off)
        for _ in range(chance.randrange(1, 20)):
            await do_something(process, chance)
        sites.valkey.primary.kill()
        sites.primary = sites.valkey.replica
        with suppress(Unavailable):
            # Whoever was there has to notice first.
            await process.write.valkey.call("PING")
        for _ in range(chance.randrange(3)):
            await process.post(chance.choice(PEOPLE))
        await process.look()
        process.forget()
        await process.settle()
        assert process.history == turn + 2
        await process.assert_exact()
        await asyncio.to_thread(sites.valkey.take_back)
