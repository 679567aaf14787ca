"""What must hold once a fault is over and all that waited is done: asked of the stores and over HTTP."""

import asyncio
import random
import time
from collections.abc import Sequence

import msgspec
import psycopg

from bench.chaos.http import HttpClient
from bench.chaos.ledger import Mistake, Truth, Tweet
from bench.chaos.stage import Stage
from linnet.bootstrap import Services
from linnet.ids import MAX_ID, UserId
from linnet.read.timelines.verify import VerifyOptions, verify_windows
from linnet.stores.postgres import home

_DRAIN_SECONDS = 120.0
_POLL_SECONDS = 0.05
# Nobody posts any more, so a difference that is there twice stays.
_LOOKS = VerifyOptions(looks=2)
_PAGE_SIZE = 50
_MOST_ENTRIES = 1000
# A process that holds more than at the start by so much more than what it is given to do has a leak.
_GROWTH_BYTES = 96 << 20
# All tweets and people: a run has few.
_MISCOUNTED = b"""
select format('tweet %s has %s likes and counts %s', t.id, n.likes, t.likes_count)
from tweets t, lateral (
    select count(*) as likes from tweet_likes l where l.author_id = t.author_id and l.tweet_id = t.id
) n
where t.likes_count <> n.likes
union all
select format('user %s has %s tweets, %s followers, follows %s and counts %s, %s, %s',
    u.id, n.tweets, n.followers, n.following, u.tweets_count, u.followers_count, u.following_count)
from users u, lateral (
    select (select count(*) from tweets t where t.author_id = u.id) as tweets,
        (select count(*) from followers f where f.user_id = u.id) as followers,
        (select count(*) from following f where f.user_id = u.id) as following
) n
where (u.tweets_count, u.followers_count, u.following_count) <> (n.tweets, n.followers, n.following)
"""


class _Item(msgspec.Struct):
    id: str


class _Page(msgspec.Struct):
    items: list[_Item]
    next: str | None = None


async def drained(stage: Stage) -> float:
    """Waits until no event waits, or for two minutes; returns for how long."""
    start = time.monotonic()
    while time.monotonic() < start + _DRAIN_SECONDS:
        truth = await asyncio.to_thread(_count_events, stage.postgres.url)
        if truth[0] == 0:
            break
        await asyncio.sleep(_POLL_SECONDS)
    return time.monotonic() - start


async def read_truth(stage: Stage) -> Truth:
    return await asyncio.to_thread(_read_truth, stage.postgres.url)


async def check_timelines(stage: Stage, services: Services, readers: dict[int, str], *, seed: int) -> list[Mistake]:
    """Every window against its definition, and these readers' pages over HTTP, down to the first tweet."""
    mistakes = [
        Mistake("window differs", f"reader {checked.reader_id}: {len(checked.missing)} missing, {checked.extra} extra")
        async for checked in verify_windows(services.read, sample=10_000, repair=False, options=_LOOKS)
        if checked.differs
    ]
    client = HttpClient(stage.port)
    try:
        for reader_id in random.Random(seed).sample(sorted(readers), len(readers)):
            expected = [
                str(entry.id)
                for entry in await home.fetch_oracle(
                    services.db, UserId(reader_id), before_id=MAX_ID, page_size=_MOST_ENTRIES
                )
            ]
            shown = await _read_home(client, readers[reader_id])
            if shown != expected:
                lacking, too_many = sorted(set(expected) - set(shown)), sorted(set(shown) - set(expected))
                mistakes.append(
                    Mistake("page differs", f"reader {reader_id}: lacks {lacking[:5]}, has {too_many[:5]} too many")
                )
    finally:
        client.close()
    return mistakes


async def _read_home(client: HttpClient, token: str) -> list[str]:
    """All pages, one after the other."""
    shown: list[str] = []
    query = f"limit={_PAGE_SIZE}&popular=0"
    path: str | None = f"/api/timelines/home?{query}"
    while path is not None and len(shown) < _MOST_ENTRIES:
        answer = await client.ask("GET", path, token)
        if answer.status != 200:
            return [*shown, f"status {answer.status}"]
        page = msgspec.json.decode(answer.body, type=_Page)
        shown += [item.id for item in page.items]
        path = None if page.next is None else f"/api/timelines/home?{query}&before={page.next}"
    return shown[:_MOST_ENTRIES]


class Memory(msgspec.Struct, frozen=True):
    """What each of our processes held at the start."""

    by_name: dict[str, int]

    @classmethod
    def of(cls, stage: Stage) -> "Memory":
        return cls({each.name: each.memory_bytes() for each in stage.linnets})

    def grown_bytes(self, now: "Memory") -> int:
        """Of the one that grew most."""
        return max(now.by_name[name] - held for name, held in self.by_name.items())

    def judge(self, now: "Memory") -> list[Mistake]:
        grown = {name: now.by_name[name] - held for name, held in self.by_name.items()}
        return [Mistake("grows", f"{name} by {more >> 20} MiB") for name, more in grown.items() if more > _GROWTH_BYTES]


def _count_events(url: str) -> tuple[int, int]:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select (select count(*) from outbox), (select count(*) from parked_events)"
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])


def _read_truth(url: str) -> Truth:
    waiting, parked = _count_events(url)
    with psycopg.connect(url) as connection:

        def pairs(query: bytes) -> frozenset[tuple[int, int]]:
            return frozenset(connection.execute(query).fetchall())

        tweets: Sequence[tuple[int, int, str]] = connection.execute(
            "select id, author_id, text from tweets order by id"
        ).fetchall()
        return Truth(
            [Tweet(*row) for row in tweets],
            following=pairs(b"select user_id, followed_id from following"),
            followers=pairs(b"select follower_id, user_id from followers"),
            likes=pairs(b"select user_id, tweet_id from likes"),
            likers=pairs(b"select user_id, tweet_id from tweet_likes"),
            miscounted=[row[0] for row in connection.execute(_MISCOUNTED).fetchall()],
            events_waiting=waiting,
            events_parked=parked,
        )
