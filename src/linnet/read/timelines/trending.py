"""Screen: the tags that trend now, the same for everybody.

Pinned ones come first, then by rank. A process asks at most once a second, so what an operator pins or hides is so
everywhere a second later.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from linnet.clock import Clock
from linnet.domain.tag import Tag
from linnet.domain.trending import TrendingRules
from linnet.stores.postgres import tags
from linnet.stores.postgres.pool import Database

MAX_TRENDING: Final = 100
_FRESH_SECONDS: Final = 1.0
# More than are shown: of some, people may have left the window and nobody has let them go yet.
_LOOKED_AT: Final = 2 * MAX_TRENDING


class Trending:
    """What trends, at most a second old. One per process."""

    def __init__(self, db: Database, clock: Clock, rules: TrendingRules) -> None:
        self._db = db
        self._clock = clock
        self._rules = rules
        self._tags: Sequence[Tag] = ()
        self._fresh_until = float("-inf")
        self._reading = asyncio.Lock()

    async def fetch(self, limit: int) -> Sequence[Tag]:
        """Up to ``limit`` of them, of ``MAX_TRENDING``; one reader asks for all who wait."""
        if self._clock.steady_seconds() >= self._fresh_until:
            async with self._reading:
                if self._clock.steady_seconds() >= self._fresh_until:
                    self._tags = await self._read()
                    self._fresh_until = self._clock.steady_seconds() + _FRESH_SECONDS
        return self._tags[:limit]

    def forget_all(self) -> None:
        self._fresh_until = float("-inf")

    async def _read(self) -> list[Tag]:
        now_ms = self._clock.now_ms()
        async with self._db.session() as db:
            pinned = await tags.fetch_pinned(db, page_size=MAX_TRENDING)
            found = await tags.fetch_trending(db, lowest_rank=self._rules.lowest_rank(now_ms), page_size=_LOOKED_AT)
            first_id = self._rules.window_first_id(now_ms)
            both = [*pinned, *found]
            late = await tags.count_people_below(db, [tag.tag for tag in both], first_id=first_id) if both else {}
        counted = [tag.with_people(tag.people_count - late.get(tag.tag, 0)) for tag in both]
        shown = [tag for tag in counted if tag.is_pinned or tag.people_count >= self._rules.min_people]
        return shown[:MAX_TRENDING]
