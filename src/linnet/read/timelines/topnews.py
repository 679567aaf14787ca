"""What top users wrote last, kept in the process, to suggest some of it where their timeline is not.

It is a list of entries only. Who may see them, and whether the tweets are still there, is asked when they are shown.
"""

from typing import Final

from linnet.clock import Clock
from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry
from linnet.ids import MAX_ID, TweetId, UserId, first_id_at
from linnet.read.timelines.kept import Kept
from linnet.stores.postgres import home, suggestions, tweets
from linnet.stores.postgres.pool import Database

# A suggestion need not be of this second.
_FRESH_SECONDS: Final = 5.0
_STALE_SECONDS: Final = 60.0
_TOP_USERS: Final = 100
_SIZE: Final = 200
_NOBODY: Final = UserId(0)


class TopNews(Kept[Entry]):
    """The newest tweets of the most followed top users, without replies and retweets, newest first. One per process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        async def read() -> list[Entry]:
            authors = frozenset(await suggestions.fetch_top_ids(db, page_size=_TOP_USERS))
            if not authors:
                return []
            async with db.snapshot() as session:
                entries = await home.fetch_below(
                    session,
                    home.sources_at_home(_NOBODY, home.Followed(authors, frozenset())),
                    before_id=MAX_ID,
                    newest_id=first_id_at(clock.now_ms() + 1000),
                    page_size=_SIZE,
                )
                own = [entry for entry in entries if not entry.related_author_id]
                refs = [TweetRef(entry.author_id, entry.id) for entry in own]
                public = await tweets.fetch_public_among(session, refs) if refs else set[TweetId]()
            return [entry for entry in own if entry.id in public]

        super().__init__(
            clock, "the newest of top users", read, fresh_seconds=_FRESH_SECONDS, stale_seconds=_STALE_SECONDS
        )
