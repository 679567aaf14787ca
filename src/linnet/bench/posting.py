"""Writing: tweets posted over HTTP, beside the bare transaction of their two rows on the same PostgreSQL by pgbench."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from linnet.bench.figures import Goal, Measured
from linnet.bench.http_client import post
from linnet.bench.processes import Watched
from linnet.bench.scenario import (
    CONNECTIONS,
    Effort,
    Scenario,
    Take,
    Turn,
    asking,
    compare_turns,
    in_turns,
    side_of,
    since,
)
from linnet.bench.serving import Site, clean_environment, open_sessions, settled
from linnet.bench.steady_load import all_asked
from linnet.bench.town import build_town
from linnet.cli.failures import Failure, one_line
from linnet.embedded.programs import find_programs
from linnet.ids import UserId
from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.queries import Query

_AUTHORS = 200
_TABLES = (
    "drop schema if exists bench cascade",
    "create schema bench",
    "create table bench.tweets (like public.tweets including all)",
    "create table bench.outbox (like public.outbox including all)",
)
# What posting writes, and nothing else.
_TRANSACTION = """\
\\set author random(1, 200)
\\set jitter random(0, 1023)
begin;
insert into bench.tweets (author_id, id, text)
values (:author, (extract(epoch from clock_timestamp()) * 1e6)::bigint * 1024 + :jitter,
    'A tweet of this run, as long as people write them on most days. #bench');
insert into bench.outbox (actor_id, id, lane, kind, payload)
values (:author, (extract(epoch from clock_timestamp()) * 1e6)::bigint * 1024 + :jitter, :author % 64, 'tweet_posted',
    '{"author_id": 117618710652911680, "tweet_id": 117652138492624}');
commit;
"""
_OURS, _BARE = "posting", "pgbench"


async def run(site: Site, effort: Effort) -> Measured:
    town = await build_town(site.services, effort.scratch, seed=effort.seed, authors=_AUTHORS, tweets_each=1)
    await settled(site.services)
    return await measure(site, await open_sessions(site.services, town.authors), effort)


async def measure(site: Site, authors: Mapping[UserId, str], effort: Effort) -> Measured:
    """All of linnet's work: web processes, and the event worker, which applies what was posted while it is measured.

    Before the other side's turn the worker has finished. The reference writes into tables of its own, in a schema that
    is gone afterwards.
    """
    db = site.services.db
    for statement in _TABLES:
        await _execute(db, statement)
    body = b'{"text": "A tweet of this run, as long as people write them on most days. #bench"}'
    requests = all_asked([post("/api/tweets", token, body) for token in authors.values()], 201)
    script = effort.scratch / "transaction.sql"
    script.write_text(_TRANSACTION)
    ask = asking(site.server.port, requests, site.watched, effort)

    async def ours(seconds: float) -> Turn:
        turn = await ask(seconds)
        await settled(site.services)
        return turn

    bare = _pgbench(site.services.settings.postgres.url, script, site.watched, effort.scratch)
    try:
        turns = await in_turns({_OURS: ours, _BARE: bare}, effort)
    finally:
        await _execute(db, "drop schema if exists bench cascade")
    return Measured(
        "posting",
        [
            compare_turns(
                *("posting", "posting over HTTP", "tweets/s", lambda turn: turn.rate, turns[_OURS], turns[_BARE]),
                beside="pgbench, bare rows",
                goal=Goal("≥ 0.50", ratio_at_least=0.5),
            ),
        ],
        [side_of("posting", name, turns[name]) for name in turns],
        f"{CONNECTIONS} connections, {len(authors)} authors; fsync on; the event worker runs meanwhile",
    )


async def _execute(db: Database, statement: str) -> None:
    await db.run(Query("bench.table", (), "none", statement))


def _pgbench(url: str, script: Path, watched: Watched, scratch: Path) -> Take:
    """Times come from its own log of some of its transactions."""

    async def take(seconds: float) -> Turn:
        log = scratch / "pgbench-log"
        words: dict[str, Any] = conninfo_to_dict(url)
        # Arguments are for everybody on the machine to read.
        password = {"PGPASSWORD": str(secret)} if (secret := words.pop("password", None)) else {}
        before = watched.cpu_seconds()
        process = await asyncio.create_subprocess_exec(
            str(find_programs().of_postgres("pgbench")),
            *("--no-vacuum", "--protocol=prepared", f"--client={CONNECTIONS}", "--jobs=1"),
            # One in ten, so that writing it down costs nothing that counts.
            *("--log", "--sampling-rate=0.1", f"--log-prefix={log}"),
            *(f"--time={max(1, round(seconds))}", f"--file={script}", make_conninfo(**words)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**clean_environment(), **password},
            start_new_session=True,
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        rate = re.search(rb"^tps = ([0-9.]+)", out, re.MULTILINE)
        done = re.search(rb"actually processed: ([0-9]+)", out)
        if process.returncode or rate is None or done is None:
            raise Failure(one_line(f"pgbench failed: {err.decode('utf-8', 'replace')}"))
        times = []
        for part in scratch.glob("pgbench-log.*"):
            times += [int(line.split()[2]) / 1e6 for line in part.read_text().splitlines()]
            part.unlink()
        count = int(done[1])
        used = since(before, watched.cpu_seconds())
        return Turn({"": times}, count, count / float(rate[1]), used, watched.memory_mb())

    return take


SCENARIO = Scenario("posting", "tweets posted over HTTP; beside pgbench with the bare transaction", run)
