"""Background jobs: nothing that was committed is forgotten, nothing that was rolled back is done."""

import asyncio
import logging
import os
import re
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from linnet.ids import UserId
from linnet.stores.postgres import jobs as queue
from linnet.stores.postgres.jobs import RunnerOptions
from linnet.stores.postgres.leases import find_fact
from linnet.stores.postgres.queries import Query
from linnet.workers.jobs import run_jobs
from linnet.write.deps import WriteDeps
from linnet.write.jobs.job import Job, NotYet, Retry, job, known_jobs
from tests.support.servers import Servers
from tests.support.world import World

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/howto/add-a-job.md"
# Quick to look for jobs, and as patient as ever with whoever is slow.
FAST = RunnerOptions(poll_seconds=0.05, heartbeat_seconds=0.2, grace_seconds=60.0)
DEADLINE_SECONDS = 60


@asynccontextmanager
async def runner(world: World, jobs: Sequence[Job[Any]], options: RunnerOptions = FAST) -> AsyncIterator[asyncio.Event]:
    """Jobs are run inside the block; gives what tells the runner to stop."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_jobs(world.write, jobs, options, stop=stop))
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            yield stop
    finally:
        stop.set()
        await running


async def defer(world: World, kind: Job[Any], **arguments: object) -> None:
    async with world.db.transaction() as session:
        await kind.defer(session, **arguments)


async def waiting(world: World) -> list[tuple[str, str]]:
    return [(row.name, row.status) for row in await queue.fetch_page(world.db, page_size=100)]


_SILENT_FOR_LONG = Query(
    "test.silent",
    (),
    "none",
    "update linnet_jobs.procrastinate_workers set last_heartbeat = now() - interval '1 hour'",
)


class Calls:
    """Jobs of a test, and what was done."""

    def __init__(self) -> None:
        self.made: list[Any] = []
        self._changed = asyncio.Event()

    def note(self, what: object) -> None:
        self.made.append(what)
        self._changed.set()

    async def come(self, count: int = 1) -> None:
        while len(self.made) < count:
            self._changed.clear()
            await self._changed.wait()


async def gone(world: World) -> None:
    """Until no job is left."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while await waiting(world):
            pass


async def test_the_page_says_how_to_add_a_job_and_it_is_run(world: World) -> None:
    function, deferral, periodic = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    module: dict[str, Any] = {"__name__": "a_module"}
    exec(function + periodic, module)
    exec("async def act(deps, user_id):\n" + textwrap.indent(deferral, "    "), module)
    assert module["tidy"].cron == "15 4 * * *"

    await module["act"](world.write, UserId(7))
    assert await waiting(world) == [("welcome", "todo")]
    async with runner(world, [module["welcome"]]):
        await gone(world)
    assert await find_fact(world.db, "welcomed 7") == "hello"


def test_every_job_of_the_package_is_known() -> None:
    assert "prune" in {kind.name for kind in known_jobs()}


async def test_a_job_of_a_transaction_that_was_rolled_back_never_was(world: World) -> None:
    @job()
    async def welcome(deps: WriteDeps, user_id: UserId) -> None: ...

    async def act() -> None:
        async with world.db.transaction() as session:
            await welcome.defer(session, UserId(7))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await act()
    assert await waiting(world) == []


async def test_arguments_arrive_as_what_they_were_and_others_are_refused(world: World) -> None:
    calls = Calls()

    @job(retry=Retry(times=0))
    async def keep(deps: WriteDeps, number: int, *, names: tuple[str, ...], at: datetime | None = None) -> None:
        calls.note((number, names, at))

    moment = datetime(2026, 11, 21, tzinfo=UTC)
    await defer(world, keep, number=2**63 - 1, names=("ada", "böb"), at=moment)
    await defer(world, keep, number="seven", names=())
    with pytest.raises(TypeError):
        await defer(world, keep, surplus=1, number=1, names=())
    async with runner(world, [keep]):
        await calls.come()
        while ("keep", "failed") not in await waiting(world):
            pass
    assert calls.made == [(2**63 - 1, ("ada", "böb"), moment)]


async def test_a_failing_job_is_tried_again_then_given_up_then_retried_by_hand(world: World) -> None:
    calls = Calls()

    @job(retry=Retry(times=2, first_seconds=0.01))
    async def fail(deps: WriteDeps) -> None:
        calls.note("tried")
        if len(calls.made) < 4:
            raise ValueError("not today")

    await defer(world, fail)
    async with runner(world, [fail]):
        while await waiting(world) != [("fail", "failed")]:
            pass
        assert len(calls.made) == 3
        [row] = await queue.fetch_page(world.db, page_size=1)
        assert not await queue.retry_failed(world.db, row.id + 1)
        assert await queue.retry_failed(world.db, row.id)
        await gone(world)
    assert len(calls.made) == 4


async def test_waiting_for_something_is_no_failure(world: World) -> None:
    calls = Calls()

    @job(retry=Retry(times=0))
    async def wait(deps: WriteDeps) -> None:
        calls.note("looked")
        if len(calls.made) < 5:
            raise NotYet("the others are not here", seconds=0.01)

    await defer(world, wait)
    async with runner(world, [wait]):
        await gone(world)
    assert len(calls.made) == 5


