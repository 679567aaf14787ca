"""Tweets from before there were tags, mentions and search: each is given what a new one is given when it is posted.

A migration that adds something derived from tweets notes in ``installation`` that they have it not yet, and from there
down a job goes through them (``write/jobs/oldtweets.py``), the newest first. It uses what applies events, and holds
the lane of a tweet's author meanwhile, as an event worker does: so rows that one lane alone may write have one writer
still, and the event of whoever deletes such a tweet now comes after, and finds what the tweet was given. It tells
nobody anything: who was mentioned long ago is no news. Popular tweets are ranked by workers as they start
(``popular.py``).
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import msgspec
import structlog

from linnet.domain.event import TweetPosted, TweetRef, lane_of
from linnet.domain.hashtags import Hashtag, fold_tag
from linnet.domain.timeline import Range
from linnet.domain.tweet import Tweet
from linnet.ids import UserId
from linnet.stores.postgres import notifications, outbox, tweets
from linnet.stores.postgres.leases import find_fact, upsert_fact
from linnet.stores.postgres.pool import Reader, run_again
from linnet.write.deps import WriteDeps
from linnet.write.fanout.search import apply_search
from linnet.write.fanout.sorting import Numbered, Settled, sort_events
from linnet.write.fanout.tags import apply_tags

log = structlog.get_logger()

BELOW_FACT = "old_tweets_below"
"""Tweets with smaller ids may lack something; 0 when all have been gone through. Migrations write it, too."""

_PAGE_SIZE = 500


class _Mention(msgspec.Struct, frozen=True):
    user_id: str


class _Entities(msgspec.Struct, frozen=True):
    hashtags: tuple[Hashtag, ...] = ()
    mentions: tuple[_Mention, ...] = ()


async def are_old_tweets_done(db: Reader) -> bool:
    """Whether everything derived from tweets is there for all of them."""
    return await _find_below(db) == 0


async def fill_in_old_tweets(deps: WriteDeps, *, page_size: int = _PAGE_SIZE) -> int:
    """Goes on where the last run ended, to the first tweet of all; returns how many tweets it looked at.

    Stopped anywhere it has at most a page to do again, which changes nothing. Two at once are only slower.
    """
    seen = 0
    while below := await _find_below(deps.db):
        entries = await tweets.fetch_newest(deps.db, Range(page_size, before=below))
        by_lane: dict[int, list[TweetRef]] = defaultdict(list)
        for entry in entries:
            # A retweet has no words of its own.
            if not entry.original_id:
                by_lane[lane_of(entry.author_id)].append(TweetRef(entry.author_id, entry.id))
        # A lane at a time, for what its few of them take: nobody's new tweets wait for the whole page.
        for lane, refs in sorted(by_lane.items()):
            await run_again(partial(_fill_in, deps, lane, refs))
        await upsert_fact(deps.db, BELOW_FACT, str(entries[-1].id if len(entries) == page_size else 0))
        seen += len(entries)
    return seen


async def _find_below(db: Reader) -> int:
    return int(await find_fact(db, BELOW_FACT) or 0)


async def _fill_in(deps: WriteDeps, lane: int, refs: Sequence[TweetRef]) -> None:
    async with deps.db.transaction() as session:
        await outbox.wait_for_lane(session, lane)
        posted = [_as_posted(tweet) for tweet in await tweets.fetch(session, refs)]
        batch = sort_events([Numbered(event.tweet_id, event) for event in posted])
        settled = Settled(frozenset(refs), gone=(), tweets=(), users=())
        await apply_tags(deps, session, batch, settled)
        await apply_search(deps, session, batch, settled)
        mentions = [(user_id, event.ref) for event in posted for user_id in event.mentions]
        if mentions:
            await notifications.insert_mentions(session, mentions)


def _as_posted(tweet: Tweet) -> TweetPosted:
    """The event that it would be today; its row has always said what it shows."""
    entities = _Entities()
    if tweet.entities is not None:
        try:
            entities = msgspec.json.decode(tweet.entities, type=_Entities)
        except msgspec.ValidationError as error:
            # One odd row must not keep all the others from being found.
            log.error("a tweet shows something unheard of", tweet_id=tweet.id, cause=str(error))
    return TweetPosted(
        tweet.author_id,
        tweet.id,
        reply_to=tweet.reply_to,
        tags=tuple(dict.fromkeys(fold_tag(hashtag.text) for hashtag in entities.hashtags)),
        mentions=tuple(dict.fromkeys(UserId(int(mention.user_id)) for mention in entities.mentions)),
    )
