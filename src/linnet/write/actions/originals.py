"""Which tweet a verb is about: of a retweet the tweet inside it, and none from behind a block."""

from collections.abc import Sequence, Set

import msgspec

from linnet.domain.tweet import Tweet
from linnet.domain.visibility import audience_of, is_for
from linnet.errors import TweetNotFound
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import follows, relations, tweets
from linnet.stores.postgres.pool import Reader
from linnet.write.deps import WriteDeps


class Named(msgspec.Struct, frozen=True):
    """The tweet that somebody named, and the one inside it if it is a retweet, else itself again."""

    tweet: Tweet
    original: Tweet


async def find_original(deps: WriteDeps, user_id: UserId, tweet_id: TweetId) -> Tweet:
    """A tweet to answer, retweet or like.

    Raises ``TweetNotFound``, also when it is not for the user, or a block stands between them and whoever wrote either.
    A block that commits right after this look finds what was done a moment before it, and neither side meets it.
    """
    async with deps.db.session() as db:
        named = await find_named(db, tweet_id)
        if await is_hidden_from(db, user_id, named.tweet, named.original):
            raise TweetNotFound
    return named.original


async def is_hidden_from(db: Reader, user_id: UserId, *shown: Tweet) -> bool:
    """Whether a block, or whom it is for, keeps any of these tweets from somebody. Public ones cost no more for it."""
    if await is_kept_from(db, user_id, {tweet.author_id for tweet in shown}):
        return True
    return len(await pick_for(db, user_id, shown)) < len(shown)


async def pick_for(db: Reader, user_id: UserId, shown: Sequence[Tweet]) -> Sequence[Tweet]:
    """Those of the tweets that are for somebody; blocks are not asked. Public ones alone ask the database nothing."""
    if all(tweet.visibility is None for tweet in shown):
        return shown
    followed = await follows.fetch_followed_among(db, user_id, [tweet.author_id for tweet in shown])
    return [
        tweet
        for tweet in shown
        if is_for(audience_of(tweet), tweet.author_id, user_id, follows=followed, surface="tweet")
    ]


async def find_named(db: Reader, tweet_id: TweetId) -> Named:
    """Whoever asks, and whatever stands between. Raises ``TweetNotFound``."""
    tweet = await tweets.find_by_id(db, tweet_id)
    if tweet is None:
        raise TweetNotFound
    if tweet.retweet_of is None:
        return Named(tweet, tweet)
    found = await tweets.fetch(db, [tweet.retweet_of])
    if not found:
        raise TweetNotFound
    return Named(tweet, found[0])


async def is_kept_from(db: Reader, user_id: UserId, author_ids: Set[UserId]) -> bool:
    """Whether a block stands between somebody and any of those who wrote something."""
    others = [author_id for author_id in author_ids if author_id != user_id]
    return bool(others and (await relations.fetch_hidden_among(db, user_id, others)).on("tweet"))
