"""A minute in the life of a real graph: how long a tweet takes to be accepted and to be in its readers' timelines.

Run ``python -m bench.path_of_a_tweet FILE`` with an edge list (see ``linnet import-graph``). It starts a linnet of its
own in a temporary directory, imports FILE, lets some thousand people read their home timelines once, so that their
windows are there, and then for a minute lets authors post while others read, all over HTTP. At the end it compares
windows with the definition of a home timeline. One author in ten tweets is the one with the most followers of all, one
is the pushed one with the most followers; the rest is spread evenly.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.tweet_load import Author, Outcome, Plan
from linnet.bench.figures import bucket_quantile, milliseconds, quantile
from linnet.bench.http_client import get, open_client
from linnet.bench.report import write_json
from linnet.bench.serving import Serving, beside, histogram_since, open_sessions, read_metrics, serving, settled
from linnet.bench.table import show_facts
from linnet.bootstrap import Services
from linnet.ids import UserId
from linnet.stores.postgres.queries import Query

_SEED = 1
_FOLLOWERS_TO_WATCH = 20
_WARMING_CONNECTIONS = 8
_WARMING_ROUNDS = 5
# Of ten tweets.
_OF_THE_LARGEST = 1
_OF_THE_LARGEST_PUSHED = 1

_MOST_FOLLOWED = Query(
    "bench.most_followed",
    ("page_size",),
    "many",
    "select id, username, followers_count, is_top from users order by followers_count desc, id limit %(page_size)s",
)
_FOLLOWERS = Query(
    "bench.followers", ("user_id",), "many", "select follower_id from followers where user_id = %(user_id)s order by 1"
)


class Followed(msgspec.Struct, frozen=True):
    """Somebody with many followers."""

    id: UserId
    username: str
    followers: int
    is_top: bool


class Cast(msgspec.Struct, frozen=True):
    """Who takes part. ``authors`` begin with the most followed one and the most followed one that is pushed."""

    authors: list[Followed]
    readers: list[UserId]
    followers: dict[UserId, list[UserId]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="an edge list, plain or gzip")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long people post (default 60)")
    parser.add_argument("--rate", type=float, default=20.0, help="tweets a second (default 20)")
    parser.add_argument("--authors", type=int, default=500, help="authors beside the two largest (default 500)")
    parser.add_argument("--warm", type=int, default=5000, help="people whose windows are there (default 5000)")
    parser.add_argument("--readers", type=int, default=32, help="people who read at the same time (default 32)")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds a reader looks at a page (default 0)")
    parser.add_argument("--watch-every", type=int, default=4, help="look for every n-th tweet (default 4)")
    parser.add_argument("--sample", type=int, default=2000, help="windows to compare with the truth (default 2000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    options = parser.parse_args()
    with serving({}) as server:
        sys.exit(asyncio.run(_measure(server, options)))


async def _measure(server: Serving, options: argparse.Namespace) -> int:
    facts: dict[str, Any] = {}
    _say(f"linnet runs on {server.data_dir} at port {server.port}; importing {options.file} …")
    start = time.monotonic()
    facts["import"] = json.loads(_linnet(server, "import-graph", "--json", str(options.file)))
    facts["import_seconds"] = time.monotonic() - start
    async with beside(server) as services:
        await settled(services)
        cast = await _cast(services, options)
        tokens = await open_sessions(services, list({*cast.readers, *(author.id for author in cast.authors)}))
        _say(f"{len(cast.readers):,} people read their home timelines …")
        start = time.monotonic()
        # A read that finds too many rebuilds under way is answered by PostgreSQL and leaves no window.
        for _ in range(_WARMING_ROUNDS):
            there = set(await services.read.windows.fetch_live(cast.readers))
            await _warm(server, [tokens[reader] for reader in cast.readers if reader not in there])
        facts["warm_seconds"] = time.monotonic() - start
        facts["windows"] = await _count_windows(services, cast.readers)
        plan = _plan(server, cast, tokens, options)
        _say(f"{len(cast.authors)} authors post {len(plan.order)} tweets in {options.seconds:g} s …")
        before = read_metrics(server.port)
        outcome = await asyncio.to_thread(_run_clients, server, plan)
        facts["drain_seconds"] = await settled(services)
        after = read_metrics(server.port)
        facts["windows_after"] = await _count_windows(services, cast.readers)
    _say(f"Comparing {options.sample:,} windows with the truth …")
    facts["verify"] = _linnet(server, "timelines", "verify", "--sample", str(options.sample), may_fail=True)
    facts |= _figures(outcome, before, after)
    _show(facts, cast, options)
    write_json(options.json, facts | {"options": {name: str(value) for name, value in vars(options).items()}})
    return 0 if not outcome.failures and not outcome.not_seen and facts["verify"].exit_code == 0 else 1


class _Verified(msgspec.Struct, frozen=True):
    exit_code: int
    said: str


def _linnet(server: Serving, *command: str, may_fail: bool = False) -> Any:
    """Runs a command beside the server: what it says, and with ``may_fail`` also how it ended."""
    done = subprocess.run(
        [sys.executable, "-m", "linnet", *command, "--data-dir", str(server.data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if may_fail else None,
        text=True,
        check=not may_fail,
    )
    return _Verified(done.returncode, done.stdout.strip()) if may_fail else done.stdout


async def _cast(services: Services, options: argparse.Namespace) -> Cast:
    """The two largest authors and the next ones; all followers of the largest pushed one, and some of everybody's."""
    largest = await services.db.fetch(Followed, _MOST_FOLLOWED, page_size=options.authors + 100)
    pushed = next(user for user in largest if not user.is_top)
    authors = [largest[0], pushed]
    authors += [user for user in largest if user not in authors and not user.is_top][: options.authors]
    followers = {author.id: await services.db.fetch(UserId, _FOLLOWERS, user_id=author.id) for author in authors}
    readers = dict.fromkeys(followers[pushed.id][: options.warm])
    # In turns, so that every author has readers: the first follower of each, then the second of each, …
    for turn in range(max(len(ids) for ids in followers.values())):
        for author in authors:
            if len(readers) >= options.warm:
                break
            if turn < len(followers[author.id]):
                readers[followers[author.id][turn]] = None
    warm = set(readers)
    return Cast(
        authors, list(readers), {author: [one for one in ids if one in warm] for author, ids in followers.items()}
    )


