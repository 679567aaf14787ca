"""Live: thousands of open streams on one web process: what each costs, and how soon a tweet is heard.

Everybody of a small town opens a stream and keeps it. First nobody does anything: the memory of the web process grows
with the second half of the streams by what a stream takes, since what the first ones bring with them once is not
theirs. Beside it stands the same of idle connections that were kept alive. Then authors post over HTTP at a steady
rate, and every stream that a tweet belongs to must hear it, once.
"""

import asyncio
import re
import resource
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import msgspec

from linnet.bench.figures import Goal, Measured, Side, compare, curve, quantile
from linnet.bench.http_client import get, open_client, post
from linnet.bench.processes import family_of, memory_bytes, process_named
from linnet.bench.scenario import Effort, Scenario, since
from linnet.bench.serving import Site, open_sessions, settled
from linnet.bench.town import build_town
from linnet.bootstrap import Services
from linnet.cli.failures import Failure
from linnet.ids import UserId
from linnet.stores.postgres import follows

_TWEETS_PER_SECOND = 1.0
_TWEET = re.compile(rb'{"id":"(\d+)","text"')
_OPENING_AT_ONCE = 50
_REST_SECONDS = 3.0
_DEADLINE_SECONDS = 120.0


class _Ear(asyncio.Protocol):
    """One stream; notes when it hears of which tweet. It has begun when ``opening`` was heard."""

    def __init__(self, request: bytes, opening: bytes) -> None:
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard: list[tuple[int, float]] = []
        self.transport: asyncio.Transport | None = None
        self._request = request
        self._opening = opening
        self._is_answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self.begun.done():
            if b" 200 OK" in data[:20]:
                self._is_answered = True
            if self._is_answered and self._opening in data:
                self.begun.set_result(None)
            elif not self._is_answered:
                self.begun.set_exception(ConnectionError(data[:200]))
            return
        if b"event: tweets" in data:
            self.heard += [(int(found), now) for found in _TWEET.findall(data)]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_exception(ConnectionError(f"the server closed the stream: {exc}"))


async def run(site: Site, effort: Effort) -> Measured:
    effort.tell("streams: building a town")
    town = await build_town(site.services, effort.scratch, seed=effort.seed, readers=effort.streams)
    await settled(site.services)
    readers = await open_sessions(site.services, town.readers)
    return await measure(site, await open_sessions(site.services, town.authors), readers, effort)


