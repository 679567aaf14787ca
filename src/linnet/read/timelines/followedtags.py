"""Screens: the tags that one follows, and which of some tags one does."""

from collections.abc import Iterable

from linnet.domain.hashtags import fold_tag
from linnet.domain.tag import read_tag
from linnet.domain.timeline import Range
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import one_more
from linnet.read.views.pages import PageView
from linnet.read.views.tags import FollowedTagView, followed_tag_view
from linnet.stores.postgres import followedtags


async def followed_tags_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> PageView[FollowedTagView]:
    """Whichever one followed last first."""
    rows = await followedtags.fetch(deps.db, user_id, one_more(wanted))
    rows = [row for row in rows if row.id > wanted.after]
    more = len(rows) > wanted.limit
    shown = rows[-wanted.limit :] if wanted.ascending else rows[: wanted.limit]
    return PageView(
        [followed_tag_view(row) for row in shown],
        str(shown[-1].id) if shown and (more or wanted.ascending) else None,
        str(shown[0].id) if shown else None,
    )


async def followed_among(deps: ReadDeps, viewer_id: UserId | None, names: Iterable[str]) -> frozenset[str]:
    """Which of these tags, however they are written, the viewer follows: those names. Nobody who is not here does."""
    named = list(names)
    if viewer_id is None or not named:
        return frozenset()
    folded = {name: fold_tag(tag.text) for name in named if (tag := read_tag(name)) is not None}
    rows = await followedtags.fetch_among(deps.db, viewer_id, set(folded.values())) if folded else []
    followed = {row.tag for row in rows}
    return frozenset(name for name, tag in folded.items() if tag in followed)
