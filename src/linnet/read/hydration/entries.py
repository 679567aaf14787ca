"""Whole entries as JSON for one viewer: two round trips to Valkey at most, and no SQL when all is warm."""

from collections.abc import Awaitable, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Literal

from linnet.domain.event import TweetRef
from linnet.domain.timeline import Entry, author_ids_of, has_retweets, shown_ids_of
from linnet.domain.visibility import Surface, is_for
from linnet.ids import TweetId, UserId
from linnet.read.deps import ReadDeps
from linnet.read.hydration.marks import WhenCold, fetch_marks
from linnet.read.hydration.polls import has_polls, with_polls
from linnet.read.hydration.profiles import AuthorFacts
from linnet.read.views.tweets import TweetFacts, retweet_json, tweet_json, viewer_json
from linnet.stores.postgres.follows import fetch_followed_among
from linnet.stores.valkey.marks import BOOKMARKED, FILTERS, LIKED, RETWEETED

Marking = WhenCold | Literal["none"]
"""How to learn what the viewer did: ``"none"`` when they cannot have done anything with these tweets yet."""

# By mark: what is said so often is encoded once.
_VIEWERS = tuple(
    viewer_json(liked=bool(mark & LIKED), retweeted=bool(mark & RETWEETED), bookmarked=bool(mark & BOOKMARKED))
    for mark in range(LIKED + RETWEETED + BOOKMARKED + 1)
)

_NONE_KNOWN: Mapping[int, int] = {}
_HEAD, _TAIL, _JSON = attrgetter("head"), attrgetter("tail"), attrgetter("json")


async def hydrate(
    deps: ReadDeps,
    viewer_id: UserId | None,
    entries: Sequence[Entry],
    *,
    surface: Surface,
    marks: Marking = "load",
    known_marks: Mapping[int, int] = _NONE_KNOWN,
) -> list[bytes | None]:
    """The JSON of each entry in order; None for one whose tweet, original or author is gone, or not for the viewer.

    ``known_marks``: what the viewer did with tweets of which it is known already, by the id that is shown.
    """
    if not entries:
        return []
    shown_ids = shown_ids_of(entries)
    viewers = _viewers(viewer_id, shown_ids, marks, known_marks)
    remembered = None if viewers is None else await _from_memory(deps, viewer_id, entries, shown_ids, viewers, marks)
    version = known_marks.get(FILTERS, 0)
    if remembered is not None:
        items = await _drop_unseen(deps, viewer_id, *remembered, surface)
        return await deps.filters.mark(viewer_id, version, items) if version and viewer_id else items
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
        version = done.get(FILTERS, 0)
    shown = list(map(facts.get, shown_ids))
    for at, entry in enumerate(entries if retweets else ()):
        if entry.id not in facts:
            shown[at] = None
    places: Sequence[bytes] = viewers or []
    if has_polls(shown):
        places = await with_polls(deps, viewer_id, shown_ids, shown, places, asks=marks != "none")
    items = _join(
        entries, shown, list(map(authors.get, author_ids)), places, viewers or [], authors if retweets else {}
    )
    items = await _drop_unseen(deps, viewer_id, items, shown, surface)
    return await deps.filters.mark(viewer_id, version, items) if version and viewer_id else items


async def _drop_unseen(
    deps: ReadDeps,
    viewer_id: UserId | None,
    items: list[bytes | None],
    shown: Sequence[TweetFacts | None],
    surface: Surface,
) -> list[bytes | None]:
    """Without what is not for the viewer. Home need not ask, and nobody has to where all is public: see ``is_for``."""
    if surface == "home":
        return items
    narrowed = [(at, facts) for at, facts in enumerate(shown) if facts is not None and facts.audience is not None]
    if not narrowed:
        return items
    follows: set[UserId] = set()
    if viewer_id is not None:
        follows = await fetch_followed_among(deps.db, viewer_id, list({facts.author_id for _, facts in narrowed}))
    for at, facts in narrowed:
        if not is_for(facts.audience, facts.author_id, viewer_id, follows=follows, surface=surface):
            items[at] = None
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


async def _from_memory(
    deps: ReadDeps,
    viewer_id: UserId | None,
    entries: Sequence[Entry],
    shown_ids: list[TweetId],
    viewers: Sequence[bytes],
    marks: Marking,
) -> tuple[list[bytes | None], Sequence[TweetFacts | None]] | None:
    """What ``hydrate`` joins if the process remembers all of it, and all is there. None: ask elsewhere."""
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
    shown, places = facts[:count], viewers
    if has_polls(shown):
        places = await with_polls(deps, viewer_id, shown_ids, shown, viewers, asks=marks != "none")
    return _join(entries, shown, authors[:count], places, viewers, original_authors), shown


def _retweets_in(entries: Sequence[Entry]) -> Sequence[Entry]:
    return [entry for entry in entries if entry.original_id] if has_retweets(entries) else ()


def _join(
    entries: Sequence[Entry],
    facts: Sequence[TweetFacts | None],
    authors: Sequence[AuthorFacts | None],
    places: Sequence[bytes],
    viewers: Sequence[bytes],
    original_authors: Mapping[int, AuthorFacts],
) -> list[bytes | None]:
    """Each entry's JSON, of the tweet that is shown, its author (of a retweet whose it is), and the viewer's place.

    ``places`` are these with polls behind them. A retweet has the viewer's place alone: the poll is inside.
    """
    items: list[bytes | None]
    if all(facts) and all(authors):
        # What ``tweet_json`` does, without a line of Python for each: this is where a page spends its time.
        pieces = zip(map(_HEAD, facts), map(_JSON, authors), map(_TAIL, facts), places, repeat(b"}"), strict=False)
        items = list(map(b"".join, pieces))
    else:
        items = [
            tweet_json(shown, author.json, viewer) if shown and author else None
            for shown, author, viewer in zip(facts, authors, places, strict=True)
        ]
    for at, entry in enumerate(entries if original_authors else ()):
        shown, author, original_author = facts[at], authors[at], original_authors.get(entry.related_author_id)
        if not entry.original_id or shown is None or author is None:
            continue
        if original_author is None:
            items[at] = None
        else:
            original = tweet_json(shown, original_author.json, places[at])
            items[at] = retweet_json(entry, author.json, original, viewers[at])
    return items


def _refs_by_id(entries: Sequence[Entry]) -> dict[int, TweetRef]:
    refs: dict[int, TweetRef] = {entry.id: TweetRef(entry.author_id, entry.id) for entry in entries}
    refs |= {e.original_id: TweetRef(e.related_author_id, e.original_id) for e in entries if e.original_id}
    return refs
