"""No two processes ever mint the same id: whoever sleeps, dies, loses PostgreSQL or has a clock that jumps."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.clock import ManualClock, SystemClock
from linnet.errors import Unavailable
from linnet.ids import IDS_PER_MS, unix_ms_of
from linnet.stores.postgres.leasing import LeaseKeeper, LeaseOptions
from linnet.stores.postgres.pool import Database, PostgresOptions
from linnet.stores.postgres.queries import Query

NOW_MS = 1_795_000_000_000
AHEAD_MS = 60_000
OPTIONS = LeaseOptions(acquire_attempts=2)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    db = Database(PostgresOptions(database_url))
    await db.open()
    yield db
    await db.close()


async def run(db: Database, sql: str) -> int:
    return await db.run(Query("test", (), "none", sql))


async def leave_numbers(db: Database, count: int) -> None:
    """All worker numbers but the first ``count`` are held by others for long; nobody ever held these."""
    await run(db, "delete from worker_leases")
    await run(
        db,
        "insert into worker_leases select n, '\\x00', 0, 0, now() + interval '1 day'"
        f" from generate_series({count}, 1023) n",
    )


async def let_all_expire(db: Database) -> None:
    """Half a minute passes in PostgreSQL without a renewal."""
    await run(db, "update worker_leases set expires_at = now() - interval '1 second' where holder <> '\\x00'")


async def opened_keeper(db: Database, clock: ManualClock) -> LeaseKeeper:
    keeper = LeaseKeeper(db, clock, OPTIONS)
    await keeper.open()
    return keeper


async def until(holds: Callable[[], bool]) -> None:
    """Lets others work until something holds."""
    async with asyncio.timeout(60):
        while True:
            if holds():
                return
            await asyncio.sleep(0)


def mint_all(keeper: LeaseKeeper) -> list[int]:
    """Everything that the lease still allows at a clock that stands still just below its end."""
    minted = []
    try:
        while True:
            minted.append(keeper.ids.mint())
    except Unavailable:
        return minted


async def test_nothing_is_minted_before_a_number_is_held(db: Database) -> None:
    keeper = LeaseKeeper(db, ManualClock(NOW_MS), OPTIONS)
    with pytest.raises(Unavailable):
        keeper.ids.mint()
    await keeper.open()
    assert unix_ms_of(keeper.ids.mint()) == NOW_MS


async def test_two_processes_hold_different_numbers(db: Database) -> None:
    clock = ManualClock(NOW_MS)
    one, other = await opened_keeper(db, clock), await opened_keeper(db, clock)
    assert one.ids.lease.worker != other.ids.lease.worker
    assert {one.ids.mint() for _ in range(1000)}.isdisjoint({other.ids.mint() for _ in range(1000)})


async def test_many_that_start_at_once_all_get_a_number_of_their_own(db: Database) -> None:
    keepers = [LeaseKeeper(db, ManualClock(NOW_MS), LeaseOptions()) for _ in range(16)]
    await asyncio.gather(*(keeper.open() for keeper in keepers))
    assert len({keeper.ids.lease.worker for keeper in keepers}) == 16


async def test_more_than_fit_in_a_millisecond_run_a_little_ahead(db: Database) -> None:
    keeper = await opened_keeper(db, ManualClock(NOW_MS))
    minted = [keeper.ids.mint() for _ in range(3 * IDS_PER_MS)]
    assert minted == sorted(set(minted))
    assert unix_ms_of(minted[-1]) == NOW_MS + 2


async def test_a_killed_process_leaves_its_number_to_one_that_begins_beyond_it(db: Database) -> None:
    await leave_numbers(db, 1)
    killed = await opened_keeper(db, ManualClock(NOW_MS))
    killed.ids.mint()
    with pytest.raises(Unavailable):
        await opened_keeper(db, ManualClock(NOW_MS))
    await let_all_expire(db)
    successor = await opened_keeper(db, ManualClock(NOW_MS))
    assert successor.ids.lease.worker == killed.ids.lease.worker
    assert unix_ms_of(successor.ids.mint()) >= NOW_MS + AHEAD_MS


async def test_a_process_that_wakes_after_its_lease_expired_meets_nobody(db: Database) -> None:
    await leave_numbers(db, 2)
    clock = ManualClock(NOW_MS)
    sleeper = await opened_keeper(db, clock)
    before = [sleeper.ids.mint() for _ in range(100)]

    # It is frozen; its number goes to another process, and that one to a third.
    taken: list[int] = []
    for _ in range(4):
        await let_all_expire(db)
        taker = await opened_keeper(db, ManualClock(NOW_MS))
        taken += [taker.ids.mint() for _ in range(100)]
        clock.advance(1)

    clock.current_ms = sleeper.ids.lease.until_ms - 2
    on_the_old_lease = mint_all(sleeper)
    assert on_the_old_lease, "it may mint on, up to the bound that it knows"
    await let_all_expire(db)
    await sleeper.renew()
    on_the_new_lease = [sleeper.ids.mint() for _ in range(100)]

    everything = before + taken + on_the_old_lease + on_the_new_lease
    assert len(set(everything)) == len(everything)
    assert on_the_new_lease[0] > on_the_old_lease[-1]


async def test_the_same_number_taken_again_goes_on_beyond_what_others_did_with_it(db: Database) -> None:
    await leave_numbers(db, 1)
    clock = ManualClock(NOW_MS)
    sleeper = await opened_keeper(db, clock)
    before = sleeper.ids.mint()
    await let_all_expire(db)
    other = await opened_keeper(db, clock)
    others = [other.ids.mint() for _ in range(1000)]
    await let_all_expire(db)
    await sleeper.renew()
    assert sleeper.ids.lease.worker == other.ids.lease.worker
    assert {sleeper.ids.mint() for _ in range(1000)}.isdisjoint({before, *others})


async def test_a_clock_that_leaps_ahead_is_followed_by_the_next_renewal(db: Database) -> None:
    clock = ManualClock(NOW_MS)
    keeper = await opened_keeper(db, clock)
    clock.advance(3600)
    with pytest.raises(Unavailable):
        keeper.ids.mint()
    await keeper.renew()
    assert unix_ms_of(keeper.ids.mint()) == NOW_MS + 3_600_000


async def test_a_clock_turned_back_stops_nobody(db: Database) -> None:
    clock = ManualClock(NOW_MS)
    keeper = await opened_keeper(db, clock)
    before = keeper.ids.mint()
    clock.advance(-86_400)
    minted = [keeper.ids.mint() for _ in range(1000)]
    assert minted == sorted(set(minted))
    assert minted[0] > before
    await keeper.renew()
    assert keeper.ids.mint() > minted[-1]


async def test_a_released_number_is_free_at_once_and_begins_beyond(db: Database) -> None:
    await leave_numbers(db, 1)
    first = await opened_keeper(db, ManualClock(NOW_MS))
    minted = [first.ids.mint() for _ in range(1000)]
    await first.close()
    second = await opened_keeper(db, ManualClock(NOW_MS))
    assert second.ids.mint() > minted[-1]


async def test_without_renewal_minting_stops_by_itself_and_asks_for_one(db: Database) -> None:
    clock = ManualClock(NOW_MS)
    keeper = LeaseKeeper(db, clock, LeaseOptions(renew_every_seconds=3600))
    await keeper.open()
    keeper.start()
    try:
        clock.advance(60)
        with pytest.raises(Unavailable) as refused:
            keeper.ids.mint()
        assert refused.value.kind == "unavailable"
        # The refusal woke the keeper, an hour before its time.
        await until(lambda: keeper.ids.lease.until_ms == NOW_MS + 2 * AHEAD_MS)
        assert unix_ms_of(keeper.ids.mint()) == NOW_MS + AHEAD_MS
    finally:
        await keeper.close()


async def test_a_keeper_renews_by_itself(db: Database) -> None:
    clock = ManualClock(NOW_MS)
    keeper = LeaseKeeper(db, clock, LeaseOptions(renew_every_seconds=0.001))
    await keeper.open()
    keeper.start()
    try:
        clock.advance(30)
        await until(lambda: keeper.ids.lease.until_ms == NOW_MS + 30_000 + AHEAD_MS)
    finally:
        await keeper.close()


async def test_without_postgresql_ids_are_minted_for_a_minute_and_then_refused(db: Database, database_url: str) -> None:
    clock = ManualClock(NOW_MS)
    private = Database(PostgresOptions(database_url))
    await private.open()
    keeper = LeaseKeeper(private, clock, LeaseOptions(renew_every_seconds=0.001))
    await keeper.open()
    await private.close()
    keeper.start()
    try:
        clock.advance(59)
        assert keeper.ids.mint(), "a minute long nobody needs PostgreSQL for this"
        clock.advance(1)
        with pytest.raises(Unavailable):
            keeper.ids.mint()
    finally:
        await keeper.close()


Steps = list[tuple[str, int, int]]
PROCESSES = 4


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["mint", "mint", "mint", "renew", "clock", "kill", "stop", "expire", "expire_all"]),
            st.integers(0, PROCESSES - 1),
            st.integers(-100_000, 100_000),
        ),
        max_size=40,
    )
)
async def test_any_history_of_processes_mints_each_id_once(database_url: str, steps: Steps) -> None:
    db = Database(PostgresOptions(database_url, pool_size=2))
    await db.open()
    try:
        await leave_numbers(db, 3)
        clocks = [ManualClock(NOW_MS) for _ in range(PROCESSES)]
        keepers = [LeaseKeeper(db, clock, OPTIONS) for clock in clocks]
        minted: list[int] = []
        for name, who, number in steps:
            await _do(db, keepers, clocks, minted, name, who, number)
        for keeper in keepers:
            _mint(keeper, minted, 100)
        assert len(set(minted)) == len(minted)
    finally:
        await db.close()


async def _do(
    db: Database,
    keepers: list[LeaseKeeper],
    clocks: list[ManualClock],
    minted: list[int],
    name: str,
    who: int,
    number: int,
) -> None:
    keeper = keepers[who]
    if name == "mint":
        await _quietly(keeper.open) if keeper.ids.lease.until_ms == 0 else None
        _mint(keeper, minted, abs(number) % 200)
    elif name == "renew":
        await _quietly(keeper.renew)
    elif name == "clock":
        clocks[who].current_ms += number
    elif name == "kill":
        keepers[who] = LeaseKeeper(db, clocks[who], OPTIONS)
    elif name == "stop":
        await keeper.close()
        keepers[who] = LeaseKeeper(db, clocks[who], OPTIONS)
    elif name == "expire":
        await run(
            db, f"update worker_leases set expires_at = now() - interval '1 s' where worker = {keeper.ids.lease.worker}"
        )
    else:
        await let_all_expire(db)


async def _quietly(attempt: Callable[[], Awaitable[None]]) -> None:
    with suppress(Unavailable):
        await attempt()


def _mint(keeper: LeaseKeeper, minted: list[int], count: int) -> None:
    own: list[int] = []
    with suppress(Unavailable):
        for _ in range(count):
            own.append(keeper.ids.mint())
    assert own == sorted(own)
    minted += own


_MINTER = """
import asyncio, os, sys
from linnet.clock import SystemClock
from linnet.stores.postgres.leasing import LeaseKeeper, LeaseOptions
from linnet.stores.postgres.pool import Database, PostgresOptions

