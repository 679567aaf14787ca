"""What followed tags add to a home timeline: the public tweets that carry one, whoever wrote them.

The rest of the page is made first, as for somebody who follows no tag; then the tags' part of the same range is merged.
"""

from collections.abc import Container

from linnet.domain.timeline import Entry, Range, merge
from linnet.domain.visibility import drop_aside, drop_kept_away
from linnet.ids import MAX_ID, UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton


async def merge_tagged(
    deps: ReadDeps,
    viewer_id: UserId,
    wanted: Range,
    found: Skeleton,
    tags: tuple[str, ...],
    *,
    kept_away: Container[UserId],
    aside: Container[UserId],
) -> Skeleton:
    """A page of whom the viewer follows, and what the tags have in the range that it looked at."""
    if wanted.ascending:
        # A page that is full says nothing of what lies above it.
        ceiling = found.reached if found.more else MAX_ID
        rest = Range(wanted.limit + 1, after=wanted.after)
    else:
        ceiling = MAX_ID
        # With an upper bound: a range with nothing but a lower one is read from there up.
        rest = Range(wanted.limit + 1, min(wanted.before, MAX_ID - 1), _floor(wanted, found))
    tagged: list[Entry] = []
    while True:
        some = await deps.tags.fetch(tags, rest)
        shown = drop_aside(drop_kept_away(some, kept_away, viewer_id), aside)
        tagged += [entry for entry in shown if entry.id <= ceiling]
        if len(some) < rest.limit or len(tagged) >= rest.limit:
            break
        if not wanted.ascending:
            rest = Range(rest.limit, some[-1].id, rest.after)
        elif some[0].id >= ceiling:
            break
        else:
            rest = Range(rest.limit, after=some[0].id)
    deps.tags.note_reader(viewer_id, tags)
    entries = merge([tagged, found.entries])
    if len(entries) <= wanted.limit:
        return Skeleton(entries, found.more, found.reached, marks=found.marks)
    entries = entries[-wanted.limit :] if wanted.ascending else entries[: wanted.limit]
    return Skeleton(entries, True, entries[0 if wanted.ascending else -1].id, marks=found.marks)


def _floor(wanted: Range, found: Skeleton) -> int:
    """Above which the rest of the page was looked for, going down."""
    return max(wanted.after, found.reached - 1) if found.more else wanted.after
