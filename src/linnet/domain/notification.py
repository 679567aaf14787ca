"""Who is told of what. A cause is one thing that one person did; causes of one kind about one thing are a group."""

from typing import Literal, get_args

import msgspec

from linnet.domain.event import TweetPosted, TweetRef
from linnet.ids import TweetId, UserId, unix_ms_of

NotificationKind = Literal[
    "followed", "requested", "liked", "retweeted", "replied", "mentioned", "edited", "poll_ended"
]
KINDS: tuple[NotificationKind, ...] = get_args(NotificationKind)

TWEET_KINDS: tuple[NotificationKind, ...] = ("liked", "retweeted", "replied", "mentioned", "edited", "poll_ended")
"""Those whose group is a tweet: one's own for the first two, the other's for the rest, or whose poll it was."""

ABOUT_PEOPLE: tuple[NotificationKind, ...] = ("followed", "requested")
"""The others: a follow, and a wish to follow."""

_DAY_MS = 86_400_000


class Cause(msgspec.Struct, frozen=True):
    """``user_id`` is told that ``actor_id`` did it. There is one for all the times that they did the same."""

    user_id: UserId
    kind: NotificationKind
    group_id: int
    actor_id: UserId


def causes_of(posted: TweetPosted) -> list[Cause]:
    """Whom a tweet, reply or retweet concerns, each person once: who is answered is not told of a mention too."""
    author_id = posted.author_id
    causes: list[Cause] = []
    if posted.retweet_of is not None:
        causes.append(Cause(posted.retweet_of.author_id, "retweeted", posted.retweet_of.tweet_id, author_id))
    if posted.reply_to is not None:
        causes.append(Cause(posted.reply_to.author_id, "replied", posted.tweet_id, author_id))
    told = {author_id, *(cause.user_id for cause in causes)}
    causes += [
        Cause(user_id, "mentioned", posted.tweet_id, author_id) for user_id in posted.mentions if user_id not in told
    ]
    return [cause for cause in causes if cause.user_id != author_id]


def tweet_of(cause: Cause) -> TweetRef | None:
    """The tweet that a cause is about: the person's own, or what somebody else said. None: it is about people."""
    match cause.kind:
        case "liked" | "retweeted":
            return TweetRef(cause.user_id, TweetId(cause.group_id))
        case "replied" | "mentioned" | "edited" | "poll_ended":
            return TweetRef(cause.actor_id, TweetId(cause.group_id))
        case _:
            return None


def cause_of_like(user_id: UserId, tweet: TweetRef) -> Cause:
    """What a like causes. It concerns nobody when the tweet is one's own."""
    return Cause(tweet.author_id, "liked", tweet.tweet_id, user_id)


def cause_of_edit(retweeter_id: UserId, tweet: TweetRef) -> Cause:
    """What an edit causes for whoever retweeted the tweet: there is one of it, for the last edit."""
    return Cause(retweeter_id, "edited", tweet.tweet_id, tweet.author_id)


def cause_of_follow(follower_id: UserId, followed_id: UserId, follow_id: int) -> Cause:
    """What a follow causes. New followers of one day (UTC) are a group."""
    return Cause(followed_id, "followed", unix_ms_of(follow_id) // _DAY_MS, follower_id)


def cause_of_request(follower_id: UserId, followed_id: UserId) -> Cause:
    """What a wish to follow causes, for as long as it waits. Each is its own."""
    return Cause(followed_id, "requested", follower_id, follower_id)


def cause_of_poll(user_id: UserId, tweet: TweetRef) -> Cause:
    """What the end of a poll causes to whoever voted, or asked. Its author counts as who did it."""
    return Cause(user_id, "poll_ended", tweet.tweet_id, tweet.author_id)
