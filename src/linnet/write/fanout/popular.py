"""How popular tweets are, kept up as they are posted, liked and retweeted, and as their authors gain followers.

A score is the sum of three parts (``domain.popularity``), and each part is written by whoever holds the lock of what it
is made of: the engagement with the tweet's row locked, the reach with the author's. PostgreSQL adds them up in the row
itself, so that two batches that change different parts of one score lose neither. A tweet that is ranked for the
first time takes both: its author's row is locked while it is written, and whoever counts a like of it meanwhile finds
the row, or makes it.
"""

from collections.abc import Collection, Sequence

from linnet.domain.event import TweetRef
from linnet.domain.popularity import engagement_ms, reach_ms, reach_step
from linnet.domain.timeline import Range
from linnet.ids import TweetId, UserId, first_id_at
from linnet.stores.postgres import fanout, popular, tweets
from linnet.stores.postgres.leases import find_fact, upsert_fact
from linnet.stores.postgres.pool import Session, run_again
from linnet.stores.postgres.popular import Rankable, Score
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch, Settled
from linnet.write.rules import HALF_LIFE_FACT

# Below this a tweet is kept only as long as it is among the best of all.
KEPT_DAYS = 14
# A small place keeps its best tweets however old they are: its list is never empty.
KEPT_AT_LEAST = 1000
_PAGE_SIZE = 500
_PRUNED_AT_ONCE = 1000
_PRUNED_PAGES = 50


async def apply_popular(deps: WriteDeps, session: Session, batch: Batch, settled: Settled) -> None:
    """Applies a batch in its transaction, after its counters."""
    half_life_ms = deps.options.popular_half_life_ms
    engagements = {
        tweet.ref: engagement_ms(tweet.likes, tweet.retweets, half_life_ms=half_life_ms) for tweet in settled.tweets
    }
    unranked = set[TweetRef]()
    if engagements:
        # A like that comes before its tweet's own event, or to a tweet that was pruned: ranked from now on.
        unranked = engagements.keys() - await popular.update_engagement(session, engagements)
    gone = set(settled.gone)
    posted = {event.ref for event in batch.posted if event.retweet_of is None}
    await _rank(deps, session, (posted & settled.existing | unranked) - gone)
    if unranked:
        # Another batch may have ranked them meanwhile, with fewer likes.
        await popular.update_engagement(session, {ref: engagements[ref] for ref in unranked})

    reaches = {
        user.user_id: reach_ms(user.followers, half_life_ms=half_life_ms)
        for user in settled.users
        if reach_step(user.followers) != reach_step(user.followers_before)
    }
    if reaches:
        await popular.update_reach(session, reaches)
    if gone:
        await popular.delete(session, gone)


async def _rank(deps: WriteDeps, session: Session, refs: Collection[TweetRef]) -> None:
    if not refs:
        return
    found = await popular.fetch_rankable(session, refs)
    if found:
        await popular.insert(session, _scored(deps, found))


def _scored(deps: WriteDeps, found: Sequence[Rankable]) -> list[tuple[Rankable, Score]]:
    half_life_ms = deps.options.popular_half_life_ms
    return [
        (
            tweet,
            Score(
                engagement_ms(tweet.likes, tweet.retweets, half_life_ms=half_life_ms),
                reach_ms(tweet.followers, half_life_ms=half_life_ms),
            ),
        )
        for tweet in found
    ]


async def rescore_popular(deps: WriteDeps, *, page_size: int = _PAGE_SIZE) -> int:
    """Makes every score what it is to be, page by page: after the half-life or many people's followers changed.

    Returns how many were wrong. Safe beside event workers, and to run again after it was stopped.
    """
    after = TweetRef(UserId(0), TweetId(0))
    changed = 0

    async def rescore_page() -> tuple[int, list[TweetRef]]:
        async with deps.db.transaction() as session:
            page = await popular.fetch_ranked(session, after, page_size=page_size)
            # Nobody changes what the scores are made of until they are written.
            there = await fanout.lock_tweets(session, page)
            found = await popular.fetch_rankable(session, there) if there else []
            return (await popular.update_scores(session, _scored(deps, found)) if found else 0), page

    while True:
        wrong, page = await run_again(rescore_page)
        changed += wrong
        if len(page) < page_size:
            return changed
        after = page[-1]


async def rank_unranked(deps: WriteDeps, *, page_size: int = _PAGE_SIZE) -> None:
    """Ranks the newest tweets of a place that is older than its ranking, as many as would be kept."""
    oldest_id = first_id_at(_kept_since_ms(deps))
    before_id, seen = first_id_at(deps.clock.now_ms() + 86_400_000), 0
    while True:
        entries = await tweets.fetch_newest(deps.db, Range(page_size, before=before_id))
        refs = [TweetRef(entry.author_id, entry.id) for entry in entries if not entry.original_id]

        async def rank_page(refs: Sequence[TweetRef] = refs) -> None:
            async with deps.db.transaction() as session:
                await _rank(deps, session, refs)

        await run_again(rank_page)
        seen += len(refs)
        if len(entries) < page_size or (entries[-1].id < oldest_id and seen >= KEPT_AT_LEAST):
            return
        before_id = entries[-1].id


async def match_half_life(deps: WriteDeps) -> None:
    """When the half-life was changed, or nothing was ever ranked, sees to it."""
    half_life = str(deps.options.popular_half_life_hours)
    known = await find_fact(deps.db, HALF_LIFE_FACT)
    if known == half_life:
        return
    if known is None:
        await rank_unranked(deps)
    await rescore_popular(deps)
    await upsert_fact(deps.db, HALF_LIFE_FACT, half_life)


async def prune_popular(deps: WriteDeps, *, kept_at_least: int = KEPT_AT_LEAST) -> int:
    """Forgets tweets that no ranking would come to any more; returns how many. Bounded: the next round goes on."""
    last_kept_ms = await popular.find_score_at(deps.db, kept_at_least - 1)
    if last_kept_ms is None:
        return 0
    below_ms = min(last_kept_ms, _kept_since_ms(deps))
    pruned = 0
    for _ in range(_PRUNED_PAGES):
        deleted = await popular.delete_below(deps.db, below_ms, page_size=_PRUNED_AT_ONCE)
        pruned += deleted
        if deleted < _PRUNED_AT_ONCE:
            break
    return pruned


def _kept_since_ms(deps: WriteDeps) -> int:
    return deps.clock.now_ms() - KEPT_DAYS * 86_400_000
