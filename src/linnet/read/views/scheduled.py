"""Tweets that are posted later, as their author sees them. Nobody else does."""

from collections.abc import Mapping

import msgspec

from linnet.clock import rfc3339
from linnet.domain.attachments import Attachment
from linnet.domain.polls import PollDraft
from linnet.domain.scheduled import Scheduled
from linnet.domain.tweet import Visibility
from linnet.ids import AttachmentId
from linnet.read.views.attachments import AttachmentView, attachment_view


class ScheduledPollView(msgspec.Struct, frozen=True):
    """What it will ask, and for how long from its posting on."""

    options: list[str]
    seconds: int
    multiple: bool
    hides_votes: bool


class ScheduledView(msgspec.Struct, frozen=True):
    """``failure`` says why it could not be posted when its time came; null: it waits."""

    id: str
    scheduled_at: str
    text: str
    reply_to: str | None
    warning: str
    sensitive: bool
    visibility: Visibility
    attachments: list[AttachmentView]
    poll: ScheduledPollView | None
    failure: str | None


def _poll_view(poll: PollDraft) -> ScheduledPollView:
    return ScheduledPollView(list(poll.options), poll.seconds, poll.multiple, poll.hides_votes)


def scheduled_view(one: Scheduled, pictures: Mapping[AttachmentId, Attachment]) -> ScheduledView:
    draft = one.draft
    return ScheduledView(
        str(one.id),
        rfc3339(one.due_ms),
        draft.text,
        None if draft.reply_to is None else str(draft.reply_to),
        draft.warning,
        draft.sensitive,
        draft.visibility,
        [attachment_view(pictures[each]) for each in draft.attached if each in pictures],
        None if draft.poll is None else _poll_view(draft.poll),
        one.failure,
    )