async def measure(site: Site, authors: Mapping[UserId, str], readers: Mapping[UserId, str], effort: Effort) -> Measured:
    """Every reader opens a stream and keeps it. First nothing happens; then authors post at a steady rate."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    port = site.server.port
    web = family_of(process_named(site.server.pid, "linnet", "web"))
    # Everybody has read once, so that what the process remembers of the town is not counted as a stream's.
    async with open_client(port, connections=8) as client:
        for token in readers.values():
            await client.send(get("/api/timelines/home?popular=0", token))
    effort.tell("streams: idle connections")
    # Fewer of them, so that the second half of the streams finds nothing that they left behind.
    silent: dict[UserId, _Ear] = {}
    try:
        asked = {reader: get("/health/live") for reader in list(readers)[: len(readers) // 2]}
        of_connection = await _open_ears(port, asked, silent, web, opening=b"200 OK")
    finally:
        _close(silent)
    await _rest(web)
    effort.tell(f"streams: opening {len(readers):,}")
    ears: dict[UserId, _Ear] = {}
    try:
        asked = {reader: get("/api/stream", token) for reader, token in readers.items()}
        of_stream = await _open_ears(port, asked, ears, web, opening=b"event: notifications")
        effort.tell("streams: posting")
        watched = site.watched.cpu_seconds()
        posted, taken = await _post(port, authors, effort.rounds * effort.seconds)
        expected = await _expected(site.services, list(readers), posted)
        await _until_heard(ears, sum(expected.values()))
        spent = since(watched, site.watched.cpu_seconds())
    finally:
        _close(ears)
    return _figures(ears, posted, taken, expected, (of_stream, of_connection), spent)


def _figures(
    ears: Mapping[UserId, _Ear],
    posted: Mapping[int, tuple[UserId, float]],
    taken: Sequence[float],
    expected: Counter[tuple[UserId, int]],
    bytes_each: tuple[float, float],
    spent: Mapping[str, float],
) -> Measured:
    heard = Counter((reader, tweet) for reader, ear in ears.items() for tweet, _ in ear.heard)
    missed, doubled = (expected - heard).total(), (heard - expected).total()
    delays = [
        max(0.0, moment - posted[tweet][1]) * 1000
        for ear in ears.values()
        for tweet, moment in ear.heard
        if tweet in posted
    ]
    answers = [seconds * 1000 for seconds in taken]
    kilobytes = [of_one / 1024 for of_one in bytes_each]
    cpu_us = {role: seconds / max(1, len(delays)) * 1e6 for role, seconds in spent.items()}
    return Measured(
        "streams",
        [
            compare(
                *("streams", "idle stream", "KB of web", [(kilobytes[0], kilobytes[1])]),
                beside="idle connection",
                goal=Goal("≤ 40 KB", ours_at_most=40.0),
            ),
            compare(
                *("streams", "answer → heard, median", "ms", [(quantile(delays, 0.5), quantile(answers, 0.5))]),
                beside="post → answer",
            ),
            compare(
                *("streams", "answer → heard, p99", "ms", [(quantile(delays, 0.99), quantile(answers, 0.99))]),
                beside="post → answer",
            ),
            compare(
                *("streams", "lost or doubled", "deliveries", [(missed + doubled, len(delays))]),
                beside="all deliveries",
                goal=Goal("0", ours_at_most=0.0),
            ),
        ],
        [_side("answer → heard", delays, cpu_us), _side("post → answer", answers, {})],
        f"{len(ears):,} streams on one web process; {len(posted)} tweets, one after the other",
    )


def _side(name: str, times: Sequence[float], cpu_us: dict[str, float]) -> Side:
    return Side("streams", name, len(times), quantile(times, 0.5), quantile(times, 0.99), curve(times), cpu_us, {})


async def _rest(pids: Sequence[int]) -> int:
    """Bytes of memory that processes hold for themselves, when nothing has been asked of them for a moment."""
    await asyncio.sleep(_REST_SECONDS)
    held = memory_bytes(pids)
    if held is None:
        raise Failure("the memory of the web process cannot be read here (/proc/PID/smaps_rollup).")
    return held


def _same(ear: _Ear) -> _Ear:
    return ear


async def _open_ears(
    port: int, requests: Mapping[UserId, bytes], ears: dict[UserId, _Ear], web: Sequence[int], *, opening: bytes
) -> float:
    """Fills ``ears``. Bytes of the web process for each, by the second half of them."""
    loop = asyncio.get_running_loop()
    readers, half = list(requests), len(requests) // 2
    held = []
    for part in (readers[:half], readers[half:]):
        for at in range(0, len(part), _OPENING_AT_ONCE):
            for reader in part[at : at + _OPENING_AT_ONCE]:
                ear = ears[reader] = _Ear(requests[reader], opening)
                await loop.create_connection(partial(_same, ear), "127.0.0.1", port)
            for reader in part[at : at + _OPENING_AT_ONCE]:
                await ears[reader].begun
        held.append(await _rest(web))
    return (held[1] - held[0]) / max(1, len(readers) - half)


def _close(ears: Mapping[UserId, _Ear]) -> None:
    for ear in ears.values():
        if ear.transport is not None:
            ear.transport.close()


async def _post(
    port: int, tokens: Mapping[UserId, str], seconds: float
) -> tuple[dict[int, tuple[UserId, float]], list[float]]:
    """Author and moment of each tweet that was accepted, and how long each took."""
    posted: dict[int, tuple[UserId, float]] = {}
    taken: list[float] = []
    authors = list(tokens)
    async with open_client(port, connections=1) as client:
        start = time.monotonic()
        for number in range(max(1, round(seconds * _TWEETS_PER_SECOND))):
            await asyncio.sleep(max(0.0, start + number / _TWEETS_PER_SECOND - time.monotonic()))
            author = authors[number % len(authors)]
            body = msgspec.json.encode({"text": f"tweet {number} of a few words that are no matter"})
            sent = time.monotonic()
            answer = await client.send(post("/api/tweets", tokens[author], body))
            if answer.status != 201:
                raise Failure(f"a tweet was answered {answer.status}.")
            posted[int(msgspec.json.decode(answer.body)["id"])] = author, time.monotonic()
            taken.append(time.monotonic() - sent)
    return posted, taken


async def _expected(
    services: Services, readers: Sequence[UserId], posted: Mapping[int, tuple[UserId, float]]
) -> Counter[tuple[UserId, int]]:
    """Who is to hear which tweet, once each."""
    listening = set(readers)
    followers = {
        author: await follows.fetch_follower_ids(services.db, author, above_id=0, page_size=100_000)
        for author in {author for author, _ in posted.values()}
    }
    return Counter(
        (reader, tweet) for tweet, (author, _) in posted.items() for reader in followers[author] if reader in listening
    )


async def _until_heard(ears: dict[UserId, _Ear], count: int) -> None:
    for _ in range(round(_DEADLINE_SECONDS / 0.2)):
        if sum(len(ear.heard) for ear in ears.values()) >= count:
            return
        await asyncio.sleep(0.2)


SCENARIO = Scenario(
    "streams",
    "open streams: memory of an idle one, and how soon a tweet is heard; beside an idle connection",
    run,
    {"LINNET_WEB_PROCESSES": "1", "LINNET_DATABASE_POOL_SIZE": "8"},
)
