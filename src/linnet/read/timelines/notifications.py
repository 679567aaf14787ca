"""Screens: what others did that concerns one, grouped, and how much of it is new."""

from collections.abc import Awaitable, Collection, Sequence
from typing import Final

import msgspec
import structlog

from linnet.domain.notification import KINDS, NotificationKind
from linnet.domain.timeline import Entry, Range
from linnet.errors import Unavailable
from linnet.ids import MAX_ID, TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hydration.entries import hydrate
from linnet.read.timelines.causes import Told, causes_page
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


class ToldGroup(msgspec.Struct, frozen=True):
    """A group as it is shown: its newest people with the JSON of each, how many they are, and that of its tweet."""

    group: Group
    people: list[tuple[UserId, bytes]]
    people_count: int
    tweet: bytes | None
    is_alone: bool = False
    """One thing that is shown by itself, whatever is like it."""


class GroupsPage(msgspec.Struct, frozen=True):
    """A page; ``next_id`` None: the end."""

    items: list[ToldGroup]
    next_id: int | None
    prev_id: int | None


_EMPTY: Final = GroupsPage([], None, None)


async def notifications_page(deps: ReadDeps, user_id: UserId, wanted: Range) -> NotificationsView:
    """One's notifications, the one with the newest addition first. People who are kept away are not in them."""
    state = await notifications.find_state(deps.db, user_id)
    page = await groups_page(deps, user_id, wanted)
    return NotificationsView(
        items=[_view_of(told, read_id=state.read_id) for told in page.items],
        next=None if page.next_id is None else str(page.next_id),
        prev=None if page.prev_id is None else str(page.prev_id),
        unread_count=await _count_unread(deps, user_id, state.read_id),
    )


async def groups_page(
    deps: ReadDeps, user_id: UserId, wanted: Range, *, kinds: Collection[NotificationKind] = KINDS
) -> GroupsPage:
    """The same of some kinds, for those who show them otherwise."""
    items: list[ToldGroup] = []
    more = True
    rest = wanted
    for _ in range(_MAX_FILLS):
        fetched = await notifications.fetch_groups(deps.db, user_id, one_more(rest), kinds=kinds)
        more = len(fetched) > rest.limit
        groups = (fetched[-rest.limit :] if wanted.ascending else fetched[: rest.limit]) if more else fetched
        groups = [group for group in groups if group.newest_id > wanted.after]
        more = more and bool(groups)
        told = await _tell(deps, user_id, groups)
        items = told + items if wanted.ascending else items + told
        if not more or len(items) >= wanted.limit:
            break
        left = wanted.limit - len(items)
        if wanted.ascending:
            rest = Range(left, MAX_ID, groups[0].newest_id)
        else:
            rest = Range(left, groups[-1].newest_id, wanted.after)
    has_older = more or wanted.ascending
    return GroupsPage(
        items,
        items[-1].group.newest_id if items and has_older else None,
        items[0].group.newest_id if items else (wanted.after if wanted.ascending else None),
    )


async def mixed_page(
    deps: ReadDeps,
    user_id: UserId,
    wanted: Range,
    *,
    grouped: Collection[NotificationKind],
    alone: Collection[NotificationKind],
) -> GroupsPage:
    """A page in which some kinds are grouped, and of the others each thing stands by itself."""
    groups = await groups_page(deps, user_id, wanted, kinds=grouped) if grouped else _EMPTY
    causes = await causes_page(deps, user_id, wanted, kinds=alone)
    each = await alone_of(deps, causes.items)
    items = sorted([*groups.items, *each], key=lambda told: told.group.newest_id, reverse=True)
    if wanted.ascending:
        # Above the top of either page there may be more of it, which has to come with what is between.
        tops = [page.prev_id for page in (groups, causes) if page.items and page.prev_id is not None]
        items = [told for told in items if not tops or told.group.newest_id <= min(tops)][-wanted.limit :]
        return GroupsPage(items, items[-1].group.newest_id if items else None, _newest(items, default=wanted.after))
    # Below the end of either page there may be more of it.
    floor = max([page.next_id for page in (groups, causes) if page.next_id is not None], default=None)
    items = [told for told in items if floor is None or told.group.newest_id >= floor]
    if len(items) > wanted.limit:
        items = items[: wanted.limit]
        floor = items[-1].group.newest_id
    return GroupsPage(items, floor, _newest(items, default=None))


def _newest(items: Sequence[ToldGroup], *, default: int | None) -> int | None:
    return items[0].group.newest_id if items else default


async def alone_of(deps: ReadDeps, causes: Sequence[Told]) -> list[ToldGroup]:
    """Things one by one, as groups of one, of those whose people are there."""
    authors = await deps.authors.fetch({told.row.actor_id for told in causes})
    return [
        ToldGroup(
            Group(told.row.kind, told.row.group_id, told.row.id, 1),
            [(told.row.actor_id, authors[told.row.actor_id].json)],
            1,
            told.tweet,
            is_alone=True,
        )
        for told in causes
        if told.row.actor_id in authors
    ]


async def group_screen(deps: ReadDeps, user_id: UserId, kind: NotificationKind, group_id: int) -> ToldGroup | None:
    """One group; None when there is none, or nobody in it whom one may meet."""
    group = await notifications.find_group(deps.db, user_id, kind, group_id)
    told = [] if group is None else await _tell(deps, user_id, [group])
    return told[0] if told else None


async def group_people(deps: ReadDeps, user_id: UserId, group: Group, *, page_size: int) -> list[UserId]:
    """The newest people of a group whom one may meet."""
    return await notifications.fetch_people(deps.db, user_id, group, page_size=page_size)


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


async def _tell(deps: ReadDeps, user_id: UserId, groups: Sequence[Group]) -> list[ToldGroup]:
    """Those of the groups in which there is somebody to meet, and whose tweet is there."""
    met = await _meet(deps, user_id, groups)
    authors = await deps.authors.fetch({person for found in met for person in found.people})
    entries = [_entry_of(found, user_id) for found in met]
    hydrated = iter(
        await hydrate(deps, user_id, [entry for entry in entries if entry is not None], surface="notifications")
    )
    told: list[ToldGroup] = []
    for found, entry in zip(met, entries, strict=True):
        tweet = None if entry is None else next(hydrated)
        people = [(person, authors[person].json) for person in found.people if person in authors]
        if people and (entry is None or tweet is not None):
            told.append(ToldGroup(found.group, people, found.people_count, tweet))
    return told


def _view_of(told: ToldGroup, *, read_id: int) -> NotificationView:
    newest_id = told.group.newest_id
    return notification_view(
        newest_id,
        told.group.kind,
        [json for _, json in told.people],
        people_count=told.people_count,
        unread=newest_id > read_id,
        tweet=told.tweet,
    )


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
        case "followed" | "requested":
            return None
        case "liked" | "retweeted":
            return Entry(TweetId(met.group.group_id), user_id)
        case "replied" | "mentioned" | "edited" | "poll_ended":
            author_id = met.people[0] if met.people else UserId(0)
            return Entry(TweetId(met.group.group_id), author_id)
