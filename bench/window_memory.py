"""Keeping: bytes of Valkey for a full window, beside the same ids in a sorted set, as Mastodon keeps them."""

import random
from pathlib import Path

from bench.figures import Comparison, compare
from bench.serving import beside, serving
from linnet.domain.timeline import Entry
from linnet.ids import TweetId, UserId

_FULL = 800
_GOAL_BYTES = 20 * 1024
_TWEET_MS = 1_780_000_000_000


async def measure(*, seed: int, rounds: int, seconds: float, scratch: Path) -> list[Comparison]:
    """Of ten entries seven are tweets, two replies and one a retweet."""
    del seconds, scratch
    found: list[tuple[float, float]] = []
    with serving({}) as server:
        async with beside(server) as services:
            for number in range(rounds):
                reader = UserId(number + 1)
                entries = _entries(random.Random(seed + number))
                windows, valkey, keys = services.read.windows, services.valkey, services.keys
                await windows.begin(reader, b"bench")
                await windows.merge(reader, b"bench", entries, complete=False, pulled=frozenset([UserId(7)]))
                ours = 0
                for key in (keys.home(reader), keys.pull(reader)):
                    ours += await valkey.call(b"MEMORY", b"USAGE", key, b"SAMPLES", 0) or 0
                sorted_set = b"bench:%d" % number
                for entry in entries:
                    await valkey.call(b"ZADD", sorted_set, entry.id, entry.id)
                theirs = await valkey.call(b"MEMORY", b"USAGE", sorted_set, b"SAMPLES", 0)
                found.append((ours, theirs))
    met = max(ours for ours, _ in found) <= _GOAL_BYTES
    return [
        compare(
            f"a window of {_FULL} entries",
            "bytes",
            found,
            goal="≤ 20 KB",
            at_most=float("inf") if met else 0.0,
            notes="key and pull set included",
        )
    ]


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
