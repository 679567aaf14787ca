"""Screen: what a tweet has said, from the beginning on."""

import msgspec

from linnet.domain.attachments import unpack_attachments
from linnet.errors import TweetNotFound
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.timelines.thread import find_original, tweet_screen
from linnet.read.views.history import TweetVersionView, version_view
from linnet.stores.postgres import edits


class History(msgspec.Struct, frozen=True):
    """``tweet`` is JSON, ``versions`` are oldest first; the last is what it said in the moment of reading."""

    tweet: bytes
    versions: list[TweetVersionView]


async def history_screen(deps: ReadDeps, viewer_id: UserId | None, tweet_id: TweetId) -> History:
    """Whoever may see the tweet now may see all of it; of a retweet it is the original's. Raises ``TweetNotFound``."""
    ref = await find_original(deps, viewer_id, tweet_id)
    versions = await edits.fetch_history(deps.db, ref)
    # Asked after that: whom an edit took it from meanwhile sees nothing.
    tweet = await tweet_screen(deps, viewer_id, ref.tweet_id)
    if not versions:
        raise TweetNotFound
    return History(tweet, [version_view(each, unpack_attachments(each.attachments)) for each in versions])
