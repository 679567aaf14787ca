"""Screen: what top users write, newest first: the home timeline of somebody who follows all of them and nobody else."""

from typing import Final

from linnet.domain.timeline import Range
from linnet.ids import UserId, first_id_at
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton, fill_page, one_more, skeleton_of
from linnet.read.views.pages import Page
from linnet.stores.postgres import home, suggestions

# The most followed ones stand for all, where there are more: so a page never costs more than that of such a reader.
_MOST_TOP_USERS: Final = 500
_NOBODY: Final = UserId(0)


async def top_users_timeline(deps: ReadDeps, viewer_id: UserId | None, wanted: Range) -> Page:
    """Tweets and retweets of top users, and what they answer each other."""
    followed = home.Followed(
        frozenset(await suggestions.fetch_top_ids(deps.db, page_size=_MOST_TOP_USERS)), frozenset()
    )

    async def fetch(rest: Range) -> Skeleton:
        asked = one_more(rest)
        newest_id = first_id_at(deps.clock.now_ms() + 1000)
        async with deps.db.snapshot() as session:
            if rest.ascending:
                entries = await home.fetch_above(
                    session, _NOBODY, followed, after_id=rest.after, newest_id=newest_id, page_size=asked.limit
                )
            else:
                entries = await home.fetch_below(
                    session, _NOBODY, followed, before_id=rest.before, newest_id=newest_id, page_size=asked.limit
                )
        return skeleton_of([entry for entry in entries if entry.id > rest.after], rest)

    if not followed.user_ids:
        return Page([], None, wanted.after if wanted.ascending else None)
    return await fill_page(deps, viewer_id, wanted, fetch, surface="popular")
