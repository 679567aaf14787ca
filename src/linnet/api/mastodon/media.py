"""Media: pictures that are uploaded, described, and then named by a status. Each is ready when it is answered."""

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.params import Params
from linnet.api.mastodon.rendering import media_of
from linnet.domain.attachments import parse_focus
from linnet.errors import AttachmentNotFound, Invalid
from linnet.ids import AttachmentId
from linnet.read.timelines.attachments import attachment_screen
from linnet.read.views.attachments import attachment_view
from linnet.write.actions import attachments
from linnet.write.actions.attachments import Sent


async def post_media(call: Call) -> Answer:
    """A picture, in a form that has it as ``file``."""

    async def read() -> Sent:
        params = await call.body(more_bytes=call.write.options.photos.max_bytes)
        file = params.files.get("file")
        if file is None:
            raise Invalid.field("file", "There is no file in this form.")
        return Sent(file, params.text("description"), _focus_of(params) or (0.0, 0.0))

    attachment = await attachments.upload(call.write, call.me, read)
    return answer(media_of(call, attachment_view(attachment)))


async def get_media(call: Call) -> Answer:
    """One's own."""
    return answer(media_of(call, await attachment_screen(call.read, call.me, _attachment_id(call))))


async def put_media(call: Call) -> Answer:
    """Describes one's own, before it stands in a status."""
    params = await call.body()
    changed = await attachments.describe(
        call.write,
        call.me,
        _attachment_id(call),
        description=params.text("description") if params.has("description") else None,
        focus=_focus_of(params),
    )
    return answer(media_of(call, attachment_view(changed)))


async def delete_media(call: Call) -> Answer:
    """One's own that stands in no status."""
    await attachments.discard(call.write, call.me, _attachment_id(call))
    return answer({})


def _focus_of(params: Params) -> tuple[float, float] | None:
    given = params.text("focus").strip()
    return parse_focus(given) if given else None


def _attachment_id(call: Call) -> AttachmentId:
    return AttachmentId(call.id_of(AttachmentNotFound))


_ONE = "/api/v1/media/{id}"
_SCOPES = ("write:media",)

ROUTES = (
    Route("POST", "/api/v2/media", post_media, _SCOPES, limit="attachment"),
    Route("POST", "/api/v1/media", post_media, _SCOPES, limit="attachment"),
    Route("GET", _ONE, get_media, _SCOPES),
    Route("PUT", _ONE, put_media, _SCOPES),
    Route("DELETE", _ONE, delete_media, _SCOPES),
)
