"""Notifications, one by one and grouped, and how far one has read."""

from collections.abc import Sequence
from typing import Final

import msgspec

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import GroupedNotifications, Marker, Notification, NotificationGroup
from linnet.api.mastodon.paging import links_of, wanted_of
from linnet.api.mastodon.params import Params
from linnet.api.mastodon.rendering import accounts_by_id, statuses_of
from linnet.api.params import parse_id
from linnet.clock import rfc3339
from linnet.domain.notification import KINDS, NotificationKind
from linnet.domain.timeline import Range
from linnet.errors import Invalid, NotFound
from linnet.ids import unix_ms_of
from linnet.read.timelines.causes import Told, causes_page
from linnet.read.timelines.markers import markers_screen
from linnet.read.timelines.notifications import (
    ToldGroup,
    alone_of,
    group_people,
    group_screen,
    groups_page,
    mixed_page,
    unread_screen,
)
from linnet.write.actions.markers import TIMELINES, put_markers
from linnet.write.actions.notifications import mark_read

_TYPES: Final[dict[NotificationKind, str]] = {
    "followed": "follow",
    "requested": "follow_request",
    "liked": "favourite",
    "retweeted": "reblog",
    "replied": "mention",
    "mentioned": "mention",
    "poll_ended": "poll",
    "edited": "update",
}
_NEVER_ALIKE: Final[tuple[NotificationKind, ...]] = ("requested", "replied", "mentioned", "poll_ended")
_ALONE: Final = "ungrouped"
_POLICIES: Final = tuple(
    f"for_{kind}" for kind in ("not_following", "not_followers", "new_accounts", "private_mentions", "limited_accounts")
)


async def get_notifications(call: Call) -> Answer:
    """Each thing by itself, newest first."""
    params = call.query()
    wanted = wanted_of(params, default=40, most=80)
    page = await causes_page(call.read, call.me, wanted.range, kinds=_kinds(params))
    items = [told for told in page.items if told.row.id < wanted.below]
    links = links_of(call, params, next_id=page.next_id, prev_id=page.prev_id) if items else []
    return answer(await tell(call, items), 200, *links)


async def get_notification(call: Call) -> Answer:
    """One of them."""
    number = parse_id(call.path["id"])
    if number is None:
        raise NotFound
    page = await causes_page(call.read, call.me, Range(1, before=number + 1, after=number - 1), kinds=KINDS)
    found = await tell(call, page.items)
    if not found:
        raise NotFound
    return answer(found[0])


def _kinds(params: Params) -> Sequence[NotificationKind]:
    wanted, unwanted = params.texts("types"), params.texts("exclude_types")
    return [kind for kind in KINDS if (not wanted or _TYPES[kind] in wanted) and _TYPES[kind] not in unwanted]


async def tell(call: Call, items: Sequence[Told]) -> list[Notification]:
    """Entities of them, in their order, of those whose people are there."""
    accounts = await accounts_by_id(call, {told.row.actor_id for told in items})
    statuses = {
        status.id: status
        for status in await statuses_of(call, [told.tweet for told in items if told.tweet is not None])
    }
    found = []
    for told in items:
        row = told.row
        account = accounts.get(str(row.actor_id))
        status = statuses.get(str(row.group_id))
        if account is None or (told.tweet is not None and status is None):
            continue
        found.append(
            Notification(
                str(row.id),
                _TYPES[row.kind],
                rfc3339(unix_ms_of(row.id)),
                account,
                _group_key(row.kind, row.group_id, row.id),
                status=msgspec.UNSET if status is None else status,
            )
        )
    return found


def _group_key(kind: NotificationKind, group_id: int, some_id: int) -> str:
    """What is alike has one key; an answer, a mention, a wish to follow and a poll are alike to nothing."""
    if kind in _NEVER_ALIKE:
        return f"{_ALONE}-{some_id}"
    return f"{_TYPES[kind]}-{group_id}"


def _key_of(told: ToldGroup) -> str:
    group = told.group
    return f"{_ALONE}-{group.newest_id}" if told.is_alone else _group_key(group.kind, group.group_id, group.newest_id)


async def get_groups(call: Call) -> Answer:
    """What is alike as one, as the web app shows it."""
    params = call.query()
    wanted = wanted_of(params, default=40, most=80)
    kinds = _kinds(params)
    # Whoever does not say what to group can show all that is grouped.
    together = params.texts("grouped_types") or list(_TYPES.values())
    grouped = [kind for kind in kinds if _TYPES[kind] in together or kind in _NEVER_ALIKE]
    alone = [kind for kind in kinds if kind not in grouped]
    if alone:
        page = await mixed_page(call.read, call.me, wanted.range, grouped=grouped, alone=alone)
    else:
        page = await groups_page(call.read, call.me, wanted.range, kinds=kinds)
    shown = [told for told in page.items if told.group.newest_id < wanted.below]
    links = links_of(call, params, next_id=page.next_id, prev_id=page.prev_id) if shown else []
    return answer(await _grouped(call, shown), 200, *links)


async def get_group(call: Call) -> Answer:
    """One of them."""
    return answer(await _grouped(call, [await _group(call)]))


async def get_group_accounts(call: Call) -> Answer:
    """Who did it, the newest first."""
    told = await _group(call)
    limit = call.query().count("limit", default=40, most=80)
    if told.is_alone:
        people = [person for person, _ in told.people]
    else:
        people = await group_people(call.read, call.me, told.group, page_size=limit)
    accounts = await accounts_by_id(call, people)
    return answer([accounts[str(person)] for person in people if str(person) in accounts])


