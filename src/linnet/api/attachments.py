"""Pictures for tweets: uploaded first, then described, then named by the tweet that they stand in."""

from typing import Annotated

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, no_content, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.errors import AttachmentNotFound, AttachmentUsed, PictureTooLarge, PictureUnreadable
from linnet.read.timelines.attachments import attachment_screen
from linnet.read.views.attachments import AttachmentView, attachment_view
from linnet.write.actions import attachments
from linnet.write.actions.attachments import Sent

_Share = Annotated[float, msgspec.Meta(ge=-1, le=1)]


class FocusBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The point that should stay in sight when the picture is cut: 0 is the middle, 1 the right or upper edge."""

    x: _Share
    y: _Share


class DescribeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not sent, or null, stays as it is."""

    description: str | None = None
    focus: FocusBody | None = None


async def post_attachment(call: Call) -> Answer:
    """Upload a picture for a tweet

    The body is the file: JPEG, PNG or WebP, up to 10 MB and 25 million pixels (unless the server is told otherwise); or
    a form with it as the only file. It is kept upright, in two sizes of at most 2048 and 640 pixels, without anything
    else that was in the file, such as where it was taken. Pictures that move are refused. A tweet names it in
    `attachments`; what no tweet names within a day is deleted.
    """
    services = call.services

    async def read() -> Sent:
        return Sent(await call.picture(max_bytes=services.write.options.photos.max_bytes))

    attachment = await attachments.upload(services.write, call.actor.user_id, read)
    return view_answer(attachment_view(attachment), 201)


async def get_attachment(call: Call) -> Answer:
    """Read what is known of one's own picture

    Whether it stands in a tweet or not.
    """
    attachment_id = call.attachment_id()
    return view_answer(await attachment_screen(call.services.read, call.actor.user_id, attachment_id))


async def patch_attachment(call: Call) -> Answer:
    """Describe a picture

    For those who do not see it: up to 1500 characters. And which point of it should stay in sight when it is cut. Only
    before it stands in a tweet.
    """
    attachment_id = call.attachment_id()
    body = await call.fields(DescribeBody)
    focus = None if body.focus is None else (body.focus.x, body.focus.y)
    changed = await attachments.describe(
        call.services.write, call.actor.user_id, attachment_id, description=body.description, focus=focus
    )
    return view_answer(attachment_view(changed))


async def delete_attachment(call: Call) -> Answer:
    """Delete a picture that stands in no tweet

    One that does goes with its tweet.
    """
    await attachments.discard(call.services.write, call.actor.user_id, call.attachment_id())
    return no_content()


_PATH = "/api/attachments/{attachment_id}"

ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/attachments",
        post_attachment,
        "attachments",
        Success("The picture.", AttachmentView, examples.ATTACHMENT, status=201),
        takes_picture=True,
        problems=(PictureUnreadable, PictureTooLarge),
        limit="attachment",
    ),
    Endpoint(
        "GET",
        _PATH,
        get_attachment,
        "attachments",
        Success("The picture.", AttachmentView, examples.DESCRIBED_ATTACHMENT),
        problems=(AttachmentNotFound,),
    ),
    Endpoint(
        "PATCH",
        _PATH,
        patch_attachment,
        "attachments",
        Success("The picture.", AttachmentView, examples.DESCRIBED_ATTACHMENT),
        body=DescribeBody,
        body_example=DescribeBody(examples.DESCRIPTION, FocusBody(0.0, 0.5)),
        problems=(AttachmentNotFound, AttachmentUsed),
    ),
    Endpoint(
        "DELETE",
        _PATH,
        delete_attachment,
        "attachments",
        Success("Gone.", status=204),
        problems=(AttachmentNotFound, AttachmentUsed),
    ),
)
