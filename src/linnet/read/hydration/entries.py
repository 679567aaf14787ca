"""Whole entries as JSON for one viewer: two round trips to Valkey at most, and no SQL when all is warm."""

from collections.abc import Awaitable, Sequence
from typing import Any

import structlog

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry
from linnet.errors import Unavailable
from linnet.ids import TweetId, UserId, random_bytes
from linnet.read.deps import ReadDeps
from linnet.read.views.tweets import retweet_json, tweet_json, viewer_json
from linnet.stores.postgres import tweets
from linnet.stores.valkey.marks import Marks, MarkStore

log = structlog.get_logger()

MARKS_LOADED = 1000


async def hydrate(deps: ReadDeps, viewer_id: UserId | None, entries: Sequence[Entry]) -> list[bytes | None]:
    """The JSON of each entry in order; None for one whose tweet, original or author is gone."""
    if not entries:
        return []
    refs = [TweetRef(entry.author_id, entry.id) for entry in entries]
    refs += [TweetRef(entry.related_author_id, entry.original_id) for entry in entries if entry.original_id]
    author_ids = {entry.author_id for entry in entries}
    author_ids |= {entry.related_author_id for entry in entries if entry.original_id}
    shown_ids = [entry.original_id or entry.id for entry in entries]
    marks_answer = None if viewer_id is None else deps.marks.ask(viewer_id, shown_ids)
    starting_tweets = deps.tweets.start(refs)
    starting_profiles = deps.profiles.start(author_ids)
    # Profiles first: tweets that come from the truth wait for profiles, so a page that held these back while it waits
    # for tweets could wait for itself.
    try:
        profiles = await starting_profiles.finish()
    except BaseException:
        starting_tweets.abandon()
        raise
    facts = await starting_tweets.finish()
    retweeted = frozenset[TweetId]()
    if viewer_id is not None and marks_answer is not None:
        retweeted = await _retweeted(deps, viewer_id, shown_ids, marks_answer)

    items: list[bytes | None] = []
    for entry, shown_id in zip(entries, shown_ids, strict=True):
        shown = facts.get(shown_id)
        author = profiles.get(entry.author_id)
        if shown is None or author is None or entry.id not in facts:
            items.append(None)
            continue
        viewer = b"null" if viewer_id is None else viewer_json(liked=False, retweeted=shown_id in retweeted)
        if not entry.original_id:
            items.append(tweet_json(shown, author.author_json, viewer))
            continue
        original_author = profiles.get(entry.related_author_id)
        if original_author is None:
            items.append(None)
            continue
        original = tweet_json(shown, original_author.author_json, viewer)
        items.append(retweet_json(entry, author.author_json, original, viewer))
    return items


async def _retweeted(
    deps: ReadDeps, viewer_id: UserId, tweet_ids: Sequence[TweetId], answer: Awaitable[list[Any]]
) -> frozenset[TweetId]:
    """Which of these tweets the viewer retweeted: from the marks as far down as they reach, then from the truth."""
    try:
        marks = MarkStore.read(tweet_ids, await answer)
    except Unavailable:
        return frozenset(await tweets.fetch_retweeted_among(deps.db, author_id=viewer_id, tweet_ids=tweet_ids))
    below = [tweet_id for tweet_id in tweet_ids if tweet_id < marks.floor]
    if not below:
        return marks.retweeted
    if not marks.loaded:
        loaded = await _load_marks(deps, viewer_id)
        if loaded is not None:
            marks, below = loaded, [tweet_id for tweet_id in tweet_ids if tweet_id < loaded.floor]
    asked = await tweets.fetch_retweeted_among(deps.db, author_id=viewer_id, tweet_ids=below) if below else set()
    return marks.retweeted | asked


async def _load_marks(deps: ReadDeps, viewer_id: UserId) -> Marks | None:
    """Loads a viewer's marks into Valkey; None when another load is under way, or a change came between."""
    token = random_bytes(8)
    try:
        if not await deps.marks.begin(viewer_id, token):
            return None
        retweeted = await tweets.fetch_retweeted(deps.db, author_id=viewer_id, page_size=MARKS_LOADED)
        floor = retweeted[-1] if len(retweeted) == MARKS_LOADED else 0
        if await deps.marks.finish(viewer_id, token, retweeted, floor=floor):
            return Marks(frozenset(retweeted), floor, loaded=True)
    except Unavailable as error:
        log.debug("marks not loaded", cause=error.cause)
    return None
