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
from linnet.read.timelines.notifications import notifications_page, unread_screen
from linnet.read.views.notifications import NotificationView
from linnet.write.actions.markers import TIMELINES, put_markers
from linnet.write.actions.notifications import mark_read

_TYPES: Final[dict[NotificationKind, str]] = {
    "followed": "follow",
    "liked": "favourite",
    "retweeted": "reblog",
    "replied": "mention",
    "mentioned": "mention",
}
_JSON = msgspec.json.Decoder(NotificationView)


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
    """What is alike has one key; an answer and a mention are alike to nothing."""
    if kind in ("replied", "mentioned"):
        return f"ungrouped-{some_id}"
    return f"{_TYPES[kind]}-{group_id}"


async def get_groups(call: Call) -> Answer:
    """What is alike as one, as the web app shows it."""
    params = call.query()
    wanted = wanted_of(params, default=40, most=80)
    page = await notifications_page(call.read, call.me, wanted.range)
    # Views of people and tweets are encoded already: one that is encoded whole is read whole.
    views = [_JSON.decode(msgspec.json.encode(view)) for view in page.items]
    kinds = _kinds(params)
    shown = [view for view in views if view.kind in kinds and int(view.id) < wanted.below]
    accounts = await accounts_by_id(call, {int(person.id) for view in shown for person in view.people})
    tweets = [msgspec.json.encode(view.tweet) for view in shown if view.tweet is not None]
    statuses = {status.id: status for status in await statuses_of(call, tweets)}
    groups = [
        NotificationGroup(
            group_key=_group_key(view.kind, int(view.id) if view.tweet is None else int(view.tweet.id), int(view.id)),
            notifications_count=view.people_count,
            type=_TYPES[view.kind],
            most_recent_notification_id=int(view.id),
            page_min_id=view.id,
            page_max_id=view.id,
            latest_page_notification_at=view.created_at,
            sample_account_ids=[person.id for person in view.people if person.id in accounts],
            status_id=msgspec.UNSET if view.tweet is None else view.tweet.id,
        )
        for view in shown
        if view.tweet is None or view.tweet.id in statuses
    ]
    links = links_of(call, params, next_id=page.next, prev_id=page.prev) if groups else []
    return answer(GroupedNotifications(list(accounts.values()), list(statuses.values()), groups), 200, *links)


async def get_unread(call: Call) -> Answer:
    """How many have something new."""
    return answer({"count": (await unread_screen(call.read, call.me)).unread_count})


async def get_policy(call: Call) -> Answer:
    """Nobody's notifications are held back here."""
    kinds = ("not_following", "not_followers", "new_accounts", "private_mentions", "limited_accounts")
    summary = {"pending_requests_count": 0, "pending_notifications_count": 0}
    return answer({**{f"for_{kind}": "accept" for kind in kinds}, "summary": summary})


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
    Route("GET", "/api/v1/markers", get_markers, ("read:statuses",)),
    Route("POST", "/api/v1/markers", post_markers, ("write:statuses",)),
)
