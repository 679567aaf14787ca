"""Statuses that are posted later."""

import msgspec

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import MediaAttachment
from linnet.api.mastodon.paging import view_links, wanted_of
from linnet.api.mastodon.rendering import media_of
from linnet.domain.scheduled import parse_due
from linnet.domain.tweet import Visibility
from linnet.errors import ScheduledNotFound
from linnet.read.timelines.scheduled import scheduled_page, scheduled_screen
from linnet.read.views.scheduled import ScheduledPollView, ScheduledView
from linnet.write.actions import scheduled

DUE = "scheduled_at"


class ScheduledPoll(msgspec.Struct, frozen=True):
    options: list[str]
    expires_in: int
    multiple: bool
    hide_totals: bool


class ScheduledParams(msgspec.Struct, frozen=True):
    """What a post was to be, in the words in which it was asked for."""

    text: str
    visibility: Visibility
    application_id: int
    in_reply_to_id: int | None
    media_ids: list[str]
    sensitive: bool
    spoiler_text: str
    poll: ScheduledPoll | None = None
    idempotency: str | None = None
    language: str | None = None
    scheduled_at: str | None = None
    with_rate_limit: bool = False


class ScheduledStatus(msgspec.Struct, frozen=True):
    id: str
    scheduled_at: str
    params: ScheduledParams
    media_attachments: list[MediaAttachment]


async def get_scheduled_statuses(call: Call) -> Answer:
    """The one that was scheduled last comes first; also those that could not be posted, whose time is over."""
    params = call.query()
    page = await scheduled_page(call.read, call.me, wanted_of(params, default=20, most=40).range)
    return answer([entity_of(call, one) for one in page.items], 200, *view_links(call, params, page))


async def get_scheduled_status(call: Call) -> Answer:
    """One of them."""
    return await answer_scheduled(call, call.id_of(ScheduledNotFound))


async def put_scheduled_status(call: Call) -> Answer:
    """At another time. Without one it stays as it is."""
    params, scheduled_id = await call.body(), call.id_of(ScheduledNotFound)
    if params.text(DUE):
        await scheduled.reschedule(call.write, call.me, scheduled_id, parse_due(params.text(DUE), field=DUE))
    return await answer_scheduled(call, scheduled_id)


async def delete_scheduled_status(call: Call) -> Answer:
    """It is not posted."""
    await scheduled.unschedule(call.write, call.me, call.id_of(ScheduledNotFound))
    return answer({})


async def answer_scheduled(call: Call, scheduled_id: int) -> Answer:
    return answer(entity_of(call, await scheduled_screen(call.read, call.me, scheduled_id)))


def entity_of(call: Call, one: ScheduledView) -> ScheduledStatus:
    """What it will be, in the words in which it was asked for."""
    return ScheduledStatus(
        one.id,
        one.scheduled_at,
        ScheduledParams(
            one.text,
            one.visibility,
            application_id=call.app_id or 0,
            in_reply_to_id=None if one.reply_to is None else int(one.reply_to),
            media_ids=[each.id for each in one.attachments],
            sensitive=one.sensitive or bool(one.warning),
            spoiler_text=one.warning,
            poll=None if one.poll is None else _poll_of(one.poll),
        ),
        [media_of(call, each) for each in one.attachments],
    )


def _poll_of(poll: ScheduledPollView) -> ScheduledPoll:
    return ScheduledPoll(poll.options, poll.seconds, poll.multiple, poll.hides_votes)


_ONE = "/api/v1/scheduled_statuses/{id}"
_READ, _WRITE = ("read:statuses",), ("write:statuses",)

ROUTES = (
    Route("GET", "/api/v1/scheduled_statuses", get_scheduled_statuses, _READ),
    Route("GET", _ONE, get_scheduled_status, _READ),
    Route("PUT", _ONE, put_scheduled_status, _WRITE),
    Route("DELETE", _ONE, delete_scheduled_status, _WRITE),
)
