"""Pictures in tweets, as clients see them. Addresses never change what lies at them, and nobody can guess one."""

import msgspec

from linnet.domain.attachments import LARGE, SMALL, Attachment, attachment_path


class PreviewView(msgspec.Struct, frozen=True):
    """The same picture, small. Sides in pixels."""

    url: str
    width: int
    height: int


class FocusView(msgspec.Struct, frozen=True):
    """The point that should stay in sight when it is cut, from -1 (left, bottom) to 1 (right, top)."""

    x: float
    y: float


class AttachmentView(msgspec.Struct, frozen=True):
    """A picture; ``url`` is a path from the server's root. ``description`` is for those who do not see it."""

    id: str
    url: str
    width: int
    height: int
    preview: PreviewView
    description: str
    focus: FocusView
    blurhash: str


def attachment_view(attachment: Attachment) -> AttachmentView:
    return AttachmentView(
        str(attachment.id),
        f"/media/{attachment_path(attachment.name, LARGE)}",
        attachment.width,
        attachment.height,
        PreviewView(
            f"/media/{attachment_path(attachment.name, SMALL)}", attachment.small_width, attachment.small_height
        ),
        attachment.description,
        FocusView(attachment.focus_x, attachment.focus_y),
        attachment.blurhash,
    )
