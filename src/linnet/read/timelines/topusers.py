"""Screen: what top users write, newest first: the home timeline of somebody who follows all of them and nobody else.

A little of it is suggested elsewhere: one tweet of each, the newest first.
"""

from collections.abc import Container, Sequence
from typing import Final

from linnet.domain.timeline import Entry, Range
from linnet.domain.visibility import drop_kept_away
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.hiding import drop_unmet
from linnet.read.hydration.entries import hydrate
from linnet.read.timelines.filling import Skeleton, fill_page
from linnet.read.timelines.followed import read_followed
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
        async with deps.db.snapshot() as session:
            return await read_followed(deps, session, _NOBODY, followed, rest)

    if not followed.user_ids:
        return Page([], None, wanted.after if wanted.ascending else None)
    return await fill_page(deps, viewer_id, wanted, fetch, surface="popular")


async def top_users_glance(deps: ReadDeps, viewer_id: UserId | None, count: int) -> list[bytes]:
    """The newest tweet of each of a few top users, for pages that lead to all of it."""
    news = await deps.top_news.fetch_beside()
    met = await drop_unmet(deps, viewer_id, news, surface="popular")
    chosen = choose_top_news(met, viewer_id, 2 * count)
    return [item for item in await hydrate(deps, viewer_id, chosen, surface="popular") if item is not None][:count]


def choose_top_news(
    news: Sequence[Entry],
    viewer_id: UserId | None,
    count: int,
    *,
    shown: Sequence[Entry] = (),
    followed: Container[UserId] = (),
    kept_away: Container[UserId] = (),
) -> list[Entry]:
    """The newest of each author but for one's own, people whom one follows or keeps away, and what is ``shown``."""
    shown_ids = {entry.original_id or entry.id for entry in shown}
    authors: set[UserId] = set()
    chosen: list[Entry] = []
    for entry in news:
        if entry.author_id == viewer_id or entry.author_id in authors or entry.author_id in followed:
            continue
        if entry.id in shown_ids or (viewer_id is not None and not drop_kept_away([entry], kept_away, viewer_id)):
            continue
        authors.add(entry.author_id)
        chosen.append(entry)
        if len(chosen) == count:
            break
    return chosen
