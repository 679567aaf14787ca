"""Screen: the home timeline. Every page equals the page of ``home.fetch_oracle``, however it was put together.

A page comes from the reader's window, with the tweets of top users, who are not pushed, merged in; where the window
ends, the truth goes on. Without a window, and with Valkey away, all of it comes from the truth. What followed tags add
is merged last.
"""

from collections.abc import Container, Mapping, Sequence
from operator import attrgetter

import msgspec

from linnet.domain.timeline import Entry, Range, merge
from linnet.domain.visibility import drop_aside, drop_hidden, drop_kept_away, shows_reply
from linnet.errors import Unavailable
from linnet.ids import MAX_ID, TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.filling import Skeleton, fill_page
from linnet.read.timelines.followed import read_followed
from linnet.read.timelines.older import read_older
from linnet.read.timelines.popular import choose_popular, popular_now
from linnet.read.timelines.tagged import merge_tagged
from linnet.read.timelines.topusers import choose_top_news
from linnet.read.views.pages import Page
from linnet.stores.postgres import home
from linnet.stores.valkey.connection import ValkeyReplyError
from linnet.stores.valkey.windows import WindowPage

# Of so many, the best, the marks are asked for with the page: what stands beside it is nearly always among them.
_LIKELY_BESIDE = 12
_ID, _TWEET_ID = attrgetter("id"), attrgetter("tweet_id")


class HomeRead(msgspec.Struct, frozen=True):
    """The entries of a page, before hydration; whom the reader keeps away, which top users and which tags they pull.

    ``has_window``: there is a window, so that what comes from now on is pushed there.
    """

    skeleton: Skeleton
    kept_away: Container[UserId]
    pulled: frozenset[UserId]
    tags: tuple[str, ...]
    has_window: bool


async def home_page(
    deps: ReadDeps, viewer_id: UserId, wanted: Range, *, popular: int = 0, of_top_users: int = 0
) -> Page:
    """A reader's home timeline, and two lists beside its newest page.

    Up to ``popular`` of what others like best, and up to ``of_top_users`` tweets of top users whom one does not follow.
    """
    is_newest = wanted.before == MAX_ID and not wanted.after
    best = await popular_now(deps) if popular and is_newest else []
    news = await deps.top_news.fetch_beside() if of_top_users and is_newest else []
    marks_of = (*map(_TWEET_ID, best[:_LIKELY_BESIDE]), *map(_ID, news[:_LIKELY_BESIDE]))
    if viewer_id in deps.tags.readers:
        marks_of += deps.tags.likely(viewer_id, wanted)
    kept_away: Container[UserId] = ()
    pulled: frozenset[UserId] = frozenset()

    async def fetch(rest: Range) -> Skeleton:
        nonlocal kept_away, pulled
        found = await read_home(deps, viewer_id, rest, marks_of=marks_of)
        kept_away, pulled = found.kept_away, found.pulled
        return found.skeleton

    def choose(entries: list[Entry]) -> list[list[Entry]]:
        liked = choose_popular(best, viewer_id, popular, shown=entries, kept_away=kept_away) if best else []
        if not news:
            return [liked, []]
        shown = [*entries, *liked]
        of_top = choose_top_news(news, viewer_id, of_top_users, shown=shown, followed=pulled, kept_away=kept_away)
        return [liked, of_top]

    return await fill_page(deps, viewer_id, wanted, fetch, surface="home", beside=choose if best or news else None)


async def read_skeleton(deps: ReadDeps, viewer_id: UserId, wanted: Range) -> Skeleton:
    """The entries of a page, before hydration."""
    return (await read_home(deps, viewer_id, wanted)).skeleton


async def read_home(deps: ReadDeps, viewer_id: UserId, wanted: Range, *, marks_of: Sequence[TweetId] = ()) -> HomeRead:
    """The entries of a page, and what was found out on the way, the reader's marks of ``marks_of`` included."""
    try:
        page = await deps.windows.read(viewer_id, wanted, marks_of=marks_of)
        if page == "missing" and await deps.rebuilder.rebuild(viewer_id) == "built":
            page = await deps.windows.read(viewer_id, wanted, marks_of=marks_of)
    except (Unavailable, ValkeyReplyError):
        page = "missing"
    if not isinstance(page, WindowPage):
        return await _read_truth(deps, viewer_id, wanted)
    going = _with_tags if page.tags else _going_up if wanted.ascending else _going_down
    return HomeRead(await going(deps, viewer_id, wanted, page), page.kept_away, page.pulled, page.tags, has_window=True)