def test_pauses_grow_up_to_a_bound() -> None:
    @job(retry=Retry(times=4, first_seconds=1, longest_seconds=5))
    async def fail(deps: WriteDeps) -> None: ...

    assert [fail.pause_seconds(ValueError(), attempts) for attempts in range(6)] == [1, 2, 4, 5, None, None]


async def test_the_same_arguments_never_run_twice_at_once(world: World) -> None:
    calls, go_on = Calls(), asyncio.Event()

    @job()
    async def hold(deps: WriteDeps, number: int) -> None:
        calls.note(number)
        await go_on.wait()

    for number in (1, 1, 2):
        await defer(world, hold, number=number)
    async with runner(world, [hold]), runner(world, [hold]):
        await calls.come(2)
        # Which of the two runners is quicker is nobody's promise.
        assert sorted(calls.made) == [1, 2]
        go_on.set()
        await gone(world)
    assert calls.made[2:] == [1]


async def test_a_job_that_nobody_here_knows_waits_for_those_who_do(world: World) -> None:
    calls = Calls()

    @job()
    async def known(deps: WriteDeps) -> None:
        calls.note("done")

    @job()
    async def of_the_next_version(deps: WriteDeps) -> None: ...

    await defer(world, of_the_next_version)
    await defer(world, known)
    async with runner(world, [known]):
        await calls.come()
    assert ("of_the_next_version", "todo") in await waiting(world)


async def test_on_a_stop_the_job_in_hand_is_finished(world: World) -> None:
    calls, go_on = Calls(), asyncio.Event()

    @job()
    async def soon(deps: WriteDeps) -> None:
        calls.note("soon")
        await go_on.wait()

    await defer(world, soon)
    async with runner(world, [soon]) as stop:
        await calls.come()
        stop.set()
        go_on.set()
    assert await waiting(world) == []


async def test_on_a_stop_a_job_that_takes_too_long_is_given_back(world: World) -> None:
    calls = Calls()

    @job(retry=Retry(times=0))
    async def never(deps: WriteDeps) -> None:
        calls.note("never")
        await asyncio.get_running_loop().create_future()

    await defer(world, never)
    async with runner(world, [never], msgspec.structs.replace(FAST, grace_seconds=0.1)) as stop:
        await calls.come()
        stop.set()
    assert await waiting(world) == [("never", "todo")]


async def test_the_job_of_a_killed_process_is_taken_up_by_another(world: World, servers: Servers) -> None:
    calls = Calls()

    @job()
    async def dig(deps: WriteDeps, *, depth: int) -> None:
        calls.note(depth)

    await defer(world, dig, depth=3)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.flows._jobs_process", world.db.options.url, servers.valkey_url),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await process.stdout.readline() == b"began 3\n"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    assert await waiting(world) == [("dig", "doing")]
    # It is missed after half a minute; nobody waits for that here.
    await world.db.run(_SILENT_FOR_LONG)
    async with runner(world, [dig]):
        await gone(world)
    assert calls.made == [3]


async def test_what_the_clock_asks_for_is_run_once_by_several(world: World) -> None:
    calls, heard = Calls(), Calls()
    turn = datetime.now(UTC) - timedelta(minutes=1)

    @job(cron=f"{turn.minute} {turn.hour} * * *")
    async def ring(deps: WriteDeps) -> None:
        calls.note("rang")

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.note(getattr(record, "action", ""))

    asking, ear = logging.getLogger("procrastinate.periodic"), Ear()
    level = asking.level
    asking.addHandler(ear)
    asking.setLevel(logging.DEBUG)
    try:
        async with runner(world, [ring]), runner(world, [ring]), runner(world, [ring]):
            while heard.made.count("periodic_task_already_deferred") < 2:
                await heard.come(len(heard.made) + 1)
            await calls.come()
            await gone(world)
    finally:
        asking.removeHandler(ear)
        asking.setLevel(level)
    assert calls.made == ["rang"]


def test_a_job_by_the_clock_has_no_arguments() -> None:
    with pytest.raises(TypeError):

        @job(cron="* * * * *")
        async def ring(deps: WriteDeps, *, loudness: int) -> None: ...


async def test_a_killed_job_whose_next_waits_keeps_no_other_from_being_given_back(world: World) -> None:
    """A periodic job may wait only once: given back beside the next one it is refused, and all others with it."""
    with psycopg.connect(world.db.options.url, autocommit=True) as connection:
        connection.execute("set search_path to linnet_jobs")
        for name, status, only_once in (("prune", "doing", True), ("prune", "todo", True), ("erase", "doing", False)):
            connection.execute(
                "insert into procrastinate_jobs (queue_name, task_name, status, lock, queueing_lock, args)"
                " values (%(name)s, %(name)s, %(status)s::procrastinate_job_status, %(lock)s, %(lock)s, '{}')",
                {"name": name, "status": status, "lock": name if only_once else None},
            )
        assert await queue.retry_stalled(world.db, stalled_seconds=30.0) == 1
        left = connection.execute("select task_name, status::text from procrastinate_jobs order by 1").fetchall()
    assert left == [("erase", "todo"), ("prune", "todo")]
    assert await queue.retry_stalled(world.db, stalled_seconds=30.0) == 0
