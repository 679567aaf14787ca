"""Thousands of open streams on one web process: what each costs, and how soon a tweet is heard.

Run ``python -m bench.streams``. It starts a linnet of its own in a temporary directory, with one web process, and lets
everybody of a small town open a stream and keep it. First nobody does anything, and the memory of the web process is
compared with that before, and with what as many idle connections take that were kept alive. Then authors post over HTTP
at a steady rate, and every stream that a tweet belongs to must hear it, once.
"""

import argparse
import asyncio
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

import msgspec

from bench.figures import milliseconds, quantile, show_facts, write_json
from bench.http_client import get, open_client, post
from bench.serving import Serving, beside, cpu_seconds, family_of, open_sessions, process_named, serving, settled
from bench.town import Town, build_town
from linnet.bootstrap import Services
from linnet.ids import UserId
from linnet.stores.postgres import follows

_SETTINGS = {"LINNET_WEB_PROCESSES": "1", "LINNET_DATABASE_POOL_SIZE": "8"}
_TWEET = re.compile(rb'{"id":"(\d+)","text"')
_OPENING_AT_ONCE = 50
_REST_SECONDS = 3.0
_DEADLINE_SECONDS = 120.0


class Figures(msgspec.Struct, frozen=True):
    """What came of it. ``heard`` are the delays of all deliveries, from the moment the 201 was there."""

    streams: int
    opening_seconds: float
    bytes_per_stream: float
    bytes_per_connection: float
    idle_cpu_share: float
    tweets: int
    deliveries: int
    missed: int
    doubled: int
    heard: list[float]
    cpu_per_delivery: float


