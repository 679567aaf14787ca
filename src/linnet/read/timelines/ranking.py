"""What everybody likes best at this moment, kept in the process: one short query a second, whoever asks.

It is a list of places only. Who may see them, and whether the tweets are still there, is asked when they are shown.
"""

import msgspec

from linnet.clock import Clock
from linnet.read.timelines.kept import Kept
from linnet.stores.postgres import popular
from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.popular import Place, Ranked


class RankingOptions(msgspec.Struct, frozen=True):
    """``fresh_seconds``: when a list is read anew, while readers are shown the old one.

    ``stale_seconds``: when they rather wait, because nobody has asked for so long. ``size``: places kept.
    """

    fresh_seconds: float = 1.0
    stale_seconds: float = 5.0
    size: int = 200


class Ranking(Kept[Ranked]):
    """The best tweets, the best first. One per process."""

    def __init__(self, db: Database, clock: Clock, options: RankingOptions) -> None:
        self.size = options.size

        async def read() -> list[Ranked]:
            return await popular.fetch_best(db, Place(), page_size=options.size)

        super().__init__(
            clock,
            "the most popular tweets",
            read,
            fresh_seconds=options.fresh_seconds,
            stale_seconds=options.stale_seconds,
        )
