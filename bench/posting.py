"""Writing: tweets posted over HTTP, beside the bare transaction of their two rows on the same PostgreSQL by pgbench."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

from bench.figures import Comparison, compare
from bench.http_client import post
from bench.serving import beside, open_sessions, serving, settled
from bench.steady_load import Load, load
from bench.town import build_town
from linnet.embedded.programs import find_programs
from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.queries import Query

_CONNECTIONS = 16
_AUTHORS = 200
_TABLES = (
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


async def measure(*, seed: int, rounds: int, seconds: float, scratch: Path) -> list[Comparison]:
    """All of linnet's work: web processes, and the event worker that applies what was posted."""
    with serving({}) as server:
        async with beside(server) as services:
            town = await build_town(services, scratch, seed=seed, authors=_AUTHORS, tweets_each=1)
            await settled(services)
            tokens = await open_sessions(services, town.authors)
            for statement in _TABLES:
                await _execute(services.db, statement)
            body = b'{"text": "A tweet of this run, as long as people write them on most days. #bench"}'
            requests = [post("/api/tweets", token, body) for token in tokens.values()]
            script = scratch / "transaction.sql"
            script.write_text(_TRANSACTION)
            found: list[tuple[float, float]] = []
            for number in range(rounds):
                one_round = [0.0, 0.0]
                for side in (0, 1) if number % 2 else (1, 0):
                    if side == 0:
                        plan = Load(server.port, requests, 201, _CONNECTIONS, seconds)
                        one_round[0] = (await asyncio.to_thread(load, plan, scratch)).rate
                        await settled(services)
                    else:
                        url = services.settings.postgres.url
                        one_round[1] = await asyncio.to_thread(_pgbench, url, script, seconds)
                found.append((one_round[0], one_round[1]))
    notes = f"{_CONNECTIONS} connections, {_AUTHORS} authors with followers; fsync on; the event worker runs meanwhile"
    return [compare("posting over HTTP", "tweets/s", found, goal="≥ 0.50", at_least=0.5, notes=notes)]


async def _execute(db: Database, statement: str) -> None:
    await db.run(Query("bench.table", (), "none", statement))


def _pgbench(url: str, script: Path, seconds: float) -> float:
    """Transactions a second."""
    programs = find_programs()
    done = subprocess.run(
        [
            programs.of_postgres("pgbench"),
            *("--no-vacuum", "--protocol=prepared", f"--client={_CONNECTIONS}", "--jobs=1"),
            *(f"--time={max(1, round(seconds))}", f"--file={script}", url),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    if done.returncode or rate is None:
        raise SystemExit(f"pgbench failed: {done.stderr.strip()}")
    return float(rate[1])