class _Ear(asyncio.Protocol):
    """One stream; notes when it hears of which tweet."""

    def __init__(self, request: bytes) -> None:
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard: list[tuple[int, float]] = []
        self.transport: asyncio.Transport | None = None
        self._request = request
        self._is_answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self.begun.done():
            if b" 200 OK" in data[:20]:
                self._is_answered = True
            if self._is_answered and b"event: notifications" in data:
                self.begun.set_result(None)
            elif not self._is_answered:
                self.begun.set_exception(ConnectionError(data[:200]))
            return
        if b"event: tweets" in data:
            self.heard += [(int(found), now) for found in _TWEET.findall(data)]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_exception(ConnectionError(f"the server closed the stream: {exc}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=2000, help="how many are open (default 2,000)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long people post (default 30)")
    parser.add_argument("--rate", type=float, default=1.0, help="tweets a second (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="what the data is made from (default 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with serving(_SETTINGS) as server, tempfile.TemporaryDirectory(prefix="linnet-bench-") as scratch:
        figures = asyncio.run(_measure(server, options, Path(scratch)))
    show_facts(
        f"{figures.streams:,} streams on one web process",
        {
            "memory of a stream": f"{figures.bytes_per_stream / 1024:.1f} KB (goal ≤ 40 KB)",
            "memory of an idle connection": f"{figures.bytes_per_connection / 1024:.1f} KB",
            "to open all of them": f"{figures.opening_seconds:.1f} s",
            "CPU while nothing happens": f"{figures.idle_cpu_share:.1%} of a core",
            "tweets, deliveries": f"{figures.tweets:,}, {figures.deliveries:,}",
            "missed, doubled": f"{figures.missed:,}, {figures.doubled:,}",
            "201 → heard, p50": milliseconds(quantile(figures.heard, 0.5)),
            "201 → heard, p99": milliseconds(quantile(figures.heard, 0.99)),
            "CPU of the web process per delivery": f"{figures.cpu_per_delivery * 1e6:.0f} µs",
        },
    )
    write_json(options.json, {"options": vars(options) | {"json": None}, "figures": figures})
    sys.exit(0 if figures.bytes_per_stream <= 40 * 1024 and not figures.missed and not figures.doubled else 1)


async def _measure(server: Serving, options: argparse.Namespace, scratch: Path) -> Figures:
    web = family_of(process_named(server.pid, "linnet", "web"))
    async with beside(server) as services:
        print("building a town …", file=sys.stderr, flush=True)
        town = await build_town(services, scratch, seed=options.seed, readers=options.streams)
        await settled(services)
        readers = list((await open_sessions(services, town.readers)).items())
        authors = await open_sessions(services, town.authors)
        # Everybody has read once, so that what the process remembers of the town is not counted as a stream's.
        async with open_client(server.port, connections=8) as client:
            for _, token in readers:
                await client.send(get("/api/timelines/home?popular=0", token))
        before = await _rest(web)
        async with open_client(server.port, connections=len(readers)) as client:
            # All at once, so that each is on a connection of its own.
            await asyncio.gather(*(client.send(get("/health/live")) for _ in readers))
            connected = await _rest(web)
        await _rest(web)
        print("opening streams …", file=sys.stderr, flush=True)
        start = time.monotonic()
        ears = await _open_ears(server.port, readers)
        opening_seconds = time.monotonic() - start
        with_streams = await _rest(web)
        idle_start, cpu_start = time.monotonic(), cpu_seconds(web)
        await asyncio.sleep(_REST_SECONDS)
        idle_cpu_share = (cpu_seconds(web) - cpu_start) / (time.monotonic() - idle_start)
        print("posting …", file=sys.stderr, flush=True)
        cpu_start = cpu_seconds(web)
        posted = await _post(server.port, authors, options)
        expected = await _expected(services, town, posted)
        await _until_heard(ears, sum(expected.values()))
        cpu_spent = cpu_seconds(web) - cpu_start
        figures = _count(ears, posted, expected)
        for ear in ears.values():
            if ear.transport is not None:
                ear.transport.close()
    return msgspec.structs.replace(
        figures,
        opening_seconds=opening_seconds,
        bytes_per_stream=(with_streams - before) / len(ears),
        bytes_per_connection=(connected - before) / len(ears),
        idle_cpu_share=idle_cpu_share,
        cpu_per_delivery=cpu_spent / max(1, figures.deliveries),
    )


async def _rest(pids: Sequence[int]) -> int:
    """Bytes of memory that processes hold for themselves, when nothing has been asked of them for a moment."""
    await asyncio.sleep(_REST_SECONDS)
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def _same(ear: _Ear) -> _Ear:
    return ear


async def _open_ears(port: int, readers: Sequence[tuple[UserId, str]]) -> dict[UserId, _Ear]:
    loop = asyncio.get_running_loop()
    ears: dict[UserId, _Ear] = {}
    for at in range(0, len(readers), _OPENING_AT_ONCE):
        for reader, token in readers[at : at + _OPENING_AT_ONCE]:
            ear = ears[reader] = _Ear(get("/api/stream", token))
            await loop.create_connection(partial(_same, ear), "127.0.0.1", port)
        for reader, _ in readers[at : at + _OPENING_AT_ONCE]:
            await ears[reader].begun
    return ears


async def _post(port: int, tokens: dict[UserId, str], options: argparse.Namespace) -> dict[int, tuple[UserId, float]]:
    """Author and moment of each tweet that was accepted."""
    posted: dict[int, tuple[UserId, float]] = {}
    authors = list(tokens)
    async with open_client(port, connections=1) as client:
        start = time.monotonic()
        for number in range(round(options.seconds * options.rate)):
            await asyncio.sleep(max(0.0, start + number / options.rate - time.monotonic()))
            author = authors[number % len(authors)]
            body = msgspec.json.encode({"text": f"tweet {number} of a few words that are no matter"})
            answer = await client.send(post("/api/tweets", tokens[author], body))
            if answer.status == 201:
                posted[int(msgspec.json.decode(answer.body)["id"])] = author, time.monotonic()
    return posted


async def _expected(
    services: Services, town: Town, posted: dict[int, tuple[UserId, float]]
) -> Counter[tuple[UserId, int]]:
    """Who is to hear which tweet, once each."""
    readers = set(town.readers)
    followers = {
        author: await follows.fetch_follower_ids(services.db, author, above_id=0, page_size=100_000)
        for author in {author for author, _ in posted.values()}
    }
    return Counter(
        (reader, tweet) for tweet, (author, _) in posted.items() for reader in followers[author] if reader in readers
    )


async def _until_heard(ears: dict[UserId, _Ear], count: int) -> None:
    for _ in range(round(_DEADLINE_SECONDS / 0.2)):
        if sum(len(ear.heard) for ear in ears.values()) >= count:
            return
        await asyncio.sleep(0.2)


def _count(
    ears: dict[UserId, _Ear], posted: dict[int, tuple[UserId, float]], expected: Counter[tuple[UserId, int]]
) -> Figures:
    heard = Counter((reader, tweet) for reader, ear in ears.items() for tweet, _ in ear.heard)
    delays = [
        max(0.0, moment - posted[tweet][1]) for ear in ears.values() for tweet, moment in ear.heard if tweet in posted
    ]
    return Figures(
        streams=len(ears),
        opening_seconds=0.0,
        bytes_per_stream=0.0,
        bytes_per_connection=0.0,
        idle_cpu_share=0.0,
        tweets=len(posted),
        deliveries=len(delays),
        missed=(expected - heard).total(),
        doubled=(heard - expected).total(),
        heard=delays,
        cpu_per_delivery=0.0,
    )


if __name__ == "__main__":
    main()
