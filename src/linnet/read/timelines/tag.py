"""Screen: the tweets that carry a tag, newest first."""

from linnet.domain.hashtags import fold_tag
from linnet.domain.tag import read_tag
from linnet.domain.timeline import Range
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton, fill_page, one_more, skeleton_of
from linnet.read.timelines.spread import fetch_spread
from linnet.read.views.pages import Page
from linnet.stores.postgres import tags


async def tag_page(deps: ReadDeps, viewer_id: UserId | None, named: str, wanted: Range) -> Page:
    """Tweets and replies, however they write the tag. What nobody used, or nobody can, has an empty page."""
    found = read_tag(named)
    tag = None if found is None else fold_tag(found.text)

    async def fetch(rest: Range) -> Skeleton:
        if tag is None:
            return skeleton_of([], rest)
        entries = await fetch_spread(deps, one_more(rest), lambda db, part: tags.fetch_tweets(db, tag, part))
        return skeleton_of(entries, rest)

    return await fill_page(deps, viewer_id, wanted, fetch, surface="tag")
