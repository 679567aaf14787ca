"""The clients of ``bench.path_of_a_tweet``, in a process of their own: some post, some read, some wait for a tweet.

``python -m bench.tweet_load PLAN`` reads what to do from PLAN and writes what happened beside it.
"""

import asyncio
import random
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from linnet.bench.http_client import Client, get, open_client, post

_POSTING_CONNECTIONS = 64
_WATCHING_CONNECTIONS = 16
_WATCH_PAUSE_SECONDS = 0.002
_WATCH_SECONDS = 15.0
_HOME = "/api/timelines/home"


class Author(msgspec.Struct, frozen=True):
    """Somebody who posts. ``follower_tokens`` are some of those whose windows are warm; ``pulled``: a top user."""

    token: str
    follower_tokens: list[str]
    pulled: bool


class Plan(msgspec.Struct, frozen=True):
    """Who posts in which order (indexes of ``authors``), how often, and who reads meanwhile.

    ``readers`` read at the same time, each again ``pause_seconds`` after the answer. Of every ``watch_every``-th tweet
    somebody who follows its author looks until it is there.
    """

    port: int
    seed: int
    rate: float
    order: list[int]
    authors: list[Author]
    reader_tokens: list[str]
    readers: int
    pause_seconds: float
    watch_every: int


class Outcome(msgspec.Struct):
    """Times in seconds. ``accepted`` is from the moment a tweet was due, not from when a client was free to send it."""

    accepted: list[float] = msgspec.field(default_factory=list)
    read: list[float] = msgspec.field(default_factory=list)
    seen_pushed: list[float] = msgspec.field(default_factory=list)
    seen_pulled: list[float] = msgspec.field(default_factory=list)
    not_seen: int = 0
    failures: list[str] = msgspec.field(default_factory=list)
    posting_seconds: float = 0.0


class _Posted(msgspec.Struct):
    id: str


async def run(plan: Plan) -> Outcome:
    outcome = Outcome()
    chance = random.Random(plan.seed)
    over = asyncio.Event()
    async with (
        open_client(plan.port, connections=_POSTING_CONNECTIONS) as posting,
        open_client(plan.port, connections=_WATCHING_CONNECTIONS) as watching,
        open_client(plan.port, connections=plan.readers) as reading,
    ):
        readers = [asyncio.create_task(_read(plan, reading, outcome, chance, over)) for _ in range(plan.readers)]
        start = time.monotonic()
        tweets: list[asyncio.Task[None]] = []
        for number, author in enumerate(plan.order):
            due = start + number / plan.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            watcher = None
            if number % plan.watch_every == 0 and plan.authors[author].follower_tokens:
                watcher = chance.choice(plan.authors[author].follower_tokens)
            tweets.append(
                asyncio.create_task(_post(plan.authors[author], number, due, posting, watching, watcher, outcome))
            )
        await asyncio.gather(*tweets)
        outcome.posting_seconds = time.monotonic() - start
        over.set()
        await asyncio.gather(*readers)
    return outcome


async def _post(
    author: Author, number: int, due: float, posting: Client, watching: Client, watcher: str | None, outcome: Outcome
) -> None:
    body = msgspec.json.encode({"text": f"Tweet number {number} of this run. #bench"})
    try:
        answer = await posting.send(post("/api/tweets", author.token, body))
    except (OSError, TimeoutError) as error:
        outcome.failures.append(repr(error))
        return
    answered = time.monotonic()
    if answer.status != 201:
        outcome.failures.append(answer.body.decode("utf-8", "replace")[:200])
        return
    outcome.accepted.append(answered - due)
    if watcher is None:
        return
    wanted = b'"id":"%b"' % msgspec.json.decode(answer.body, type=_Posted).id.encode()
    request = get(_HOME, watcher)
    while True:
        page = await watching.send(request)
        now = time.monotonic()
        if wanted in page.body:
            (outcome.seen_pulled if author.pulled else outcome.seen_pushed).append(now - answered)
            return
        if now - answered > _WATCH_SECONDS:
            outcome.not_seen += 1
            return
        await asyncio.sleep(_WATCH_PAUSE_SECONDS)


async def _read(plan: Plan, reading: Client, outcome: Outcome, chance: random.Random, over: asyncio.Event) -> None:
    while not over.is_set():
        request = get(_HOME, chance.choice(plan.reader_tokens))
        sent = time.monotonic()
        try:
            answer = await reading.send(request)
        except (OSError, TimeoutError) as error:
            outcome.failures.append(repr(error))
            continue
        outcome.read.append(time.monotonic() - sent)
        if answer.status != 200:
            outcome.failures.append(answer.body.decode("utf-8", "replace")[:200])
        if plan.pause_seconds:
            await asyncio.sleep(plan.pause_seconds)


def main() -> None:
    path = Path(sys.argv[1])
    plan = msgspec.json.decode(path.read_bytes(), type=Plan)
    outcome = uvloop.run(run(plan))
    path.with_suffix(".outcome").write_bytes(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
