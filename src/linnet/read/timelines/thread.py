"""Screens: one tweet, and the thread around it."""

import asyncio
from collections.abc import Sequence

import msgspec

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry, Range, entry_of, merge
from linnet.domain.tweet import Tweet
from linnet.errors import TweetNotFound
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hiding import fetch_hidden_among, sees
from linnet.read.hydration.entries import Marking, hydrate
from linnet.read.timelines.filling import Skeleton, fill_page, one_more, skeleton_of
from linnet.read.views.pages import Page, PageView, page_json
from linnet.read.views.tweets import DeletedTweetView, TweetView, deleted_json
from linnet.stores.postgres import conversations, tweets

MAX_ANCESTORS = 100


class ThreadView(msgspec.Struct, frozen=True):
    """``ancestors`` from the beginning of the thread down to the tweet; where one is gone, a placeholder begins it.

    A placeholder also stands for whom the viewer does not meet. Who opens the thread of somebody they mute meets them.
    """

    ancestors: list[TweetView | DeletedTweetView]
    tweet: TweetView
    replies: PageView[TweetView]


async def find_tweet(deps: ReadDeps, viewer_id: UserId | None, tweet_id: TweetId) -> Tweet:
    """The row. Raises ``TweetNotFound``, also when it is not for the viewer, or a block keeps them from its words."""
    tweet = await tweets.find_by_id(deps.db, tweet_id)
    if tweet is None:
        raise TweetNotFound
    wrote = {tweet.author_id} if tweet.retweet_of is None else {tweet.author_id, tweet.retweet_of.author_id}
    if wrote & (await fetch_hidden_among(deps, viewer_id, wrote)).on("tweet"):
        raise TweetNotFound
    if not await sees(deps, viewer_id, tweet, surface="tweet"):
        raise TweetNotFound
    return tweet


async def find_original(deps: ReadDeps, viewer_id: UserId | None, tweet_id: TweetId) -> TweetRef:
    """A tweet's own place, and for a retweet that of its original. Raises ``TweetNotFound``, as ``find_tweet`` does."""
    tweet = await find_tweet(deps, viewer_id, tweet_id)
    if tweet.retweet_of is None:
        return tweet.ref
    if not await tweets.fetch(deps.db, [tweet.retweet_of]):
        raise TweetNotFound
    return tweet.retweet_of


def _entry_of(tweet: Tweet) -> Entry:
    return entry_of(tweet.ref, reply_to=tweet.reply_to, retweet_of=tweet.retweet_of)


async def tweet_screen(deps: ReadDeps, viewer_id: UserId | None, tweet_id: TweetId) -> bytes:
    """The JSON of a ``TweetView``. Raises ``TweetNotFound``."""
    return await _shown(deps, viewer_id, await find_tweet(deps, viewer_id, tweet_id))


async def posted_screen(deps: ReadDeps, viewer_id: UserId, tweet: Tweet, *, again: bool = False) -> bytes:
    """The JSON of a tweet that was just posted, which is now in the cache too; nothing is read back.

    ``again``: it may have been posted before, so that its author may have done something with it since.
    """
    generation = deps.tweets.memory.generation
    rendered = await deps.tweets.render([tweet])
    # What was posted before may have been edited since it was read.
    remembering = deps.tweets.share(rendered) if again else deps.tweets.remember(rendered, generation=generation)
    # Begun in this order, and so in one round trip.
    _, shown = await asyncio.gather(remembering, _shown(deps, viewer_id, tweet, marks="ask" if again else "none"))
    return shown


async def changed_screen(
    deps: ReadDeps, viewer_id: UserId, tweet_id: TweetId, *, changed_ids: Sequence[TweetId]
) -> bytes:
    """The JSON of a tweet whose row the viewer has just changed, with others of theirs: as it is in the truth.

    This process need not wait for the signal to forget what it holds. Raises ``TweetNotFound``.
    """
    deps.tweets.forget(changed_ids)
    generation = deps.tweets.memory.generation
    tweet = await find_tweet(deps, viewer_id, tweet_id)
    await deps.tweets.remember(await deps.tweets.render([tweet]), generation=generation)
    return await _shown(deps, viewer_id, tweet)


async def _shown(deps: ReadDeps, viewer_id: UserId | None, tweet: Tweet, *, marks: Marking = "ask") -> bytes:
    [item] = await hydrate(deps, viewer_id, [_entry_of(tweet)], surface="tweet", marks=marks)
    if item is None:
        raise TweetNotFound
    return item


async def thread_screen(deps: ReadDeps, viewer_id: UserId | None, tweet_id: TweetId, wanted: Range) -> bytes:
    """The JSON of a ``ThreadView``; ``wanted`` is the page of replies. Raises ``TweetNotFound``."""
    tweet = await find_tweet(deps, viewer_id, tweet_id)
    shown = await _shown(deps, viewer_id, tweet)
    ancestors = await _ancestors(deps, viewer_id, tweet)
    replies = await replies_page(deps, viewer_id, tweet.ref, wanted)
    return b'{"ancestors":[%b],"tweet":%b,"replies":%b}' % (b",".join(ancestors), shown, page_json(replies))


async def ancestors_of(deps: ReadDeps, viewer_id: UserId | None, tweet_id: TweetId) -> list[bytes]:
    """What a tweet answers, from the beginning on, without placeholders. Raises ``TweetNotFound``."""
    found = await _ancestors(deps, viewer_id, await find_tweet(deps, viewer_id, tweet_id))
    return [item for item in found if b'"deleted":true' not in item[:64]]


async def _ancestors(deps: ReadDeps, viewer_id: UserId | None, tweet: Tweet) -> list[bytes]:
    found: list[Tweet] = []
    missing: TweetId | None = None
    ref = tweet.reply_to
    while ref is not None and len(found) < MAX_ANCESTORS:
        rows = await tweets.fetch(deps.db, [ref])
        if not rows:
            missing = ref.tweet_id
            break
        found.append(rows[0])
        ref = rows[0].reply_to
    found.reverse()
    hydrated = await hydrate(deps, viewer_id, [_entry_of(row) for row in found], surface="thread")
    hidden = (await fetch_hidden_among(deps, viewer_id, {row.author_id for row in found})).on("thread")
    unmet = hidden - {tweet.author_id}
    items = [
        deleted_json(row.id) if item is None or row.author_id in unmet else item
        for row, item in zip(found, hydrated, strict=True)
    ]
    return items if missing is None else [deleted_json(missing), *items]


async def replies_page(deps: ReadDeps, viewer_id: UserId | None, ref: TweetRef, wanted: Range) -> Page:
    """The replies to a tweet, newest first; direct ones are noted with those whom they are for."""

    async def fetch(rest: Range) -> Skeleton:
        asked = one_more(rest)
        found = await tweets.fetch_replies(deps.db, ref, asked)
        if viewer_id is not None:
            found = merge([found, await conversations.fetch_answers(deps.db, viewer_id, ref, asked)])
        return skeleton_of(found, rest)

    return await fill_page(deps, viewer_id, wanted, fetch, surface="thread", met={ref.author_id})
