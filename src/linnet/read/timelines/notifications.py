"""Screens: what others did that concerns one, grouped, and how much of it is new."""

from collections.abc import Awaitable, Sequence
from typing import Final

import msgspec
import structlog

from linnet.domain.timeline import Entry, Range
from linnet.errors import Unavailable
from linnet.ids import MAX_ID, TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hydration.entries import hydrate
from linnet.read.timelines.filling import one_more
from linnet.read.views.notifications import NotificationsView, NotificationView, UnreadView, notification_view
from linnet.stores.postgres import notifications
from linnet.stores.postgres.notifications import Group
from linnet.stores.valkey.badges import Badges
from linnet.stores.valkey.connection import ValkeyReplyError

log = structlog.get_logger()

MAX_UNREAD: Final = 100
# A count looks at so many of the newest causes: enough for as many groups unless one of them is very popular.
_CAUSES_COUNTED: Final = 2000
_PEOPLE_SHOWN: Final = 3
# How often a page is filled up before it is shown short, with a cursor to go on.
_MAX_FILLS: Final = 8


class _Met(msgspec.Struct, frozen=True):
    """A group, with those of its people whom the reader may meet: the newest ones, and how many."""

    group: Group
    people: list[UserId]
    people_count: int


async def notifications_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> NotificationsView:
    """One's notifications, the one with the newest addition first. People who are kept away are not in them."""
    state = await notifications.find_state(deps.db, user_id)
    items: list[tuple[int, NotificationView]] = []
    more = True
    rest = wanted
    for _ in range(_MAX_FILLS):
        fetched = await notifications.fetch_groups(deps.db, user_id, one_more(rest))
        more = len(fetched) > rest.limit
        groups = (fetched[-rest.limit :] if wanted.ascending else fetched[: rest.limit]) if more else fetched
        groups = [group for group in groups if group.newest_id > wanted.after]
        more = more and bool(groups)
        views = await _views(deps, user_id, groups, read_id=state.read_id)
        items = views + items if wanted.ascending else items + views
        if not more or len(items) >= wanted.limit:
            break
        left = wanted.limit - len(items)
        if wanted.ascending:
            rest = Range(left, MAX_ID, groups[0].newest_id)
        else:
            rest = Range(left, groups[-1].newest_id, wanted.after)
    has_older = more or wanted.ascending
    return NotificationsView(
        items=[view for _, view in items],
        next=str(items[-1][0]) if items and has_older else None,
        prev=str(items[0][0]) if items else (str(wanted.after) if wanted.ascending else None),
        unread_count=await _count_unread(deps, user_id, state.read_id),
    )


async def unread_screen(deps: ReadDeps, user_id: UserId) -> UnreadView:
    """How many notifications have something new."""
    return await finish_unread(deps, user_id, deps.badges.ask(user_id))


async def finish_unread(deps: ReadDeps, user_id: UserId, answer: Awaitable[list[bytes | None]]) -> UnreadView:
    """The same for whoever has asked ``deps.badges`` before, together with something else. No SQL when it is known."""
    try:
        count = Badges.read(await answer)
        if count is not None:
            return UnreadView(count)
    except (Unavailable, ValkeyReplyError) as error:
        log.debug("counting what is new", cause=str(error))
    history = deps.valkey.history
    unread = await notifications.count_new(deps.db, user_id, page_size=_CAUSES_COUNTED)
    count = min(unread.count, MAX_UNREAD)
    if deps.valkey.history != history:
        # Counted before a fail-over, and perhaps doubted in what was lost there.
        return UnreadView(count)
    try:
        await deps.badges.put(user_id, version=unread.last_id, count=count)
    except (Unavailable, ValkeyReplyError) as error:
        log.debug("what is new is not cached", cause=str(error))
    return UnreadView(count)


async def _count_unread(deps: ReadDeps, user_id: UserId, read_id: int) -> int:
    count = await notifications.count_unread(deps.db, user_id, read_id=read_id, page_size=_CAUSES_COUNTED)
    return min(count, MAX_UNREAD)


async def _views(
    deps: ReadDeps, user_id: UserId, groups: Sequence[Group], *, read_id: int
) -> list[tuple[int, NotificationView]]:
    """Those of the groups in which there is somebody to meet, and whose tweet is there."""
    met = await _meet(deps, user_id, groups)
    authors = await deps.authors.fetch({person for found in met for person in found.people})
    entries = [_entry_of(found, user_id) for found in met]
    hydrated = iter(await hydrate(deps, user_id, [entry for entry in entries if entry is not None]))
    views: list[tuple[int, NotificationView]] = []
    for found, entry in zip(met, entries, strict=True):
        tweet = None if entry is None else next(hydrated)
        people = [authors[person].json for person in found.people if person in authors]
        if not people or (entry is not None and tweet is None):
            continue
        newest_id = found.group.newest_id
        view = notification_view(
            newest_id,
            found.group.kind,
            people,
            people_count=found.people_count,
            unread=newest_id > read_id,
            tweet=tweet,
        )
        views.append((newest_id, view))
    return views


async def _meet(deps: ReadDeps, user_id: UserId, groups: Sequence[Group]) -> list[_Met]:
    met: list[_Met] = []
    async with deps.db.session() as session:
        for group in groups:
            people = await notifications.fetch_people(session, user_id, group, page_size=_PEOPLE_SHOWN)
            count = len(people)
            if group.people_count > _PEOPLE_SHOWN and count == _PEOPLE_SHOWN:
                count = max(count, group.people_count - await notifications.count_unmet(session, user_id, group))
            met.append(_Met(group, people, count))
    return met


def _entry_of(met: _Met, user_id: UserId) -> Entry | None:
    """The tweet that a group is about: one's own, or that of its only person."""
    match met.group.kind:
        case "followed":
            return None
        case "liked" | "retweeted":
            return Entry(TweetId(met.group.group_id), user_id)
        case "replied" | "mentioned":
            author_id = met.people[0] if met.people else UserId(0)
            return Entry(TweetId(met.group.group_id), author_id)
