"""The people of a chaos run, in a process of their own: they post, follow, like, read, delete, and write it all down.

``python -m bench.chaos.load PLAN`` reads what to do from PLAN, says "started", goes on until SIGTERM, and writes what
happened beside the plan. Requests come at a steady rate, however long answers take; each person does one thing at a
time, so what a person was told has an order.
"""

import asyncio
import random
import signal
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from bench.chaos.http import HttpClient
from bench.chaos.ledger import Request
from bench.chaos.people import Crowd, Person

# Of a hundred requests. The rest reads.
_SHARES = {"post": 25, "follow": 8, "unfollow": 6, "like": 14, "unlike": 4, "delete": 5}
_WATCH_SECONDS = 60.0
_WATCH_PAUSES = (0.02, 0.25)
_BETWEEN_WATCHES_SECONDS = 0.5
# What refusals say.
_COME_AGAIN_SECONDS = 1.0


class Plan(msgspec.Struct, frozen=True):
    """Who is there and what is so at the start. ``watched`` are pairs of an author and a follower that nobody parts."""

    port: int
    seed: int
    name: str
    rate: float
    tokens: dict[int, str]
    following: list[tuple[int, int]]
    tweets: list[tuple[int, int]]
    """Author and id, of those that may be liked; their authors may delete them."""
    likes: list[tuple[int, int]]
    watched: list[tuple[int, int]]


class Seen(msgspec.Struct, frozen=True):
    """A tweet that a follower waited for: when it was acknowledged, and how long it took; None: it never came."""

    acknowledged: float
    lag_seconds: float | None


class Outcome(msgspec.Struct):
    """In the order in which requests ended. ``asked_again``: on a new connection, when a kept one was gone."""

    requests: list[Request] = msgspec.field(default_factory=list)
    seen: list[Seen] = msgspec.field(default_factory=list)
    asked_again: int = 0


class _Load:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._outcome = Outcome()
        self._chance = random.Random(plan.seed)
        self._client = HttpClient(plan.port)
        self._crowd = Crowd(self._client, plan.tokens, self._outcome.requests.append)
        watching = {user_id for pair in plan.watched for user_id in pair}
        for follower_id, followed_id in plan.following:
            self._crowd.people[follower_id].follows.add(followed_id)
        for author_id, tweet_id in plan.tweets:
            self._crowd.add_tweet(author_id, tweet_id)
        for user_id, tweet_id in plan.likes:
            self._crowd.people[user_id].likes.add(tweet_id)
        self._idle = [person for user_id, person in self._crowd.people.items() if user_id not in watching]
        self._somebody_is_idle = asyncio.Event()
        self._keys = 0

    async def run(self, stop: asyncio.Event) -> Outcome:
        """Returns when all that was asked is answered, or given up."""
        try:
            async with asyncio.TaskGroup() as group:
                for author_id, watcher_id in self._plan.watched:
                    group.create_task(self._watch(author_id, watcher_id, stop))
                await self._act_steadily(group, stop)
        finally:
            self._client.close()
        self._outcome.asked_again = self._client.asked_again
        return self._outcome

    async def _act_steadily(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        start, number = time.monotonic(), 0
        while not stop.is_set():
            due = start + number / self._plan.rate
            number += 1
            if (pause := due - time.monotonic()) > 0:
                await asyncio.sleep(pause)
            while not self._idle:
                # All wait for answers: bounded, and what comes too late for it is counted from when it was due.
                self._somebody_is_idle.clear()
                await self._somebody_is_idle.wait()
            person = self._idle.pop(self._chance.randrange(len(self._idle)))
            group.create_task(self._act(person, due, stop))

    async def _act(self, person: Person, due: float, stop: asyncio.Event) -> None:
        try:
            await self._do_something(person, due, stop)
        finally:
            self._idle.append(person)
            self._somebody_is_idle.set()

    async def _do_something(self, person: Person, due: float, stop: asyncio.Event) -> None:
        chance, crowd = self._chance, self._crowd
        verb = chance.choices([*_SHARES, "read"], [*_SHARES.values(), 100 - sum(_SHARES.values())])[0]
        if verb == "post":
            await self._post(person, due, stop)
        elif verb == "follow":
            other = chance.choice(list(crowd.people))
            if other != person.id:
                await crowd.follow(person, other, due=due, wanted=True)
        elif verb == "unfollow" and person.follows:
            await crowd.follow(person, chance.choice(sorted(person.follows)), due=due, wanted=False)
        elif verb == "like" and crowd.tweets:
            await crowd.like(person, chance.choice(crowd.tweets), due=due, wanted=True)
        elif verb == "unlike" and person.likes:
            await crowd.like(person, chance.choice(sorted(person.likes)), due=due, wanted=False)
        elif verb == "delete" and person.tweets:
            await crowd.delete(person, chance.choice(person.tweets), due=due)
        else:
            await crowd.read(person, due=due)

    async def _post(self, person: Person, due: float, stop: asyncio.Event) -> Request:
        """Until it is acknowledged: whoever does not know whether it came through sends it again, with the same key."""
        self._keys += 1
        key = f"{self._plan.name}-{self._keys}"
        while True:
            request = await self._crowd.post(person, key, f"Tweet {key} of this run. #chaos", due=due)
            if request.is_acknowledged or stop.is_set():
                return request
            await asyncio.sleep(_COME_AGAIN_SECONDS)
            due = time.monotonic()

    async def _watch(self, author_id: int, watcher_id: int, stop: asyncio.Event) -> None:
        """Somebody posts, and a follower looks until it is there."""
        author, watcher = self._crowd.people[author_id], self._crowd.people[watcher_id]
        while not stop.is_set():
            request = await self._post(author, time.monotonic(), stop)
            if request.is_acknowledged:
                self._outcome.seen.append(Seen(request.ended, await self._wait_seen(watcher, request)))
            await asyncio.sleep(_BETWEEN_WATCHES_SECONDS)

    async def _wait_seen(self, watcher: Person, posted: Request) -> float | None:
        pause, before = _WATCH_PAUSES[0], None
        while True:
            page = await self._crowd.read(watcher, due=time.monotonic(), before=before)
            now = time.monotonic()
            if page is not None and posted.tweet_id in page:
                return now - posted.ended
            if page and page[-1] > posted.tweet_id:
                # So much else has come meanwhile that it belongs further down by now.
                before = posted.tweet_id + 1
            if now > posted.ended + _WATCH_SECONDS:
                return None
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _WATCH_PAUSES[1])


async def _run(plan: Plan) -> Outcome:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("started", flush=True)
    return await _Load(plan).run(stop)


def main() -> None:
    path = Path(sys.argv[1])
    outcome = uvloop.run(_run(msgspec.json.decode(path.read_bytes(), type=Plan)))
    path.with_suffix(".outcome").write_bytes(msgspec.msgpack.encode(outcome))


if __name__ == "__main__":
    main()
