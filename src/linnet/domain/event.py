"""What happened, as the outbox keeps it.

An event belongs to its *actor*, lives in the transaction that made it true, and is applied in order per actor. Events
name rows and carry what is gone from the rows by the time they are applied; handlers read the rest from the truth.
"""

from typing import ClassVar, get_args

import msgspec

from linnet.ids import TweetId, UserId

LANES = 64


def lane_of(actor_id: int) -> int:
    """Which lane an actor's events travel in."""
    # The low bits of an id are its sequence, nearly always 0: mix before folding, or a few lanes would carry all.
    return (actor_id * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF) >> 58


class TweetRef(msgspec.Struct, frozen=True):
    """A tweet, and whose it is: enough to find it among its owner's rows."""

    author_id: UserId
    tweet_id: TweetId


def ref_of(author_id: UserId | None, tweet_id: TweetId | None) -> TweetRef | None:
    """The reference of two columns that are null together."""
    return None if author_id is None or tweet_id is None else TweetRef(author_id, tweet_id)


class TweetPosted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tweet, reply or retweet is there. Retweets have ``retweet_of``, replies ``reply_to``, never both.

    ``tags`` are folded, each once; ``mentions`` are people who were there when it was posted, each once. ``direct``:
    it is for them and whom it answers, so that nothing that others see may tell of it.
    """

    kind: ClassVar[str] = "tweet_posted"
    author_id: UserId
    tweet_id: TweetId
    reply_to: TweetRef | None = None
    retweet_of: TweetRef | None = None
    tags: tuple[str, ...] = ()
    mentions: tuple[UserId, ...] = ()
    direct: bool = False

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.tweet_id)


class TweetDeleted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tweet, reply or retweet is gone. ``going_on``: the rest of what hung on it goes in a further step."""

    kind: ClassVar[str] = "tweet_deleted"
    author_id: UserId
    tweet_id: TweetId
    reply_to: TweetRef | None = None
    retweet_of: TweetRef | None = None
    going_on: bool = False
    direct: bool = False

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.tweet_id)


