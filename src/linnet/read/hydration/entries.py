"""Whole entries as JSON for one viewer: two round trips to Valkey at most, and no SQL when all is warm."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Literal

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry, author_ids_of, has_retweets, shown_ids_of
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hydration.marks import WhenCold, fetch_marks
from linnet.read.hydration.profiles import AuthorFacts
from linnet.read.views.tweets import TweetFacts, retweet_json, tweet_json, viewer_json
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
    author_ids = author_ids_of(entries)
    tweet_ids, people_ids = set(shown_ids), set(author_ids)
    retweets = _retweets_in(entries)
    tweet_ids.update(retweet.id for retweet in retweets)
    people_ids.update(retweet.related_author_id for retweet in retweets)
    asked: Awaitable[Sequence[bytes | None]] | None = None
    if viewer_id is not None and viewers is None:
        asked = deps.marks.ask(viewer_id, shown_ids)
    starting_tweets = deps.tweets.start(tweet_ids, lambda: _refs_by_id(entries))
    starting_authors = deps.authors.start(people_ids, lambda: {user_id: user_id for user_id in people_ids})
    # Authors first: tweets that come from the truth wait for authors, so a page that held these back while it waits
    # for tweets could wait for itself.
    try:
        authors = await starting_authors.finish()
    except BaseException:
        starting_tweets.abandon()
        raise
    facts = await starting_tweets.finish()
    if viewer_id is not None and asked is not None and marks != "none":
        done = await fetch_marks(deps, viewer_id, shown_ids, asked, when_cold=marks)
        viewers = [_VIEWERS[done.get(shown_id, 0)] for shown_id in shown_ids]
    shown = list(map(facts.get, shown_ids))
    for at, entry in enumerate(entries if retweets else ()):
        if entry.id not in facts:
            shown[at] = None
    return _join(entries, shown, list(map(authors.get, author_ids)), viewers or [], authors if retweets else {})


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
    deps: ReadDeps, entries: Sequence[Entry], shown_ids: list[TweetId], viewers: Sequence[bytes]
) -> list[bytes | None] | None:
    """What ``hydrate`` answers if the process remembers all of it, and all is there. None: ask elsewhere."""
    retweets = _retweets_in(entries)
    facts = deps.tweets.memory.pick([*shown_ids, *(retweet.id for retweet in retweets)])
    if facts is None:
        return None
    related_ids: list[int] = [retweet.related_author_id for retweet in retweets]
    authors = deps.authors.memory.pick([*author_ids_of(entries), *related_ids])
    if authors is None:
        return None
    count = len(entries)
    original_authors = dict(zip(related_ids, authors[count:], strict=True))
    return _join(entries, facts[:count], authors[:count], viewers, original_authors)


def _retweets_in(entries: Sequence[Entry]) -> Sequence[Entry]:
    return [entry for entry in entries if entry.original_id] if has_retweets(entries) else ()


def _join(
    entries: Sequence[Entry],
    facts: Sequence[TweetFacts | None],
    authors: Sequence[AuthorFacts | None],
    viewers: Sequence[bytes],
    original_authors: Mapping[int, AuthorFacts],
) -> list[bytes | None]:
    """Each entry's JSON, of the tweet that is shown, its author (of a retweet whose it is), and the viewer's place."""
    # What ``tweet_json`` does, without a call for each: this is where a page spends its time.
    items: list[bytes | None] = [
        b"".join((shown.head, author.json, shown.tail, viewer, b"}")) if shown and author else None
        for shown, author, viewer in zip(facts, authors, viewers, strict=True)
    ]
    for at, entry in enumerate(entries if original_authors else ()):
        shown, author, original_author = facts[at], authors[at], original_authors.get(entry.related_author_id)
        if not entry.original_id or shown is None or author is None:
            continue
        if original_author is None:
            items[at] = None
        else:
            original = tweet_json(shown, original_author.json, viewers[at])
            items[at] = retweet_json(entry, author.json, original, viewers[at])
    return items


def _refs_by_id(entries: Sequence[Entry]) -> dict[int, TweetRef]:
    refs: dict[int, TweetRef] = {entry.id: TweetRef(entry.author_id, entry.id) for entry in entries}
    refs |= {e.original_id: TweetRef(e.related_author_id, e.original_id) for e in entries if e.original_id}
    return refs
