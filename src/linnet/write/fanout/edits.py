"""Step 3 of the write path, for edits: what is derived from a tweet's words becomes what its row says now.

*The invariant*: an event of an edit says that something changed, and never what. Each part (``tags``, ``search``,
``notifications``) reads the row, which is locked until the commit, and makes what it keeps equal to it. So it does not
matter which of two edits comes first, whether one was parked and comes late, or twice; and whoever edits after we
looked has an event of their own to come. What a post's own event says of its words is left out as soon as its row was
edited, or a post that was parked would bring them back.

Home timelines have nothing to do here: an entry says whose tweet stands where, and both stay.
"""

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.hashtags import Hashtag, fold_tag
from linnet.domain.tweet import Tweet
from linnet.ids import UserId
from linnet.stores.postgres import tweets
from linnet.stores.postgres.pool import Session
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch, Settled


class _Mention(msgspec.Struct, frozen=True):
    user_id: str


class _Entities(msgspec.Struct, frozen=True):
    hashtags: tuple[Hashtag, ...] = ()
    mentions: tuple[_Mention, ...] = ()


class Words(msgspec.Struct, frozen=True):
    """What is derived from what a tweet says. ``tags`` are folded; each of both once, in the order of the text."""

    tags: tuple[str, ...]
    mentions: tuple[UserId, ...]


def words_of(tweet: Tweet) -> Words:
    """Of what is not public no tag is known."""
    entities = _Entities() if tweet.entities is None else msgspec.json.decode(tweet.entities, type=_Entities)
    hashtags = entities.hashtags if tweet.visibility is None else ()
    return Words(
        tuple(dict.fromkeys(fold_tag(hashtag.text) for hashtag in hashtags)),
        tuple(dict.fromkeys(UserId(int(mention.user_id)) for mention in entities.mentions)),
    )


def without_old_words(batch: Batch, edited: frozenset[TweetRef]) -> Batch:
    """The batch, without what its posts said that were edited since."""
    if not edited:
        return batch
    posted = [
        msgspec.structs.replace(event, tags=(), mentions=()) if event.ref in edited else event for event in batch.posted
    ]
    return msgspec.structs.replace(batch, posted=posted)


async def end_old_words(deps: WriteDeps, session: Session, settled: Settled) -> None:
    """Before the commit: nobody may put into the cache what these tweets said before.

    The action has said so already, if Valkey was there and its process lived on.
    """
    if settled.edited:
        # Their versions may have grown in this batch. One that is gone has a deletion of its own, which says so.
        found = await tweets.fetch(session, [tweet.ref for tweet in settled.edited])
        await deps.cache.put_stale([(deps.keys.tweet(tweet.id), tweet.version) for tweet in found])