async def _warm(server: Serving, tokens: Sequence[str]) -> None:
    waiting = iter(tokens)
    async with open_client(server.port, connections=_WARMING_CONNECTIONS) as client:

        async def read() -> None:
            for token in waiting:
                answer = await client.send(get("/api/timelines/home", token))
                if answer.status != 200:
                    raise SystemExit(f"reading failed: {answer.body.decode('utf-8', 'replace')}")

        await asyncio.gather(*[read() for _ in range(_WARMING_CONNECTIONS)])


async def _count_windows(services: Services, readers: Sequence[UserId]) -> int:
    return len(await services.read.windows.fetch_live(readers))


def _plan(server: Serving, cast: Cast, tokens: dict[UserId, str], options: argparse.Namespace) -> Plan:
    chance = random.Random(_SEED)
    others = list(range(2, len(cast.authors)))
    order: list[int] = []
    left: list[int] = []
    for number in range(round(options.seconds * options.rate)):
        if number % 10 < _OF_THE_LARGEST:
            order.append(0)
        elif number % 10 < _OF_THE_LARGEST + _OF_THE_LARGEST_PUSHED:
            order.append(1)
        else:
            if not left:
                left = chance.sample(others, len(others))
            order.append(left.pop())
    authors = []
    for author in cast.authors:
        warm = cast.followers[author.id]
        watchers = chance.sample(warm, min(_FOLLOWERS_TO_WATCH, len(warm)))
        authors.append(Author(tokens[author.id], [tokens[watcher] for watcher in watchers], author.is_top))
    return Plan(
        port=server.port,
        seed=_SEED,
        rate=options.rate,
        order=order,
        authors=authors,
        reader_tokens=[tokens[reader] for reader in cast.readers],
        readers=options.readers,
        pause_seconds=options.pause,
        watch_every=options.watch_every,
    )


def _run_clients(server: Serving, plan: Plan) -> Outcome:
    path = server.data_dir.parent / "plan.json"
    path.write_bytes(msgspec.json.encode(plan))
    subprocess.run([sys.executable, "-m", "bench.tweet_load", str(path)], check=True)
    return msgspec.json.decode(path.with_suffix(".outcome").read_bytes(), type=Outcome)


