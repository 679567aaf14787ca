"""A town to be measured in: some people who follow each other and have posted, made from a seed."""

import asyncio
import random
from pathlib import Path

import msgspec

from linnet.bootstrap import Services
from linnet.clock import ManualClock
from linnet.ids import IdSource, Lease, UserId
from linnet.stores.postgres import users
from linnet.write.actions.imports import Stage, import_graph
from linnet.write.actions.tweets import post_tweet
from linnet.write.deps import WriteDeps

_WORDS = ("bread", "harbour", "lantern", "sparrow", "kettle", "ladder", "river", "garden", "ferry", "violin", "teapot")
_AT_ONCE = 8


class Town(msgspec.Struct, frozen=True):
    """Authors have posted; readers follow some of them and have not read yet."""

    authors: list[UserId]
    readers: list[UserId]


async def build_town(
    services: Services,
    scratch: Path,
    *,
    seed: int,
    authors: int = 60,
    readers: int = 100,
    tweets_each: int = 15,
    followed_each: int = 20,
    hours_ago: int = 0,
) -> Town:
    """Without log-ins. The events of it may be waiting still. ``hours_ago``: when they have posted."""
    chance = random.Random(seed)
    lines = [
        f"{1000 + reader} {author}"
        for reader in range(readers)
        for author in sorted(chance.sample(range(authors), min(followed_each, authors)))
    ]
    path = scratch / "town.txt"
    path.write_text("\n".join(lines))
    await import_graph(services.write, services.passwords, path, password=None, progress=_quiet)
    names = [f"u{number}" for number in (*range(authors), *range(1000, 1000 + readers))]
    ids = await users.fetch_ids_by_username(services.db, names)
    town = Town([ids[name] for name in names[:authors] if name in ids], [ids[name] for name in names[authors:]])
    write = services.write if not hours_ago else _as_of(services, hours_ago)
    for _ in range(tweets_each):
        order = [(author, _text(chance)) for author in chance.sample(town.authors, len(town.authors))]
        for at in range(0, len(order), _AT_ONCE):
            await asyncio.gather(*(_post(write, author, text) for author, text in order[at : at + _AT_ONCE]))
    return town


def _text(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(3, 15)))[:140]


def _as_of(services: Services, hours_ago: int) -> WriteDeps:
    """What writes with ids of that time, in which this process minted none."""
    lease = services.write.ids.lease
    then_ms = services.write.clock.now_ms() - hours_ago * 3_600_000
    ids = IdSource(ManualClock(then_ms), Lease(lease.worker, then_ms, then_ms + 3_600_000))
    return msgspec.structs.replace(services.write, ids=ids)


async def _post(write: WriteDeps, author: UserId, text: str) -> None:
    await post_tweet(write, author, text=text, reply_to=None, idempotency_key=None)


def _quiet(stage: Stage, done: int, total: int) -> None:
    """Nobody watches."""
