"""Screens: the most popular tweets, of everybody or of those one follows, and what one missed.

The steps are those of every screen (ranking → rules → hydration), with places in a ranking instead of ids: what rules
or hydration drop is made up for from further down.
"""

from collections.abc import Awaitable, Callable, Container, Sequence

from linnet.domain.timeline import Entry, shown_ids_of
from linnet.domain.visibility import drop_kept_away, shows_reply
from linnet.ids import UserId, first_id_at, unix_ms_of
from linnet.read.deps import ReadDeps
from linnet.read.hiding import drop_unmet
from linnet.read.hydration.entries import hydrate
from linnet.stores.postgres import home, popular, profiles
from linnet.stores.postgres.popular import Place, Ranked

# So far back a catch-up goes, however long one was away.
CATCH_UP_DAYS = 7
# How many places are asked for at once, and how often: where nearly all of a ranking is hidden, it ends somewhere.
_MOST_ASKED = 500
_MOST_PAGES = 20

_FetchRanked = Callable[[Place, int], Awaitable[list[Ranked]]]


async def top_tweets(deps: ReadDeps, viewer_id: UserId | None, count: int) -> list[bytes]:
    """The most popular tweets and replies of all, the best first."""

    async def fetch(below: Place, page_size: int) -> list[Ranked]:
        best = await deps.ranking.fetch()
        rest = [ranked for ranked in best if (ranked.score_ms, ranked.tweet_id) < (below.score_ms, below.tweet_id)]
        if len(rest) >= page_size or len(best) < deps.ranking.size:
            return rest[:page_size]
        return await popular.fetch_best(deps.db, below, page_size=page_size)

    return await _fill(deps, viewer_id, count, fetch, lambda entry: True)


async def top_tweets_of_followed(deps: ReadDeps, viewer_id: UserId, count: int) -> list[bytes]:
    """The most popular of what others wrote in one's home timeline."""
    return await _best_of_followed(deps, viewer_id, count, since_id=0)


async def catch_up(deps: ReadDeps, viewer_id: UserId, count: int) -> tuple[int, list[bytes]]:
    """The most popular of what others wrote in one's home timeline since one was last here, and when that was.

    Unix milliseconds: the end of the visit before this one, or one's sign-up, or a week ago, whichever is latest.
    """
    now_ms = deps.clock.now_ms()
    activity = await profiles.find_activity(deps.db, viewer_id)
    last_here_ms = activity.was_here_before_ms(now_ms)
    since_ms = max(unix_ms_of(viewer_id) if last_here_ms is None else last_here_ms, now_ms - CATCH_UP_DAYS * 86_400_000)
    return since_ms, await _best_of_followed(deps, viewer_id, count, since_id=first_id_at(since_ms))


async def popular_now(deps: ReadDeps) -> list[Ranked]:
    """The most popular tweets of all, to choose from; without waiting, but for the first who asks in a while."""
    return await deps.ranking.fetch_beside()


def choose_popular(
    best: Sequence[Ranked],
    viewer_id: UserId,
    count: int,
    *,
    shown: Sequence[Entry],
    kept_away: Container[UserId],
) -> list[Entry]:
    """The first of these that are not one's own, nor ``shown`` already, nor of people whom one keeps away."""
    shown_ids = set(shown_ids_of(shown))
    chosen: list[Entry] = []
    for ranked in best:
        if ranked.author_id == viewer_id or ranked.tweet_id in shown_ids:
            continue
        chosen += drop_kept_away([ranked.entry], kept_away, viewer_id)
        if len(chosen) == count:
            break
    return chosen


async def _best_of_followed(deps: ReadDeps, viewer_id: UserId, count: int, *, since_id: int) -> list[bytes]:
    async with deps.db.snapshot() as session:
        followed = (await home.fetch_followed(session, viewer_id)).user_ids
    if not followed:
        return []
    author_ids = sorted(followed)
    now_ms = deps.clock.now_ms()

    async def fetch(below: Place, page_size: int) -> list[Ranked]:
        return await popular.fetch_best_of(
            deps.db, author_ids, below, since_id=since_id, now_ms=now_ms, page_size=page_size
        )

    return await _fill(deps, viewer_id, count, fetch, lambda entry: shows_reply(entry, viewer_id, followed))


async def _fill(
    deps: ReadDeps, viewer_id: UserId | None, count: int, fetch: _FetchRanked, shows: Callable[[Entry], bool]
) -> list[bytes]:
    items: list[bytes] = []
    below, asked = Place(), count
    for _ in range(_MOST_PAGES):
        page = await fetch(below, asked)
        entries = await drop_unmet(deps, viewer_id, [ranked.entry for ranked in page], surface="popular")
        shown = [entry for entry in entries if shows(entry)]
        missing = count - len(items)
        items += [
            item for item in await hydrate(deps, viewer_id, shown[:missing], surface="popular") if item is not None
        ]
        if len(shown) > missing:
            # What is left of this page comes again: some that were to be shown were gone.
            last = next(ranked for ranked in page if ranked.tweet_id == shown[missing - 1].id)
        elif len(page) == asked:
            last = page[-1]
        else:
            break
        if len(items) == count:
            break
        below = Place(last.score_ms, last.tweet_id)
        asked = min(2 * asked, _MOST_ASKED)
    return items