async def main():
    db = Database(PostgresOptions(sys.argv[1], pool_size=1))
    await db.open()
    keeper = LeaseKeeper(db, SystemClock(), LeaseOptions())
    await keeper.open()
    print(*(keeper.ids.mint() for _ in range(20000)))
    sys.stdout.flush()
    if sys.argv[2] == "killed":
        os._exit(9)
    await keeper.close()
    await db.close()

asyncio.run(main())
"""


async def test_real_processes_side_by_side_and_one_after_the_other_mint_each_id_once(
    db: Database, database_url: str
) -> None:
    await leave_numbers(db, 2)
    minted: list[int] = []
    for ending in ("released", "killed", "released"):
        await let_all_expire(db)
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", _MINTER, database_url, ending, stdout=subprocess.PIPE, limit=1 << 24
            )
            for _ in range(2)
        ]
        for process in processes:
            output, _ = await process.communicate()
            minted += map(int, output.split())
    assert len(minted) == 6 * 20_000
    assert len(set(minted)) == len(minted)


async def test_the_real_clock_is_what_ids_say(db: Database) -> None:
    clock = SystemClock()
    keeper = LeaseKeeper(db, clock, LeaseOptions())
    await keeper.open()
    before_ms = clock.now_ms()
    assert before_ms <= unix_ms_of(keeper.ids.mint()) <= clock.now_ms() + 1
    await keeper.close()