class TweetEdited(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tweet or a reply says something else since ``edited_ms``. What that is stands in its row.

    ``mentions``: whom it mentions since then, so that whoever leaves finds it. ``below``: those who retweeted it are
    told in further steps, and have been down to this retweet.
    """

    kind: ClassVar[str] = "tweet_edited"
    author_id: UserId
    tweet_id: TweetId
    edited_ms: int
    mentions: tuple[UserId, ...] = ()
    below: TweetId | None = None

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.tweet_id)


class TweetPinned(msgspec.Struct, frozen=True):
    """``author_id`` pinned a tweet or took a pin back: ``tweet_ids`` are one or two, those that changed."""

    kind: ClassVar[str] = "tweet_pinned"
    author_id: UserId
    tweet_ids: tuple[TweetId, ...]


class TweetLiked(msgspec.Struct, frozen=True):
    """``user_id`` began to like a tweet."""

    kind: ClassVar[str] = "tweet_liked"
    user_id: UserId
    tweet: TweetRef


class TweetUnliked(msgspec.Struct, frozen=True):
    """``user_id`` ceased to like a tweet."""

    kind: ClassVar[str] = "tweet_unliked"
    user_id: UserId
    tweet: TweetRef


class PollVoted(msgspec.Struct, frozen=True):
    """``user_id`` voted in a tweet's poll."""

    kind: ClassVar[str] = "poll_voted"
    user_id: UserId
    tweet: TweetRef


class VoteErased(msgspec.Struct, frozen=True):
    """What ``user_id`` voted in a tweet's poll went with their account."""

    kind: ClassVar[str] = "vote_erased"
    user_id: UserId
    tweet: TweetRef


class PollEnded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tweet's poll has ended. ``after_user_id``: of those who voted, whoever comes behind is still to be told."""

    kind: ClassVar[str] = "poll_ended"
    author_id: UserId
    tweet_id: TweetId
    after_user_id: UserId = UserId(0)

    @property
    def ref(self) -> TweetRef:
        return TweetRef(self.author_id, self.tweet_id)


class BookmarksChanged(msgspec.Struct, frozen=True):
    """``user_id`` put a tweet by, or let go of one."""

    kind: ClassVar[str] = "bookmarks_changed"
    user_id: UserId


class UserFollowed(msgspec.Struct, frozen=True, omit_defaults=True):
    """``follower_id`` began to follow ``followed_id``. ``asked``: they had asked to, and do not wait any more."""

    kind: ClassVar[str] = "user_followed"
    follower_id: UserId
    followed_id: UserId
    asked: bool = False


class UserUnfollowed(msgspec.Struct, frozen=True):
    """``follower_id`` ceased to follow ``followed_id``."""

    kind: ClassVar[str] = "user_unfollowed"
    follower_id: UserId
    followed_id: UserId


class FollowRequested(msgspec.Struct, frozen=True):
    """``follower_id`` asked ``followed_id`` to be let follow."""

    kind: ClassVar[str] = "follow_requested"
    follower_id: UserId
    followed_id: UserId


class FollowRequestEnded(msgspec.Struct, frozen=True):
    """What ``follower_id`` asked of ``followed_id`` was refused, or taken back."""

    kind: ClassVar[str] = "follow_request_ended"
    follower_id: UserId
    followed_id: UserId


class UserBlocked(msgspec.Struct, frozen=True, omit_defaults=True):
    """``user_id`` blocked ``blocked_id``, which ended the follows between them.

    ``was_following`` and ``was_followed`` say which of these there were. ``blocked_change_id`` numbers what changed for
    the one who is blocked; the event's own id does for the one who blocks.
    """

    kind: ClassVar[str] = "user_blocked"
    user_id: UserId
    blocked_id: UserId
    blocked_change_id: int
    was_following: bool = False
    was_followed: bool = False


class UserUnblocked(msgspec.Struct, frozen=True):
    """``user_id`` unblocked ``blocked_id``."""

    kind: ClassVar[str] = "user_unblocked"
    user_id: UserId
    blocked_id: UserId


class UserMuted(msgspec.Struct, frozen=True):
    """``user_id`` muted ``muted_id``."""

    kind: ClassVar[str] = "user_muted"
    user_id: UserId
    muted_id: UserId


class UserUnmuted(msgspec.Struct, frozen=True):
    """``user_id`` unmuted ``muted_id``."""

    kind: ClassVar[str] = "user_unmuted"
    user_id: UserId
    muted_id: UserId


class FiltersChanged(msgspec.Struct, frozen=True):
    """``user_id`` filters something else from now on."""

    kind: ClassVar[str] = "filters_changed"
    user_id: UserId


class ListsChanged(msgspec.Struct, frozen=True):
    """What ``user_id`` has on lists changed so that their home timeline did."""

    kind: ClassVar[str] = "lists_changed"
    user_id: UserId


class FollowedTagsChanged(msgspec.Struct, frozen=True):
    """``user_id`` follows a tag more, or one less."""

    kind: ClassVar[str] = "followed_tags_changed"
    user_id: UserId


class ProfileChanged(msgspec.Struct, frozen=True):
    """A user changed what their profile says, or their picture."""

    kind: ClassVar[str] = "profile_changed"
    user_id: UserId


class NotificationsRead(msgspec.Struct, frozen=True):
    """``user_id`` has read some of their notifications."""

    kind: ClassVar[str] = "notifications_read"
    user_id: UserId


class FollowsErased(msgspec.Struct, frozen=True, omit_defaults=True):
    """Follows went with ``user_id``'s account: those of ``follower_ids``, and those that were of ``followed_ids``.

    Unlike an unfollow it leaves no note of the account behind.
    """

    kind: ClassVar[str] = "follows_erased"
    user_id: UserId
    follower_ids: tuple[UserId, ...] = ()
    followed_ids: tuple[UserId, ...] = ()


class TopUserCrossed(msgspec.Struct, frozen=True):
    """A user came to have more followers than the threshold (``up``), or fewer than it."""

    kind: ClassVar[str] = "top_user_crossed"
    user_id: UserId
    up: bool


class SessionsEnded(msgspec.Struct, frozen=True):
    """Some of a user's log-ins are over: those with these hashes of tokens."""

    kind: ClassVar[str] = "sessions_ended"
    user_id: UserId
    token_hashes: tuple[bytes, ...]


Event = (
    TweetPosted
    | TweetDeleted
    | TweetEdited
    | TweetPinned
    | TweetLiked
    | TweetUnliked
    | PollVoted
    | VoteErased
    | PollEnded
    | BookmarksChanged
    | UserFollowed
    | UserUnfollowed
    | FollowRequested
    | FollowRequestEnded
    | UserBlocked
    | UserUnblocked
    | UserMuted
    | UserUnmuted
    | ListsChanged
    | FollowedTagsChanged
    | FiltersChanged
    | ProfileChanged
    | NotificationsRead
    | FollowsErased
    | TopUserCrossed
    | SessionsEnded
)

EVENT_TYPES: dict[str, type[Event]] = {event_type.kind: event_type for event_type in get_args(Event)}


def actor_of(event: Event) -> UserId:
    """Whose event this is: it decides the lane, and the order within."""
    match event:
        case TweetPosted() | TweetDeleted() | TweetEdited() | TweetPinned() | PollEnded():
            return event.author_id
        case UserFollowed() | UserUnfollowed() | FollowRequested() | FollowRequestEnded():
            return event.follower_id
        case _:
            return event.user_id


def encode_event(event: Event) -> str:
    """JSON, readable by the operator who lists a parked event."""
    return msgspec.json.encode(event).decode()


def decode_event(kind: str, payload: bytes | str) -> Event:
    """The event of a row; raises ``ValueError`` for a kind this version does not know."""
    event_type = EVENT_TYPES.get(kind)
    if event_type is None:
        raise ValueError(f"unknown kind of event: {kind}")
    return msgspec.json.decode(payload, type=event_type)
