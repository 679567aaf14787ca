"""One run: people are made, each fault strikes while they are at work, and after each all is looked at."""

import asyncio
import ctypes
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from bench.chaos.checks import Memory, check_timelines, drained, read_truth
from bench.chaos.faults import Fault
from bench.chaos.figures import Figures, measure
from bench.chaos.ledger import Mistake, Request, Truth, judge
from bench.chaos.load import Outcome, Plan
from bench.chaos.stage import Stage
from linnet.bench.serving import open_sessions
from linnet.bench.town import build_town
from linnet.bootstrap import open_services

_LIBC = ctypes.CDLL(None)
_SETTLE_SECONDS = 120.0


class Options(msgspec.Struct, frozen=True):
    """``seconds``: of load after each fault struck, at least; it goes on until everything is back. ``calm_seconds``: of
    load before it. ``rate``: requests a second, beside those that watch for tweets."""

    seconds: float = 20.0
    calm_seconds: float = 4.0
    rate: float = 60.0
    seed: int = 1
    authors: int = 40
    readers: int = 40
    followed_each: int = 20
    tweets_each: int = 4
    watched: int = 4


class Result(msgspec.Struct, frozen=True):
    """Of one fault.

    ``fault_seconds``: until all parts were back. ``drain_seconds``: until no event waited any more, after the load.
    ``asked_again``: requests that a client sent once more because its kept connection ended without an answer.
    """

    fault: str
    sentence: str
    fault_seconds: float
    figures: Figures
    drain_seconds: float
    asked_again: int
    grown_bytes: int
    mistakes: list[Mistake]


class Run:
    """The people of one run: ``requests`` is all that they asked for and were told so far.

    ``begin`` is what was there before, ``found`` what was there when it was looked at last.
    """

    def __init__(
        self,
        stage: Stage,
        options: Options,
        *,
        tokens: dict[int, str],
        watched: list[tuple[int, int]],
        begin: Truth,
        memory: Memory,
    ) -> None:
        self._stage = stage
        self._options = options
        self._tokens = tokens
        self._watched = watched
        self._memory = memory
        self.begin = begin
        self.found = begin
        self.requests: list[Request] = []

    @classmethod
    async def prepare(cls, stage: Stage, options: Options) -> "Run":
        """People who follow each other and have posted; some pairs of them are watched and never part."""
        async with open_services(stage.settings, role="command") as services:
            town = await build_town(
                services,
                stage.directory,
                seed=options.seed,
                authors=options.authors,
                readers=options.readers,
                followed_each=options.followed_each,
                tweets_each=options.tweets_each,
            )
            tokens = await open_sessions(services, [*town.authors, *town.readers])
        await drained(stage)
        begin = await read_truth(stage)
        return cls(
            stage,
            options,
            tokens={int(user_id): token for user_id, token in tokens.items()},
            watched=_disjoint_pairs(begin, {int(each) for each in town.readers}, options.watched),
            begin=begin,
            memory=Memory.of(stage),
        )

    async def strike(self, fault: Fault, number: int) -> Result:
        """Load, the fault in the middle of it, load until all is back and longer, and then the checks."""
        stage, options = self._stage, self._options
        path = stage.directory / f"load{number}.plan"
        path.write_bytes(msgspec.json.encode(self._plan(await read_truth(stage), number)))
        async with _loading(path) as outcome:
            await asyncio.sleep(options.calm_seconds)
            struck = time.monotonic()
            await fault.strike(stage)
            await stage.wait_ready()
            healed = time.monotonic()
            await asyncio.sleep(max(options.calm_seconds, options.seconds - (healed - struck)))
        self.requests += outcome.requests
        drain_seconds = await drained(stage)
        grown, mistakes = await self._check(number)
        lags = [(seen.acknowledged, seen.lag_seconds) for seen in outcome.seen]
        figures = measure(outcome.requests, lags, struck=struck, healed=healed)
        if figures.unseen:
            mistakes.append(Mistake("unseen", f"{figures.unseen} tweets did not reach a follower"))
        if fault.is_planned and (figures.refused or figures.failed):
            mistakes.append(Mistake("noticed", f"{figures.refused} requests were refused, {figures.failed} failed"))
        return Result(
            fault.name, fault.sentence, healed - struck, figures, drain_seconds, outcome.asked_again, grown, mistakes
        )

    async def _check(self, number: int) -> tuple[int, list[Mistake]]:
        memory = Memory.of(self._stage)
        self.found = await read_truth(self._stage)
        mistakes = judge(self.begin, self.requests, self.found)
        async with open_services(self._stage.settings, role="command") as services:
            mistakes += await check_timelines(self._stage, services, self._tokens, seed=self._options.seed + number)
        return self._memory.grown_bytes(memory), mistakes + self._memory.judge(memory)

    def _plan(self, truth: Truth, number: int) -> Plan:
        return Plan(
            port=self._stage.port,
            seed=self._options.seed * 1000 + number,
            name=f"{self._options.seed}-{number}",
            rate=self._options.rate,
            tokens=self._tokens,
            following=sorted(truth.following),
            tweets=[(tweet.author_id, tweet.id) for tweet in truth.tweets],
            likes=sorted(truth.likes & {(user_id, tweet.id) for tweet in truth.tweets for user_id in self._tokens}),
            watched=self._watched,
        )


def _disjoint_pairs(truth: Truth, readers: set[int], count: int) -> list[tuple[int, int]]:
    """Authors and followers, nobody in two pairs."""
    pairs: list[tuple[int, int]] = []
    taken: set[int] = set()
    for follower_id, author_id in sorted(truth.following):
        if follower_id in readers and author_id not in readers and not taken & {follower_id, author_id}:
            pairs.append((author_id, follower_id))
            taken |= {follower_id, author_id}
    return pairs[:count]


@asynccontextmanager
async def _loading(path: Path) -> AsyncIterator[Outcome]:
    """The load runs during the block; its outcome is filled in at the end of it."""
    outcome = Outcome()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.chaos.load",
        str(path),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        preexec_fn=lambda: _LIBC.prctl(1, signal.SIGKILL, 0, 0, 0),
    )
    try:
        assert process.stdout is not None
        await process.stdout.readline()
        yield outcome
        process.terminate()
        async with asyncio.timeout(_SETTLE_SECONDS):
            code = await process.wait()
        if code:
            raise SystemExit(f"the load ended with {code}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found = msgspec.msgpack.decode(path.with_suffix(".outcome").read_bytes(), type=Outcome)
    outcome.requests, outcome.seen, outcome.asked_again = found.requests, found.seen, found.asked_again


async def run(stage: Stage, faults: Sequence[Fault], options: Options) -> list[Result]:
    """Each fault once, in this order."""
    prepared = await Run.prepare(stage, options)
    results = []
    for number, fault in enumerate(faults):
        print(f"{fault.name}: {fault.sentence} …", file=sys.stderr, flush=True)
        results.append(await prepared.strike(fault, number))
    return results
