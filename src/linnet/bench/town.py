"""A town to be measured in: some people who follow each other and have posted, made from a seed."""

import asyncio
import random
from pathlib import Path

import msgspec

from linnet.bootstrap import Services
from linnet.ids import UserId
from linnet.stores.postgres import users
from linnet.write.actions.imports import Stage, import_graph
from linnet.write.actions.tweets import post_tweet

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
) -> Town:
    """Without log-ins. The events of it may be waiting still."""
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
    for _ in range(tweets_each):
        order = [(author, _text(chance)) for author in chance.sample(town.authors, len(town.authors))]
        for at in range(0, len(order), _AT_ONCE):
            await asyncio.gather(*(_post(services, author, text) for author, text in order[at : at + _AT_ONCE]))
    return town


def _text(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(3, 15)))[:140]


async def _post(services: Services, author: UserId, text: str) -> None:
    await post_tweet(services.write, author, text=text, reply_to=None, idempotency_key=None)


def _quiet(stage: Stage, done: int, total: int) -> None:
    """Nobody watches."""
