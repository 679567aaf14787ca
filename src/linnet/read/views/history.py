"""What a tweet said at some time, as clients see it."""

from collections.abc import Sequence

import msgspec

from linnet.clock import rfc3339
from linnet.domain.attachments import Attachment
from linnet.read.views.attachments import AttachmentView, attachment_view
from linnet.read.views.tweets import NO_ENTITIES, EntitiesView
from linnet.stores.postgres.edits import Version


class TweetVersionView(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a tweet said from ``created_at`` on. Whom an earlier one mentioned stands in its text alone."""

    created_at: str
    text: str
    entities: EntitiesView
    attachments: list[AttachmentView] = []
    warning: str = ""
    sensitive: bool = False


class TweetHistoryView(msgspec.Struct, frozen=True):
    """All that a tweet has said, from the beginning on; the last is what it says now."""

    items: list[TweetVersionView]


def version_view(version: Version, attachments: Sequence[Attachment]) -> TweetVersionView:
    entities = NO_ENTITIES if version.entities is None else version.entities
    return TweetVersionView(
        rfc3339(version.since_ms),
        version.text,
        msgspec.json.decode(entities, type=EntitiesView),
        [attachment_view(attachment) for attachment in attachments],
        version.warning or "",
        version.sensitive,
    )