def _figures(outcome: Outcome, before: dict[str, float], after: dict[str, float]) -> dict[str, Any]:
    lag = histogram_since(before, after, "linnet_delivery_lag_seconds")
    deliveries = after.get("linnet_deliveries_total", 0.0) - before.get("linnet_deliveries_total", 0.0)
    rebuilds = sum(
        value - before.get(name, 0.0)
        for name, value in after.items()
        if name.startswith("linnet_window_rebuilds_total")
    )
    return {
        "accepted": len(outcome.accepted),
        "accepted_p50": quantile(outcome.accepted, 0.5),
        "accepted_p99": quantile(outcome.accepted, 0.99),
        "applied_p50_below": bucket_quantile(lag, 0.5),
        "applied_p99_below": bucket_quantile(lag, 0.99),
        "seen_pushed": len(outcome.seen_pushed),
        "seen_pushed_p50": quantile(outcome.seen_pushed, 0.5),
        "seen_pushed_p99": quantile(outcome.seen_pushed, 0.99),
        "seen_pulled": len(outcome.seen_pulled),
        "seen_pulled_p50": quantile(outcome.seen_pulled, 0.5),
        "seen_pulled_p99": quantile(outcome.seen_pulled, 0.99),
        "not_seen": outcome.not_seen,
        "deliveries": deliveries,
        "deliveries_per_second": deliveries / outcome.posting_seconds,
        "rebuilds": rebuilds,
        "pages_read": len(outcome.read),
        "pages_per_second": len(outcome.read) / outcome.posting_seconds,
        "read_p50": quantile(outcome.read, 0.5),
        "read_p99": quantile(outcome.read, 0.99),
        "failures": outcome.failures[:10],
    }


def _show(facts: dict[str, Any], cast: Cast, options: argparse.Namespace) -> None:
    largest, pushed = cast.authors[:2]
    fewest = min(author.followers for author in cast.authors)
    both = [(facts[f"seen_{way}"], facts[f"seen_{way}_p50"], facts[f"seen_{way}_p99"]) for way in ("pushed", "pulled")]
    show_facts(
        f"{options.rate:g} tweets/s for {options.seconds:g} s, {options.readers} readers",
        {
            "graph": f"{facts['import']['people']:,} people, {facts['import']['follows']:,} follows,"
            f" imported in {facts['import_seconds']:.0f} s; top users {', '.join(facts['import']['top_users'])}",
            "windows there": f"{facts['windows']:,} before, {facts['windows_after']:,} after",
            "authors": f"{largest.username} ({largest.followers:,} followers, pulled), {pushed.username}"
            f" ({pushed.followers:,}, pushed), {len(cast.authors) - 2} others ({fewest:,} or more)",
            "accepted": f"{facts['accepted']:,}: p50 {milliseconds(facts['accepted_p50'])},"
            f" p99 {milliseconds(facts['accepted_p99'])}",
            "committed → applied (worker)": f"p50 < {milliseconds(facts['applied_p50_below'])},"
            f" p99 < {milliseconds(facts['applied_p99_below'])}",
            "201 → on a page, pushed": _seen(*both[0]),
            "201 → on a page, pulled": _seen(*both[1]),
            "not seen": str(facts["not_seen"]),
            "deliveries": f"{facts['deliveries']:,.0f}, {facts['deliveries_per_second']:,.0f}/s",
            "pages read": f"{facts['pages_read']:,}, {facts['pages_per_second']:,.0f}/s:"
            f" p50 {milliseconds(facts['read_p50'])}, p99 {milliseconds(facts['read_p99'])}",
            "windows built meanwhile": f"{facts['rebuilds']:,.0f}",
            "events left": f"applied {facts['drain_seconds']:.2f} s after the last answer",
            "failures": str(len(facts["failures"])),
            "timelines verify": facts["verify"].said,
        },
    )
    for failure in facts["failures"]:
        _say(failure)


def _seen(count: int, p50: float, p99: float) -> str:
    return f"{count:,} looked for: p50 {milliseconds(p50)}, p99 {milliseconds(p99)}"


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
