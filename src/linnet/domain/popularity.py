"""How popular a tweet is: a pure function of its likes and retweets, its author's followers, and when it was posted.

A score is a moment, in Unix milliseconds: the tweet ranks as if it had been posted then, without a like, by somebody
without followers. Every doubling of what people did with it moves it one half-life ahead. So nothing has to be
rescored as time goes by (everything ages alike, and the order of two tweets stays), and an index can hold the order.

    score = created_ms + engagement_ms(likes, retweets) + reach_ms(followers)

Higher scores come first, and of equal ones the newer tweet (the larger id). Everything is whole milliseconds, so that
PostgreSQL, which adds the three up, and Python cannot disagree. ``docs/decisions/0013-popularity.md`` says why.
"""

from math import log2
from typing import Final

from linnet.ids import unix_ms_of

RETWEET_WEIGHT: Final = 2
# A thousand followers are worth a little more than a like, a million twice as much.
STEPS_PER_HALF_LIFE: Final = 8


def engagement_ms(likes: int, retweets: int, *, half_life_ms: int) -> int:
    """How far what people did with a tweet moves it ahead: not at all, for nothing."""
    return round(half_life_ms * log2(1 + max(0, likes) + RETWEET_WEIGHT * max(0, retweets)))


def reach_step(followers: int) -> int:
    """How many binary digits the number has: somebody has to double their followers for it to change.

    So the tweets of an author who gains a thousand followers a second are rescored a few times a day.
    """
    return max(0, followers).bit_length()


def reach_ms(followers: int, *, half_life_ms: int) -> int:
    """How far an author's followers move a tweet ahead."""
    return half_life_ms * reach_step(followers) // STEPS_PER_HALF_LIFE


def score_ms(tweet_id: int, *, likes: int, retweets: int, followers: int, half_life_ms: int) -> int:
    """The whole function. PostgreSQL keeps its last two parts, and adds them up in ``popular.score_ms``."""
    return (
        unix_ms_of(tweet_id)
        + engagement_ms(likes, retweets, half_life_ms=half_life_ms)
        + reach_ms(followers, half_life_ms=half_life_ms)
    )