async def dismiss_group(call: Call) -> Answer:
    """This one, and those before it, are read."""
    told = await _group(call)
    await mark_read(call.write, call.me, up_to=told.group.newest_id)
    return answer({})


async def _group(call: Call) -> ToldGroup:
    """That of the path. Raises ``NotFound``."""
    name, _, digits = call.path["group_key"].rpartition("-")
    number = parse_id(digits)
    told: ToldGroup | None = None
    if number is None:
        raise NotFound
    if name == _ALONE:
        page = await causes_page(call.read, call.me, Range(1, before=number + 1, after=number - 1), kinds=KINDS)
        told = next(iter(await alone_of(call.read, page.items)), None)
    else:
        for kind, said in _TYPES.items():
            if said == name and kind not in _NEVER_ALIKE:
                told = await group_screen(call.read, call.me, kind, number)
    if told is None:
        raise NotFound
    return told


async def _grouped(call: Call, shown: Sequence[ToldGroup]) -> GroupedNotifications:
    """Without those whose people or tweets went since they were read."""
    accounts = await accounts_by_id(call, {person for told in shown for person, _ in told.people})
    statuses = {
        status.id: status
        for status in await statuses_of(call, [told.tweet for told in shown if told.tweet is not None])
    }
    groups = []
    for told in shown:
        group = told.group
        samples = [str(person) for person, _ in told.people if str(person) in accounts]
        status_id = msgspec.UNSET if told.tweet is None else str(group.group_id)
        if samples and (status_id is msgspec.UNSET or status_id in statuses):
            groups.append(
                NotificationGroup(
                    group_key=_key_of(told),
                    notifications_count=told.people_count,
                    type=_TYPES[group.kind],
                    most_recent_notification_id=group.newest_id,
                    page_min_id=str(group.newest_id),
                    page_max_id=str(group.newest_id),
                    latest_page_notification_at=rfc3339(unix_ms_of(group.newest_id)),
                    sample_account_ids=samples,
                    status_id=status_id,
                )
            )
    return GroupedNotifications(list(accounts.values()), list(statuses.values()), groups)


async def get_unread(call: Call) -> Answer:
    """How many have something new."""
    return answer({"count": (await unread_screen(call.read, call.me)).unread_count})


async def get_policy(call: Call) -> Answer:
    """Nobody's notifications are held back here."""
    summary = {"pending_requests_count": 0, "pending_notifications_count": 0}
    return answer({**dict.fromkeys(_POLICIES, "accept"), "summary": summary})


async def patch_policy(call: Call) -> Answer:
    """It stays so: to hold something back, and not do it, would be worse than to say no."""
    params = await call.body()
    for name in _POLICIES:
        if params.text(name, "accept") != "accept":
            raise Invalid.field(name, "linnet holds no notifications back: mute or block whom you do not want to hear.")
    return await get_policy(call)


async def clear(call: Call) -> Answer:
    """All are read. They stay: what others did is taken back by them alone."""
    await mark_read(call.write, call.me, up_to=None)
    return answer({})


async def dismiss(call: Call) -> Answer:
    """This one, and those before it, are read."""
    number = parse_id(call.path["id"])
    if number is None:
        raise NotFound
    await mark_read(call.write, call.me, up_to=number)
    return answer({})


async def get_markers(call: Call) -> Answer:
    """Of the timelines that are asked for."""
    wanted = call.query().texts("timeline") or list(TIMELINES)
    return await _markers(call, wanted)


async def post_markers(call: Call) -> Answer:
    """Notes how far one has read."""
    params = await call.body()
    read_ids: dict[str, int] = {}
    for timeline in TIMELINES:
        name = f"{timeline}[last_read_id]"
        if params.has(name):
            number = params.number(name)
            if number is None:
                raise Invalid.field(name, "This must be an id.")
            read_ids[timeline] = number
    await put_markers(call.write, call.me, read_ids)
    return await _markers(call, list(read_ids))


async def _markers(call: Call, timelines: Sequence[str]) -> Answer:
    found = await markers_screen(call.read, call.me)
    return answer(
        {
            name: Marker(str(marker.last_read_id), marker.version, rfc3339(marker.updated_ms))
            for name, marker in found.items()
            if name in timelines
        }
    )


_READ = ("read:notifications",)
_WRITE = ("write:notifications",)

ROUTES = (
    Route("GET", "/api/v1/notifications", get_notifications, _READ),
    Route("GET", "/api/v1/notifications/unread_count", get_unread, _READ),
    Route("GET", "/api/v1/notifications/policy", get_policy, _READ),
    Route("GET", "/api/v1/notifications/{id}", get_notification, _READ),
    Route("POST", "/api/v1/notifications/clear", clear, _WRITE),
    Route("POST", "/api/v1/notifications/{id}/dismiss", dismiss, _WRITE),
    Route("GET", "/api/v2/notifications", get_groups, _READ),
    Route("GET", "/api/v2/notifications/unread_count", get_unread, _READ),
    Route("GET", "/api/v2/notifications/policy", get_policy, _READ),
    Route("PATCH", "/api/v2/notifications/policy", patch_policy, _WRITE),
    Route("GET", "/api/v2/notifications/{group_key}", get_group, _READ),
    # As it is published: to ask who did it needs the scope to change something.
    Route("GET", "/api/v2/notifications/{group_key}/accounts", get_group_accounts, _WRITE),
    Route("POST", "/api/v2/notifications/{group_key}/dismiss", dismiss_group, _WRITE),
    Route("GET", "/api/v1/markers", get_markers, ("read:statuses",)),
    Route("POST", "/api/v1/markers", post_markers, ("write:statuses",)),
)
