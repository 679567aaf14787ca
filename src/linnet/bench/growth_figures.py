"""The figures of a place of some size, and how many people take part in measuring them."""

import msgspec


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """How many take part: people who read, come for the first time (``cold``) or have their timelines' definition asked
    for (``oracles``), post, scroll down to ``deep_page``, follow somebody who posts ``fan_tweets``; and how often."""

    readers: int = 300
    cold: int = 150
    oracles: int = 10
    authors: int = 200
    scrollers: int = 12
    deep_page: int = 100
    fans: int = 3_000
    fan_tweets: int = 60
    alone: int = 40
    searches: int = 60
    weighed: int = 500


QUICK = Sample(
    readers=20, cold=6, oracles=2, authors=10, scrollers=2, deep_page=4, fans=30, fan_tweets=3, alone=3, searches=3
)
"""To see that all of it runs."""


class Page(msgspec.Struct, frozen=True):
    """How long some requests took, in milliseconds, and CPU of all roles for each, in microseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_us: dict[str, float]
    count: int


class Applied(msgspec.Struct, frozen=True):
    """Tweets and what became of them: CPU of all roles for each until nothing of it waits, in microseconds.

    ``lag_…_below_ms`` are from commit to the end of its effects, as the worker's histogram bounds them.
    """

    count: int
    per_second: float
    deliveries: float
    cpu_us: dict[str, float]
    lag_p50_below_ms: float
    lag_p99_below_ms: float


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one place. CPU is microseconds of each role for one of what was done.

    ``home_ratio`` is the median of the rounds' ratios of home page to constant answer, in CPU of the web process.
    ``cold`` reads build a window; ``oracle`` is the time of the query alone that says what a timeline is. Tweets are
    posted by many as fast as they are accepted (``posting``), one at a time when nothing waits (``posting_alone``), and
    by somebody whose followers have ``fanout_windows``, a few a second.
    """

    people: int
    follows: int
    tweets: int
    top_users: int
    load_seconds: float
    load_stages: dict[str, float]
    disk_bytes: dict[str, int]
    home_us: float
    constant_us: float
    home_ratio: float
    home: dict[str, float]
    memory_mb: dict[str, float]
    cold: Page
    oracle: Page
    first_page: Page
    deep_page: Page
    deep_pages: int
    posting: Applied
    posting_alone: Applied
    fanout: Applied
    fanout_windows: int
    search: dict[str, Page]
    window_bytes: list[int]
    window_entries: list[int]
