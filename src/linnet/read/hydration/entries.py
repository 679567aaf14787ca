"""Whole entries as JSON for one viewer: two round trips to Valkey at most, and no SQL when all is warm."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Literal

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry
from linnet.ids import UserId
from linnet.read.deps import ReadDeps
from linnet.read.hydration.marks import WhenCold, fetch_marks
from linnet.read.views.tweets import retweet_json, tweet_json, viewer_json
from linnet.stores.valkey.marks import BOOKMARKED, LIKED, RETWEETED

Marking = WhenCold | Literal["none"]
"""How to learn what the viewer did: ``"none"`` when they cannot have done anything with these tweets yet."""

# By mark: what is said so often is encoded once.
_VIEWERS = tuple(
    viewer_json(liked=bool(mark & LIKED), retweeted=bool(mark & RETWEETED), bookmarked=bool(mark & BOOKMARKED))
    for mark in range(LIKED + RETWEETED + BOOKMARKED + 1)
)

_NONE_KNOWN: Mapping[int, int] = {}


async def hydrate(
    deps: ReadDeps,
    viewer_id: UserId | None,
    entries: Sequence[Entry],
    *,
    marks: Marking = "load",
    known_marks: Mapping[int, int] = _NONE_KNOWN,
) -> list[bytes | None]:
    """The JSON of each entry in order; None for one whose tweet, original or author is gone.

    ``known_marks``: what the viewer did with tweets of which it is known already, by the id that is shown.
    """
    if not entries:
        return []
    shown_ids = [entry.original_id or entry.id for entry in entries]
    tweet_ids = set(shown_ids)
    author_ids = {entry.author_id for entry in entries}
    for entry in entries:
        if entry.original_id:
            tweet_ids.add(entry.id)
            author_ids.add(entry.related_author_id)
    asked: Awaitable[Sequence[bytes | None]] | None = None
    if viewer_id is not None and marks != "none" and not all(map(known_marks.__contains__, shown_ids)):
        asked = deps.marks.ask(viewer_id, shown_ids)
    starting_tweets = deps.tweets.start(tweet_ids, lambda: _refs_by_id(entries))
    starting_authors = deps.authors.start(author_ids, lambda: {author_id: author_id for author_id in author_ids})
    # Authors first: tweets that come from the truth wait for authors, so a page that held these back while it waits
    # for tweets could wait for itself.
    try:
        authors = await starting_authors.finish()
    except BaseException:
        starting_tweets.abandon()
        raise
    facts = await starting_tweets.finish()
    done = known_marks
    if viewer_id is not None and asked is not None and marks != "none":
        done = await fetch_marks(deps, viewer_id, shown_ids, asked, when_cold=marks)

    items: list[bytes | None] = []
    for entry, shown_id in zip(entries, shown_ids, strict=True):
        shown = facts.get(shown_id)
        author = authors.get(entry.author_id)
        if shown is None or author is None or entry.id not in facts:
            items.append(None)
            continue
        viewer = b"null" if viewer_id is None else _VIEWERS[done.get(shown_id, 0)]
        if not entry.original_id:
            items.append(tweet_json(shown, author.json, viewer))
            continue
        original_author = authors.get(entry.related_author_id)
        if original_author is None:
            items.append(None)
            continue
        original = tweet_json(shown, original_author.json, viewer)
        items.append(retweet_json(entry, author.json, original, viewer))
    return items


def _refs_by_id(entries: Sequence[Entry]) -> dict[int, TweetRef]:
    refs: dict[int, TweetRef] = {entry.id: TweetRef(entry.author_id, entry.id) for entry in entries}
    refs |= {e.original_id: TweetRef(e.related_author_id, e.original_id) for e in entries if e.original_id}
    return refs
