"""What can die, in turn. A fault does its harm, undoes what nobody else would, and returns when all parts are back."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bench.chaos.relay import Weather
from bench.chaos.stage import LinnetProcess, Stage
from linnet.bench.afterwards import thawed_afterwards

_FROZEN_SECONDS = 10.0
_CUT_SECONDS = 5.0
_TAKEN_SECONDS = 5.0
_LOCKED_SECONDS = 5.0
_SENTINELS_DECIDE_SECONDS = 3.0


class Fault(msgspec.Struct, frozen=True):
    """What happens, and what people may notice.

    ``strikes_database``: nothing can be written meanwhile, and to say so is a proper answer. ``is_planned``: somebody
    chose the moment, so not one request may be refused or fail.
    """

    name: str
    sentence: str
    strike: Callable[[Stage], Awaitable[None]]
    strikes_database: bool = False
    is_planned: bool = False


async def _nothing(stage: Stage) -> None:
    """For comparison."""


async def _kill(process: LinnetProcess) -> None:
    old = process.child
    process.kill()
    await process.wait_ready(after=old)


async def _kill_webs(stage: Stage) -> None:
    for web in stage.webs:
        await _kill(web)


async def _kill_workers(stage: Stage) -> None:
    for worker in stage.workers:
        await _kill(worker)


async def _restart_webs(stage: Stage) -> None:
    for web in stage.webs:
        await web.restart()


async def _restart_workers(stage: Stage) -> None:
    for worker in stage.workers:
        await worker.restart()


async def _stop_postgres_fast(stage: Stage) -> None:
    await stage.postgres.restart(signal.SIGINT)


async def _stop_postgres_immediately(stage: Stage) -> None:
    await stage.postgres.restart(signal.SIGQUIT)


async def _freeze_postgres(stage: Stage) -> None:
    pids = stage.postgres.pids()
    with thawed_afterwards(pids):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(_FROZEN_SECONDS)


async def _take_all_connections(stage: Stage) -> None:
    """linnet's connections are ended, and every place that PostgreSQL has is somebody else's."""
    with ExitStack() as taken:
        connections: list[psycopg.Connection] = []
        taken.callback(_close_all, connections)
        await asyncio.to_thread(_take_connections, stage.postgres.url, connections)
        await asyncio.sleep(_TAKEN_SECONDS)


def _close_all(connections: list[psycopg.Connection]) -> None:
    for connection in connections:
        connection.close()


def _take_connections(url: str, connections: list[psycopg.Connection]) -> None:
    """From another database, whose connections count too: nobody gets into linnet's until all places are taken."""
    elsewhere = make_conninfo(url, dbname="postgres")
    name = conninfo_to_dict(url)["dbname"]
    connections.append(psycopg.connect(elsewhere, autocommit=True))
    connections[0].execute(f"alter database {name} allow_connections false".encode())
    try:
        connections[0].execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()",
            [name],
        )
        with suppress(psycopg.OperationalError):
            while True:
                connections.append(psycopg.connect(elsewhere, autocommit=True))
    finally:
        connections[0].execute(f"alter database {name} allow_connections true".encode())


async def _lock_tweets(stage: Stage) -> None:
    """Whoever posts, or reads a tweet, waits for us with a connection in hand, until no process has one left."""
    async with await psycopg.AsyncConnection.connect(stage.postgres.url) as connection:
        # One table: of two, somebody else would have one and wait for the other.
        await connection.execute("lock table tweets in access exclusive mode")
        await asyncio.sleep(_LOCKED_SECONDS)


async def _kill_valkey_primary(stage: Stage) -> None:
    await stage.valkey.take_back(await stage.valkey.kill_primary())


async def _restart_valkey_primary(stage: Stage) -> None:
    """Back at about the time when the sentinels take it for dead, and empty. Some of them may name the replica then."""
    node = await stage.valkey.primary()
    await node.kill()
    await node.start()
    await asyncio.sleep(_SENTINELS_DECIDE_SECONDS)
    await stage.valkey.wait_agreed()


async def _flush_valkey(stage: Stage) -> None:
    await stage.valkey.flush()


async def _cut_workers_off(stage: Stage) -> None:
    await _let_pass(stage, "cut")


async def _silence_network(stage: Stage) -> None:
    await _let_pass(stage, "silent")


async def _let_pass(stage: Stage, weather: Weather) -> None:
    try:
        stage.network.set_weather(weather)
        await asyncio.sleep(_CUT_SECONDS)
    finally:
        stage.network.set_weather("fair")


FAULTS: Sequence[Fault] = (
    Fault("calm", "nothing happens, for comparison", _nothing, is_planned=True),
    Fault("web-killed", "kill -9 of each web process, one after the other", _kill_webs),
    Fault("worker-killed", "kill -9 of each worker, one after the other", _kill_workers),
    Fault(
        "web-restarted",
        "rolling restart: SIGTERM to each web process, one after the other",
        _restart_webs,
        is_planned=True,
    ),
    Fault("worker-restarted", "rolling restart of the workers", _restart_workers, is_planned=True),
    Fault(
        "postgres-crashed",
        "immediate shutdown of PostgreSQL, started again",
        _stop_postgres_immediately,
        strikes_database=True,
    ),
    Fault(
        "postgres-restarted", "fast shutdown of PostgreSQL, started again", _stop_postgres_fast, strikes_database=True
    ),
    Fault(
        "postgres-frozen",
        f"SIGSTOP of all of PostgreSQL for {_FROZEN_SECONDS:g} s",
        _freeze_postgres,
        strikes_database=True,
    ),
    Fault(
        "connections-taken",
        f"all of PostgreSQL's connections are somebody else's for {_TAKEN_SECONDS:g} s",
        _take_all_connections,
        strikes_database=True,
    ),
    Fault(
        "pool-filled",
        f"the tweets locked for {_LOCKED_SECONDS:g} s, so that statements hold every connection of the pools",
        _lock_tweets,
        strikes_database=True,
    ),
    Fault("valkey-killed", "kill -9 of the Valkey primary: the sentinels promote its replica", _kill_valkey_primary),
    Fault("valkey-restarted", "kill -9 of the Valkey primary, back at once and empty", _restart_valkey_primary),
    Fault("valkey-flushed", "FLUSHALL", _flush_valkey),
    Fault("network-cut", f"workers' connections to Valkey end, for {_CUT_SECONDS:g} s", _cut_workers_off),
    Fault("network-silent", f"nothing passes between workers and Valkey for {_CUT_SECONDS:g} s", _silence_network),
)
