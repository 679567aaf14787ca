"""Whole entries as JSON for one viewer: two round trips to Valkey at most, and no SQL when all is warm."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Literal

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry, author_ids_of, has_retweets, shown_ids_of
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
    shown_ids = shown_ids_of(entries)
    viewers = _viewers(viewer_id, shown_ids, marks, known_marks)
    remembered = None if viewers is None else _from_memory(deps, entries, shown_ids, viewers)
    if remembered is not None:
        return remembered
    tweet_ids = set(shown_ids)
    author_ids = {entry.author_id for entry in entries}
    for entry in entries:
        if entry.original_id:
            tweet_ids.add(entry.id)
            author_ids.add(entry.related_author_id)
    asked: Awaitable[Sequence[bytes | None]] | None = None
    if viewer_id is not None and viewers is None:
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


def _viewers(
    viewer_id: UserId | None, shown_ids: Sequence[int], marks: Marking, known_marks: Mapping[int, int]
) -> list[bytes] | None:
    """The viewer's place in each tweet, as far as nobody has to be asked for it; None: somebody has."""
    if viewer_id is None:
        return [b"null"] * len(shown_ids)
    try:
        return list(map(_VIEWERS.__getitem__, map(known_marks.__getitem__, shown_ids)))
    except KeyError:
        return [_VIEWERS[known_marks.get(shown_id, 0)] for shown_id in shown_ids] if marks == "none" else None


def _from_memory(
    deps: ReadDeps, entries: Sequence[Entry], shown_ids: Sequence[int], viewers: Sequence[bytes]
) -> list[bytes | None] | None:
    """What ``hydrate`` answers if the process remembers all of it. None: it does not."""
    tweets, people = deps.tweets.memory, deps.authors.memory
    facts = tweets.pick(shown_ids)
    authors = None if facts is None else people.pick(author_ids_of(entries))
    if facts is None or authors is None:
        return None
    # Nearly every page is remembered, so this is where it is put together: what ``tweet_json`` does, without a call.
    items: list[bytes | None] = [
        b"".join((fact.head, author.json, fact.tail, viewer, b"}"))
        for fact, author, viewer in zip(facts, authors, viewers, strict=True)
    ]
    for at, entry in enumerate(entries if has_retweets(entries) else ()):
        if entry.original_id:
            original_author = people.pick((entry.related_author_id,))
            if original_author is None or tweets.pick((entry.id,)) is None:
                return None
            original = tweet_json(facts[at], original_author[0].json, viewers[at])
            items[at] = retweet_json(entry, authors[at].json, original, viewers[at])
    return items


def _refs_by_id(entries: Sequence[Entry]) -> dict[int, TweetRef]:
    refs: dict[int, TweetRef] = {entry.id: TweetRef(entry.author_id, entry.id) for entry in entries}
    refs |= {e.original_id: TweetRef(e.related_author_id, e.original_id) for e in entries if e.original_id}
    return refs
