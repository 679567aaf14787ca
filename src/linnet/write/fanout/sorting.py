"""A batch's events by what they are about, so that each part of the work finds its own, and what they came to."""

from collections.abc import Sequence
from typing import Final

import msgspec

from linnet.domain.event import (
    BookmarksChanged,
    Event,
    FiltersChanged,
    FollowedTagsChanged,
    FollowRequested,
    FollowRequestEnded,
    FollowsErased,
    ListsChanged,
    NotificationsRead,
    PollEnded,
    PollVoted,
    ProfileChanged,
    SessionsEnded,
    TopUserCrossed,
    TweetDeleted,
    TweetEdited,
    TweetLiked,
    TweetPinned,
    TweetPosted,
    TweetRef,
    TweetUnliked,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
    VoteErased,
)
from linnet.domain.tweet import Tweet
from linnet.ids import UserId
from linnet.stores.postgres.fanout import CountedTweet
from linnet.stores.postgres.users import Counted

FollowChange = UserFollowed | UserUnfollowed
RequestChange = FollowRequested | FollowRequestEnded
LikeChange = TweetLiked | TweetUnliked
VoteChange = PollVoted | VoteErased
BlockChange = UserBlocked | UserUnblocked
MuteChange = UserMuted | UserUnmuted
HomeChange = ListsChanged | FollowedTagsChanged


class Numbered(msgspec.Struct, frozen=True):
    """An event with the id of its row."""

    id: int
    event: Event


class Batch(msgspec.Struct, frozen=True):
    """Events in the order of their rows. One actor's events are in the order in which they happened."""

    posted: Sequence[TweetPosted]
    deleted: Sequence[TweetDeleted]
    edited: Sequence[TweetEdited]
    pinned: Sequence[TweetPinned]
    likes: Sequence[LikeChange]
    votes: Sequence[VoteChange]
    ended_polls: Sequence[PollEnded]
    bookmarks: Sequence[BookmarksChanged]
    follows: Sequence[tuple[int, FollowChange]]
    requests: Sequence[RequestChange]
    blocks: Sequence[tuple[int, BlockChange]]
    mutes: Sequence[tuple[int, MuteChange]]
    homes: Sequence[HomeChange]
    filters: Sequence[FiltersChanged]
    profiles: Sequence[ProfileChanged]
    readings: Sequence[tuple[int, NotificationsRead]]
    erased: Sequence[FollowsErased]
    crossed: Sequence[TopUserCrossed]
    sessions: Sequence[SessionsEnded]


class Polls(msgspec.Struct, frozen=True):
    """``told``: who voted, or asked, in polls that have ended, and may not know. ``voters_of_gone``: of tweets."""

    told: tuple[tuple[UserId, TweetRef], ...] = ()
    voters_of_gone: frozenset[UserId] = frozenset()


NO_POLLS: Final = Polls()


class Settled(msgspec.Struct, frozen=True):
    """What a batch came to, once its counters and notes are applied in the transaction.

    ``existing``: posted tweets that were there when the batch was read; one that is deleted by now has its own event to
    come. ``gone``: tweets that are not there any more, with retweets that went with their originals. ``tweets`` and
    ``users`` are rows whose counters changed, locked until the commit. ``polls``: what came of polls. ``edited``:
    tweets that do not say what they said when they were posted, as they are now, and locked.
    """

    existing: frozenset[TweetRef]
    gone: tuple[TweetRef, ...]
    tweets: tuple[CountedTweet, ...]
    users: tuple[Counted, ...]
    polls: Polls = NO_POLLS
    edited: tuple[Tweet, ...] = ()


def sort_events(numbered: Sequence[Numbered]) -> Batch:
    """The events by kind."""
    events = [(item.id, item.event) for item in numbered]
    return Batch(
        posted=[event for _, event in events if isinstance(event, TweetPosted)],
        deleted=[event for _, event in events if isinstance(event, TweetDeleted)],
        edited=[event for _, event in events if isinstance(event, TweetEdited)],
        pinned=[event for _, event in events if isinstance(event, TweetPinned)],
        likes=[event for _, event in events if isinstance(event, LikeChange)],
        votes=[event for _, event in events if isinstance(event, VoteChange)],
        ended_polls=[event for _, event in events if isinstance(event, PollEnded)],
        bookmarks=[event for _, event in events if isinstance(event, BookmarksChanged)],
        follows=[(event_id, event) for event_id, event in events if isinstance(event, FollowChange)],
        requests=[event for _, event in events if isinstance(event, RequestChange)],
        blocks=[(event_id, event) for event_id, event in events if isinstance(event, BlockChange)],
        mutes=[(event_id, event) for event_id, event in events if isinstance(event, MuteChange)],
        homes=[event for _, event in events if isinstance(event, HomeChange)],
        filters=[event for _, event in events if isinstance(event, FiltersChanged)],
        profiles=[event for _, event in events if isinstance(event, ProfileChanged)],
        readings=[(event_id, event) for event_id, event in events if isinstance(event, NotificationsRead)],
        erased=[event for _, event in events if isinstance(event, FollowsErased)],
        crossed=[event for _, event in events if isinstance(event, TopUserCrossed)],
        sessions=[event for _, event in events if isinstance(event, SessionsEnded)],
    )
