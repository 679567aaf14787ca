"""Tweets as the truth keeps them."""

import msgspec

from linnet.domain.event import TweetRef, ref_of
from linnet.ids import TweetId, UserId


class Tweet(msgspec.Struct, frozen=True):
    """One row. ``entities`` is JSON text (null: none found). ``version`` grows with every change of the row."""

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

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.id)

    @property
    def reply_to(self) -> TweetRef | None:
        return ref_of(self.reply_to_author_id, self.reply_to_id)

    @property
    def retweet_of(self) -> TweetRef | None:
        return ref_of(self.retweet_of_author_id, self.retweet_of_id)
