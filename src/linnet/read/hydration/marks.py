"""What a viewer did with the tweets of a page: from Valkey as far down as it is known there, then from the truth."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Literal

import structlog

from linnet.errors import Unavailable
from linnet.ids import TweetId, UserId, random_bytes
from linnet.read.deps import ReadDeps
from linnet.stores.postgres import bookmarks, filters, likes, tweets
from linnet.stores.valkey.marks import BOOKMARKED, FILTERS, LIKED, RETWEETED, Marks, MarkStore

log = structlog.get_logger()

MARKS_LOADED = 1000
"""How many of each kind, those on the newest tweets."""

WhenCold = Literal["load", "ask"]
"""When a viewer's marks are not in Valkey: load them all, for pages to come, or ask for these tweets only."""


async def fetch_marks(
    deps: ReadDeps,
    viewer_id: UserId,
    tweet_ids: Sequence[TweetId],
    answer: Awaitable[Sequence[bytes | None]],
    *,
    when_cold: WhenCold,
) -> Mapping[int, int]:
    """The marks of these tweets (at least one), 0 left out; ``answer`` is what Valkey was asked for them.

    Where the viewer has filters, their version stands among them, see ``FILTERS``.
    """
    try:
        marks = MarkStore.read(tweet_ids, await answer)
    except Unavailable:
        marks = MarkStore.read(tweet_ids, [None])
        when_cold = "ask"
    if not marks.loaded and when_cold == "load":
        marks = await _load(deps, viewer_id) or marks
    known = marks.by_tweet
    version = marks.filters_version if marks.loaded else await filters.find_version(deps.db, viewer_id)
    if version:
        known = {FILTERS: version, **known}
    lowest = min(tweet_ids)
    if lowest >= max(marks.retweeted_floor, marks.liked_floor, marks.bookmarked_floor):
        return known
    retweeted, liked, bookmarked = await _ask_truth(
        deps,
        viewer_id,
        retweeted=[tweet_id for tweet_id in tweet_ids if tweet_id < marks.retweeted_floor],
        liked=[tweet_id for tweet_id in tweet_ids if tweet_id < marks.liked_floor],
        bookmarked=[tweet_id for tweet_id in tweet_ids if tweet_id < marks.bookmarked_floor],
    )
    return _marks_of(retweeted, liked, bookmarked, known=known)


async def _ask_truth(
    deps: ReadDeps,
    viewer_id: UserId,
    *,
    retweeted: Sequence[TweetId],
    liked: Sequence[TweetId],
    bookmarked: Sequence[TweetId],
) -> tuple[set[TweetId], set[TweetId], set[TweetId]]:
    """Which of these the viewer retweeted, which of those liked, and which of the last put by."""
    async with deps.db.session() as db:
        return (
            await tweets.fetch_retweeted_among(db, author_id=viewer_id, tweet_ids=retweeted) if retweeted else set(),
            await likes.fetch_liked_among(db, viewer_id, liked) if liked else set(),
            await bookmarks.fetch_bookmarked_among(db, viewer_id, bookmarked) if bookmarked else set(),
        )


async def _load(deps: ReadDeps, viewer_id: UserId) -> Marks | None:
    """Loads a viewer's marks into Valkey; None when another load is under way, or a change came between."""
    token = random_bytes(8)
    try:
        if not await deps.marks.begin(viewer_id, token):
            return None
        async with deps.db.session() as db:
            retweeted = await tweets.fetch_retweeted(db, author_id=viewer_id, page_size=MARKS_LOADED)
            liked = await likes.fetch_liked(db, viewer_id, page_size=MARKS_LOADED)
            bookmarked = await bookmarks.fetch_bookmarked(db, viewer_id, page_size=MARKS_LOADED)
            version = await filters.find_version(db, viewer_id)
        loaded = _marks_of(retweeted, liked, bookmarked, known={})
        marks = Marks(loaded, _floor_of(retweeted), _floor_of(liked), _floor_of(bookmarked), version)
        if await deps.marks.finish(viewer_id, token, marks):
            return marks
    except Unavailable as error:
        log.debug("marks not loaded", cause=error.cause)
    return None


def _floor_of(loaded: Sequence[TweetId]) -> int:
    return loaded[-1] if len(loaded) == MARKS_LOADED else 0


def _marks_of(
    retweeted: Iterable[TweetId], liked: Iterable[TweetId], bookmarked: Iterable[TweetId], *, known: Mapping[int, int]
) -> dict[int, int]:
    marks = dict(known)
    for bit, tweet_ids in ((RETWEETED, retweeted), (LIKED, liked), (BOOKMARKED, bookmarked)):
        for tweet_id in tweet_ids:
            marks[tweet_id] = marks.get(tweet_id, 0) | bit
    return marks
