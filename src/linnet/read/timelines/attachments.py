"""Screen: one of somebody's own pictures, in a tweet or not."""

from linnet.errors import AttachmentNotFound
from linnet.ids import AttachmentId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.views.attachments import AttachmentView, attachment_view
from linnet.stores.postgres import attachments


async def attachment_screen(deps: ReadDeps, viewer_id: UserId, attachment_id: AttachmentId) -> AttachmentView:
    """Raises ``AttachmentNotFound``, also for other people's."""
    found = await attachments.find(deps.db, viewer_id, attachment_id)
    if found is None:
        raise AttachmentNotFound
    return attachment_view(found)
