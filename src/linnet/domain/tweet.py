"""Tweets as the truth keeps them."""

from typing import Literal

import msgspec

from linnet.domain.event import TweetRef, ref_of
from linnet.ids import TweetId, UserId

Narrowed = Literal["unlisted", "private", "direct"]
Visibility = Literal["public", "unlisted", "private", "direct"]
"""``unlisted``: for everybody who comes across it, and in no list of what strangers say; ``private``: for followers;
``direct``: for whom it mentions or answers, and nobody else."""


class Tweet(msgspec.Struct, frozen=True):
    """One row. ``entities`` is JSON text (null: none found). ``version`` grows with every change of the row.

    ``attachments``: as ``domain.attachments`` packs them. ``warning``: what one reads before all else, and may stop at.
    ``visibility``: None: public. A retweet has that of what is in it. ``poll``: as ``domain.polls`` packs it;
    ``poll_voters`` and ``poll_votes``, for each option it may have, are there with it. ``edited_ms``: since when it
    says what it says; None: since it was posted.
    ``conversation_id``: the first tweet of its conversation (``domain.conversations``). None: itself, if it answers
    nothing.
    """

    author_id: UserId
    id: TweetId
    text: str
    reply_to_id: TweetId | None
    reply_to_author_id: UserId | None
    retweet_of_id: TweetId | None
    retweet_of_author_id: UserId | None
    entities: str | None
    replies_count: int
    retweets_count: int
    likes_count: int
    pinned: bool
    version: int
    attachments: str | None = None
    warning: str | None = None
    sensitive: bool = False
    visibility: Narrowed | None = None
    poll: str | None = None
    poll_voters: int | None = None
    poll_votes: list[int] | None = None
    edited_ms: int | None = None
    conversation_id: TweetId | None = None

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.id)

    @property
    def reply_to(self) -> TweetRef | None:
        return ref_of(self.reply_to_author_id, self.reply_to_id)

    @property
    def retweet_of(self) -> TweetRef | None:
        return ref_of(self.retweet_of_author_id, self.retweet_of_id)
