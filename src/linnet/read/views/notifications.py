"""Notifications as clients see them."""

from typing import cast

import msgspec

from linnet.clock import rfc3339
from linnet.domain.notification import NotificationKind
from linnet.ids import unix_ms_of
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import AuthorView, TweetView


class NotificationView(msgspec.Struct, frozen=True):
    """What somebody did, or several did alike.

    ``people`` are the newest of ``people_count``, at most three. ``tweet`` is one's own for ``liked`` and
    ``retweeted``, theirs for ``replied``, ``mentioned`` and ``edited`` (which one had retweeted), null for ``followed``
    and ``requested``. For ``poll_ended`` it is that of whoever asked, perhaps oneself, who alone is in ``people``.
    ``id`` grows when somebody joins, and when it is edited again.
    """

    id: str
    kind: NotificationKind
    created_at: str
    unread: bool
    people: list[AuthorView]
    people_count: int
    tweet: TweetView | None


class NotificationsView(PageView[NotificationView], frozen=True):
    """A page, and how many notifications there are with something new, over all pages; 100 means 100 or more."""

    unread_count: int


class UnreadView(msgspec.Struct, frozen=True):
    """How many notifications there are with something new; 100 means 100 or more."""

    unread_count: int


def notification_view(
    newest_id: int,
    kind: NotificationKind,
    people: list[bytes],
    *,
    people_count: int,
    unread: bool,
    tweet: bytes | None,
) -> NotificationView:
    """``people`` and ``tweet`` are JSON of their views already, and stay as they are."""
    return NotificationView(
        id=str(newest_id),
        kind=kind,
        created_at=rfc3339(unix_ms_of(newest_id)),
        unread=unread,
        people=[cast(AuthorView, msgspec.Raw(person)) for person in people],
        people_count=people_count,
        tweet=None if tweet is None else cast(TweetView, msgspec.Raw(tweet)),
    )