def _shown(entries: list[Entry], viewer_id: UserId, page: WindowPage) -> list[Entry]:
    """Without what was pushed and is not to be seen: fan-outs know nothing of mutes and lists, and may be late else."""
    if page.hidden:
        entries = drop_hidden(entries, page.hidden, viewer_id)
    if page.kept_away:
        entries = drop_kept_away(entries, page.kept_away, viewer_id)
    if page.aside:
        entries = drop_aside(entries, page.aside)
    return entries


async def _going_down(deps: ReadDeps, viewer_id: UserId, wanted: Range, page: WindowPage) -> Skeleton:
    # The window is contiguous down to its last element, so whatever else belongs here lies above that or in the truth.
    reached = 0 if page.ends == "complete" else (page.entries[-1].id if page.entries else wanted.before)
    entries = _shown(page.entries, viewer_id, page)
    if page.pulled:
        pulled = await _pull(deps, viewer_id, page, max(reached - 1, wanted.after), wanted.before, wanted.limit + 1)
        entries = merge([entries, pulled])
    if wanted.after:
        entries = [entry for entry in entries if entry.id > wanted.after]
        if reached <= wanted.after:
            return _cut_down(entries, wanted, reached, page.marks, ended=True)
    if page.ends == "older" and len(entries) <= wanted.limit:
        older = await read_older(deps, viewer_id, Range(wanted.limit - len(entries) + 1, reached, wanted.after))
        return _cut_down(entries + older.entries, wanted, older.reached, page.marks, ended=not older.more)
    return _cut_down(entries, wanted, reached, page.marks, ended=page.ends == "complete")


def _cut_down(entries: list[Entry], wanted: Range, reached: int, marks: Mapping[int, int], *, ended: bool) -> Skeleton:
    if len(entries) > wanted.limit:
        shown = entries[: wanted.limit]
        return Skeleton(shown, True, shown[-1].id, marks=marks)
    return Skeleton(entries, not ended, reached, marks=marks)


async def _going_up(deps: ReadDeps, viewer_id: UserId, wanted: Range, page: WindowPage) -> Skeleton:
    # A full page of the window says nothing of what lies above it; a short one goes up to the newest.
    full = len(page.entries) >= wanted.limit
    reached = page.entries[0].id if full else MAX_ID - 1
    entries = _shown(page.entries, viewer_id, page)
    if page.pulled:
        pulled = await _pull(deps, viewer_id, page, wanted.after, reached + 1, 1_000_000)
        entries = merge([entries, pulled])
    if len(entries) > wanted.limit:
        shown = entries[-wanted.limit :]
        return Skeleton(shown, True, shown[0].id, marks=page.marks)
    return Skeleton(entries, full, reached, marks=page.marks)


async def _with_tags(deps: ReadDeps, viewer_id: UserId, wanted: Range, page: WindowPage) -> Skeleton:
    going = _going_up if wanted.ascending else _going_down
    found = await going(deps, viewer_id, wanted, page)
    return await merge_tagged(deps, viewer_id, wanted, found, page.tags, kept_away=page.kept_away, aside=page.aside)


async def _pull(
    deps: ReadDeps, viewer_id: UserId, page: WindowPage, after_id: int, before_id: int, limit: int
) -> list[Entry]:
    # A reply is pulled only if both sides are: every other reply of a top user was pushed to those it is shown to.
    # Nobody who is kept away is pulled, but those who are may retweet them.
    pulled: list[Entry] = []
    while True:
        found = await deps.pulled.fetch(page.pulled, after_id=after_id, before_id=before_id, limit=limit)
        shown = [entry for entry in found if shows_reply(entry, viewer_id, page.pulled)]
        shown = drop_kept_away(shown, page.kept_away, viewer_id) if page.kept_away else shown
        pulled += drop_aside(shown, page.aside) if page.aside else shown
        if len(found) < limit or len(pulled) >= limit:
            return pulled
        before_id = found[-1].id


async def read_truth(deps: ReadDeps, viewer_id: UserId, wanted: Range) -> Skeleton:
    """The same page from PostgreSQL alone."""
    return (await _read_truth(deps, viewer_id, wanted)).skeleton


async def _read_truth(deps: ReadDeps, viewer_id: UserId, wanted: Range) -> HomeRead:
    async with deps.db.snapshot() as session:
        followed = await home.fetch_followed(session, viewer_id)
        skeleton = await read_followed(deps, session, viewer_id, followed, wanted)
    if followed.tags:
        skeleton = await merge_tagged(
            deps, viewer_id, wanted, skeleton, followed.tags, kept_away=followed.kept_away, aside=followed.aside
        )
    return HomeRead(skeleton, followed.kept_away, followed.pulled, followed.tags, has_window=False)
