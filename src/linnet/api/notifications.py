"""What others did that concerns one."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import PAGE, IdText, require_id
from linnet.read.timelines.notifications import notifications_page, unread_screen
from linnet.read.views.notifications import NotificationsView, UnreadView
from linnet.write.actions.notifications import mark_read


class ReadBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``up_to``: the id of the newest notification that was seen; null or left out: all are read."""

    up_to: IdText | None = None


async def list_notifications(call: Call) -> Answer:
    """List what others did that concerns one

    New followers, and likes, retweets and replies to one's tweets, and mentions; what is alike is one notification,
    which moves up when somebody joins in. Nothing from people one blocks or mutes. What was taken back is gone.
    """
    return view_answer(await notifications_page(call.services.read, call.actor.user_id, call.range()))


async def count_notifications(call: Call) -> Answer:
    """Count one's unread notifications

    For the number beside the bell.
    """
    return view_answer(await unread_screen(call.services.read, call.actor.user_id))


async def read_notifications(call: Call) -> Answer:
    """Mark notifications as read

    Up to the newest one that was seen, or all. What came in since stays unread. Answers how many are unread now.
    """
    body = await call.fields(ReadBody)
    up_to = None if body.up_to is None else require_id("up_to", body.up_to)
    await mark_read(call.services.write, call.actor.user_id, up_to=up_to)
    return view_answer(await unread_screen(call.services.read, call.actor.user_id))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/notifications",
        list_notifications,
        "notifications",
        Success("A page of notifications.", NotificationsView, examples.NOTIFICATIONS),
        query=PAGE,
    ),
    Endpoint(
        "GET",
        "/api/notifications/unread",
        count_notifications,
        "notifications",
        Success("The number.", UnreadView, UnreadView(3)),
    ),
    Endpoint(
        "POST",
        "/api/notifications/read",
        read_notifications,
        "notifications",
        Success("The number that is left.", UnreadView, UnreadView(0)),
        body=ReadBody,
        body_example=ReadBody(examples.RETWEET_ID),
    ),
)
