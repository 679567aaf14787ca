"""The home timeline of somebody who follows certain people, from the truth alone, whether anybody does."""

from linnet.domain.timeline import Range
from linnet.ids import UserId, first_id_at
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton, one_more, skeleton_of
from linnet.stores.postgres import home
from linnet.stores.postgres.pool import Reader

# Ids are minted by clocks that need not agree with ours.
_CLOCKS_DIFFER_MS = 1000


async def read_followed(
    deps: ReadDeps, db: Reader, viewer_id: UserId, followed: home.Followed, wanted: Range
) -> Skeleton:
    """A page of it, before hydration."""
    return await read_sources(deps, db, home.sources_at_home(viewer_id, followed), wanted)


async def read_sources(deps: ReadDeps, db: Reader, sources: home.Sources, wanted: Range) -> Skeleton:
    """A page of what certain people write, before hydration."""
    newest_id = first_id_at(deps.clock.now_ms() + _CLOCKS_DIFFER_MS)
    page_size = one_more(wanted).limit
    if wanted.ascending:
        entries = await home.fetch_above(db, sources, after_id=wanted.after, newest_id=newest_id, page_size=page_size)
    else:
        entries = await home.fetch_below(db, sources, before_id=wanted.before, newest_id=newest_id, page_size=page_size)
    return skeleton_of(entries, wanted)
