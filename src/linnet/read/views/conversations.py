"""Conversations as clients see them."""

from collections.abc import Sequence
from typing import cast

import msgspec

from linnet.read.views.tweets import AuthorView, TweetView


class ConversationView(msgspec.Struct, frozen=True):
    """Direct tweets that answer each other, as one person has them. ``id`` is that of the first of them.

    ``people`` are those whom the newest is for, or who wrote it, without the one who asks unless they are alone.
    ``last`` is the newest; null in the moment in which it goes.
    """

    id: str
    unread: bool
    people: list[AuthorView]
    last: TweetView | None


def conversation_view(
    conversation_id: int, *, unread: bool, people: Sequence[bytes], last: bytes | None
) -> ConversationView:
    """``people`` and ``last`` are JSON of their views already, and stay as they are."""
    return ConversationView(
        str(conversation_id),
        unread,
        [cast(AuthorView, msgspec.Raw(person)) for person in people],
        None if last is None else cast(TweetView, msgspec.Raw(last)),
    )
