"""A store that is away is no event's fault: nothing is counted or parked, and all goes on when it is back."""

import asyncio
import os
import pathlib
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from linnet.domain.event import lane_of
from linnet.errors import Unavailable
from linnet.stores.postgres import leases, outbox
from linnet.stores.postgres.queries import Query
from linnet.write.outbox import lanes
from linnet.write.outbox import worker as worker_module
from linnet.write.outbox.worker import EventWorker, WorkerOptions
from tests.flows._accounts_world import ValkeyServer
from tests.flows._applied_events import PATIENCE_SECONDS, AppliedEvents
from tests.support import recounts
from tests.support.servers import Servers
from tests.support.world import World, WorldOptions, open_world

_ATTEMPTS = Query("test.attempts", (), "value", "select coalesce(sum(attempts), 0)::int from outbox")


@pytest.fixture
def valkey(tmp_path: pathlib.Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> AppliedEvents:
    return AppliedEvents(monkeypatch)


@pytest.fixture
async def town(database_url: str, valkey: ValkeyServer) -> AsyncIterator[World]:
    """Ben follows Ada and reads; two events wait."""
    # Stores that are away are waited for, and given up, in these tests.
    options = WorldOptions(patience_seconds=2.0)
    async with open_world(database_url, valkey.url, options=options) as world:
        await world.person("ada", "ben")
        await world.follow("ben", "ada")
        await world.settle()
        await world.assert_exact()
        await world.post("ada")
        await world.post("ben")
        yield world
        if not valkey.is_running:
            valkey.start()
        await world.write.valkey.open()


async def assert_nothing_was_counted(world: World) -> None:
    assert await outbox.count(world.db) == 2
    assert await world.db.value(_ATTEMPTS) == 0
    assert await outbox.fetch_parked(world.db, page_size=1) == []


async def assert_all_is_well(world: World) -> None:
    await world.settle()
    await recounts.assert_counts(world.db, top_user_followers=5000)
    await world.assert_exact()


async def test_without_valkey_events_wait_and_nothing_is_parked(town: World, valkey: ValkeyServer) -> None:
    valkey.kill()
    for _ in range(10):
        with pytest.raises(Unavailable):
            await town.deliver(lane_of(town.ids["ada"]))
    await assert_nothing_was_counted(town)
    valkey.start()
    await town.write.valkey.open()
    await assert_all_is_well(town)


@contextmanager
def hanging(valkey: ValkeyServer) -> Iterator[None]:
    """It stands still and keeps its connections."""
    process = valkey._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def test_a_valkey_that_hangs_is_like_one_that_is_away(town: World, valkey: ValkeyServer) -> None:
    with hanging(valkey):
        with pytest.raises(Unavailable):
            await town.deliver(lane_of(town.ids["ada"]))
        await assert_nothing_was_counted(town)
        expected = [entry.id for entry in await town.oracle("ben")]
        assert await town.home_ids("ben") == expected, "pages come from the truth meanwhile"
    await town.write.valkey.open()
    await assert_all_is_well(town)


async def test_the_worker_waits_for_valkey_and_goes_on_by_itself(
    town: World, valkey: ValkeyServer, applied: AppliedEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = EventWorker(town.write, WorkerOptions(poll_seconds=0.01))
    failed = asyncio.Event()

    async def noting_failure(*args: Any) -> lanes.Round:
        try:
            return await lanes.apply_lanes(*args)
        except Unavailable:
            failed.set()
            raise

    monkeypatch.setattr(worker_module, "apply_lanes", noting_failure)
    valkey.kill()
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await failed.wait()
        await assert_nothing_was_counted(town)
        valkey.start()
        await applied.reach(2)
    finally:
        worker.stop()
        await running
    await assert_all_is_well(town)


class Gate:
    """Lets nobody into a database, and everybody out."""

    def __init__(self, admin_url: str, database_url: str) -> None:
        self._admin_url = admin_url
        self._name = str(conninfo_to_dict(database_url)["dbname"])

    def _allow(self, allowed: bool) -> None:
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("alter database {} allow_connections {}").format(
                    sql.Identifier(self._name), sql.Literal(allowed)
                )
            )
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (self._name,)
            )

    def shut(self) -> None:
        self._allow(False)

    def open(self) -> None:
        self._allow(True)


async def test_the_worker_waits_for_postgresql_and_goes_on_by_itself(
    town: World, servers: Servers, database_url: str, applied: AppliedEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(servers.database_url, database_url)
    worker = EventWorker(town.write, WorkerOptions(poll_seconds=0.01))
    failed = asyncio.Event()

    async def noting_failure(*args: Any) -> str | None:
        try:
            return await leases.find_fact(*args)
        except Unavailable:
            failed.set()
            raise

    monkeypatch.setattr(worker_module, "find_fact", noting_failure)
    gate.shut()
    try:
        with pytest.raises(Unavailable):
            await town.deliver(lane_of(town.ids["ada"]))
        running = asyncio.create_task(worker.run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await failed.wait()
    finally:
        gate.open()
    try:
        await applied.reach(2)
    finally:
        worker.stop()
        await running
    await assert_all_is_well(town)


async def test_a_worker_whose_connections_fall_goes_on_with_new_ones(
    town: World, servers: Servers, database_url: str, applied: AppliedEvents
) -> None:
    worker = EventWorker(town.write, WorkerOptions(poll_seconds=0.01))
    running = asyncio.create_task(worker.run())
    try:
        await applied.reach(2)
        Gate(servers.database_url, database_url).open()
        beside = Query("test.post", (), "none", "select 1")
        while True:
            try:
                await town.db.run(beside)
                break
            except Unavailable:
                continue
        await town.post("ada")
        await applied.reach(3)
    finally:
        worker.stop()
        await running
    await assert_all_is_well(town)
