"""Conversations: a tweet and what answers it, and so on, for as long as it is said to the same kind of people.

What is said to few and what is said to many are never one conversation: a direct answer to what others may read begins
one of its own, and so does an answer to many to what was said directly. So whoever keeps quiet about what everybody
talks about still hears those who turn to them, and nobody's messages hang on what strangers said before.

Each tweet keeps which one it belongs to from the moment it is posted, so a tweet that goes takes nothing else along.
"""

from linnet.domain.tweet import Tweet, Visibility
from linnet.ids import TweetId


def goes_on(answer: Visibility, parent: Tweet) -> bool:
    """Whether an answer belongs to the conversation of what it answers."""
    return (answer == "direct") == (parent.visibility == "direct")


def noted_conversation(tweet: Tweet) -> TweetId | None:
    """The first tweet of its conversation. None: an answer of an older release, which did not note it."""
    if tweet.conversation_id is not None:
        return tweet.conversation_id
    return tweet.id if tweet.reply_to_id is None else None
