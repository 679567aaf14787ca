"""Keeping: bytes of Valkey for a full window, beside the same ids in a sorted set, as Mastodon keeps them."""

import random

from linnet.bench.figures import Goal, Measured, compare
from linnet.bench.scenario import Effort, Scenario
from linnet.bench.serving import Site
from linnet.domain.timeline import Entry
from linnet.ids import TweetId, UserId
from linnet.stores.valkey.keys import pack_id

_FULL = 800
_GOAL = Goal("≤ 20 KB", ours_at_most=20 * 1024)
_TWEET_MS = 1_780_000_000_000


async def measure(site: Site, effort: Effort) -> Measured:
    """Of ten entries seven are tweets, two replies and one a retweet. Each round is another window, of nobody."""
    found: list[tuple[float, float]] = []
    services = site.services
    windows, valkey, keys = services.read.windows, services.valkey, services.keys
    for number in range(effort.rounds):
        effort.tell(f"memory: window {number + 1} of {effort.rounds}")
        reader = UserId(number + 1)
        entries = _entries(random.Random(effort.seed + number))
        sorted_set = keys.prefix + b"bench:sorted:%d" % number
        await windows.begin(reader, b"bench")
        await windows.merge(reader, b"bench", entries, complete=False, pulled=frozenset([UserId(7)]))
        ours = 0
        for key in (keys.home(reader), keys.pull(reader)):
            ours += await valkey.call(b"MEMORY", b"USAGE", key, b"SAMPLES", 0) or 0
        for entry in entries:
            await valkey.call(b"ZADD", sorted_set, entry.id, entry.id)
        theirs = await valkey.call(b"MEMORY", b"USAGE", sorted_set, b"SAMPLES", 0)
        found.append((ours, theirs))
        await valkey.call(b"UNLINK", sorted_set)
        for call in windows.drop(pack_id(reader)):
            await call
    return Measured(
        "memory",
        [compare("memory", "full window", "bytes", found, beside="sorted set of the ids", goal=_GOAL)],
        notes=f"{_FULL} entries, with its key and the set of those who are pulled",
    )


def _entries(chance: random.Random) -> list[Entry]:
    """Newest first, of a few hundred authors, some seconds apart."""
    entries = []
    ms = _TWEET_MS
    for number in range(_FULL):
        ms -= chance.randint(1, 60_000)
        tweet_id = TweetId(ms << 16 | chance.randint(0, 1023) << 6)
        author, other = (UserId((1_700_000_000_000 + chance.randint(0, 300)) << 16) for _ in range(2))
        kind = number % 10
        entries.append(
            Entry(tweet_id, author)
            if kind < 7
            else Entry(tweet_id, author, other)
            if kind < 9
            else Entry(tweet_id, author, other, TweetId(tweet_id - (1 << 32)))
        )
    return entries


SCENARIO = Scenario(
    "memory",
    "bytes of a full window; beside a sorted set of the same ids",
    measure,
    {"LINNET_WEB_PROCESSES": "1"},
)
