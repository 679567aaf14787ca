"""Lets uses of tags go that are older than what trends, and counts anew when the rules of trending were changed."""

from collections import defaultdict
from functools import partial

import msgspec

from linnet.domain.trending import TrendingRules
from linnet.stores.postgres import tags
from linnet.stores.postgres.leases import find_fact, upsert_fact
from linnet.stores.postgres.pool import run_again
from linnet.write.deps import WriteDeps
from linnet.write.fanout.tags import TagChange, change_tags
from linnet.write.jobs.job import job
from linnet.write.rules import TRENDING_FACT, noted_trending

# A round lets go of at most so many pages, so that it never holds much up; the next one goes on, and until then reads
# leave out what is left.
_PAGE_SIZE = 1000
_PAGES = 100


@job(cron="* * * * *")
async def prune_tags(deps: WriteDeps) -> None:
    """Every minute, so that what is read has little left to leave out."""
    await match_trending_rules(deps)
    for _ in range(_PAGES):
        if await run_again(lambda: _prune_page(deps)) < _PAGE_SIZE:
            return


async def _prune_page(deps: WriteDeps) -> int:
    rules = deps.options.trending
    async with deps.db.transaction() as session:
        gone = await tags.delete_people_below(
            session, first_id=rules.window_first_id(deps.clock.now_ms()), page_size=_PAGE_SIZE
        )
        changes: dict[str, TagChange] = defaultdict(TagChange)
        for tag, last_id in gone:
            changes[tag].note_person(last_id, None, rules)
        if changes:
            await change_tags(session, changes, rules)
        return len(gone)


async def match_trending_rules(deps: WriteDeps, *, page_size: int = _PAGE_SIZE) -> None:
    """Ranks are numbers of half-lives, so another half-life makes them all wrong; so do other rules who trends.

    Page by page: stopped in the middle it begins again, and until it is through, the order of tags is not right.
    """
    rules = deps.options.trending
    fact = noted_trending(rules)
    if await find_fact(deps.db, TRENDING_FACT) == fact:
        return
    after_tag = ""
    while names := await tags.fetch_page(deps.db, after_tag=after_tag, page_size=page_size):
        await run_again(partial(_count_anew, deps, names, rules))
        after_tag = names[-1]
    await upsert_fact(deps.db, TRENDING_FACT, fact)


async def _count_anew(deps: WriteDeps, names: list[str], rules: TrendingRules) -> None:
    async with deps.db.transaction() as session:
        rows = await tags.lock(session, names)
        # Whoever changed a tag's people before us has committed, since its row is ours now; whoever does so now waits
        # for the row, and adds to what we write.
        sums = await tags.sum_people(session, [row.tag for row in rows], half_life_ms=rules.half_life_ms)
        await tags.update(
            session,
            [
                msgspec.structs.replace(
                    row,
                    people_count=found.people_count if found is not None else 0,
                    rank=found.rank if found is not None else None,
                )
                for row in rows
                for found in [sums.get(row.tag)]
            ],
            min_people=rules.min_people,
        )
