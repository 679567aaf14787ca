"""Screens: tweets that match a search, people whose names do, and tags that begin so.

Whom the viewer blocks or mutes, or is blocked by, is not found; who is gone neither. Pages of tweets are full all the
same; people and tags are few, and ranked. Tags are nobody's, and the same for everybody.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from linnet.domain.matching import (
    LEAST_ALIKE,
    alike_query,
    closeness,
    distinct,
    names_query,
    score,
    username_typed,
    words_typed,
)
from linnet.domain.searching import TweetSearch, check_query, parse_search, stems_needed, tsquery_of
from linnet.domain.tag import beginning_typed
from linnet.domain.tag import score as score_of_tag
from linnet.domain.timeline import Entry, Range
from linnet.domain.user import FollowEdge
from linnet.ids import UserId, first_id_at
from linnet.read.deps import ReadDeps
from linnet.read.hiding import fetch_hidden_among
from linnet.read.timelines.filling import Skeleton, fill_page
from linnet.read.timelines.people import people_page
from linnet.read.timelines.spread import ask_replica
from linnet.read.views.pages import Page, PageView
from linnet.read.views.tags import TagView, tag_view
from linnet.read.views.users import UserView
from linnet.stores.postgres import search, tags, users
from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.search import Found, FoundPerson, QueryOf, SearchOptions, TookTooLong

# How often a page is filled up before it is shown short, with a cursor to go on.
_MAX_FILLS: Final = 8
_MAX_PEOPLE: Final = 200
_MAX_TAGS: Final = 200
_CANDIDATES: Final = 1000
# With so many whose names begin as typed, nobody asks for those who are only like it.
_ENOUGH: Final = 15
_OPTIONS: Final = SearchOptions()


class _Asked(msgspec.Struct, frozen=True):
    """A search, ready to be looked for. ``author_id``: it is for one author's tweets."""

    search: TweetSearch
    query_of: QueryOf
    author_id: UserId | None


async def tweets_found_page(deps: ReadDeps, viewer_id: UserId | None, query: str, wanted: Range) -> Page:
    """Tweets and replies that match, newest first. Raises ``Invalid`` for a query that is empty, or too wide."""
    parsed = parse_search(check_query(query))
    asked = None if parsed.finds_nothing else await _prepare(deps, viewer_id, parsed)
    if asked is None:
        return Page([], None, wanted.after if wanted.ascending else None)
    fills, goes_on_at = 0, 0

    async def fetch(rest: Range) -> Skeleton:
        nonlocal fills, goes_on_at
        fills += 1
        found = await _fetch(deps, asked, rest)
        shown = found.entries[-rest.limit :] if rest.ascending else found.entries[: rest.limit]
        more, reached = found.more, found.reached
        if len(found.entries) > rest.limit:
            reached = shown[0].id if rest.ascending else shown[-1].id
        elif more or fills == _MAX_FILLS:
            # It took too long, or nearly all of it is hidden from the viewer: a short page now, the rest on request.
            more, goes_on_at = False, reached if more else 0
        return Skeleton(shown, more, reached)

    page = await fill_page(deps, viewer_id, wanted, fetch, surface="search")
    if goes_on_at and page.next_id is None:
        return Page(page.items, goes_on_at, page.prev_id)
    return page


async def _prepare(deps: ReadDeps, viewer_id: UserId | None, parsed: TweetSearch) -> _Asked | None:
    """Looks up what the query names. None: it can find nothing."""
    usernames = parsed.usernames
    user_ids = await users.fetch_ids_by_username(deps.db, sorted(usernames)) if usernames else {}
    needed = sorted(stems_needed(parsed))
    stems = await search.fetch_stems(deps.db, needed) if needed else {}

    def query_of(slices: Sequence[str]) -> str:
        return tsquery_of(parsed, user_ids=user_ids, stems=stems, slices=slices) or ""

    if tsquery_of(parsed, user_ids=user_ids, stems=stems) is None:
        return None
    authors = {user_ids[name] for name in parsed.authors if name in user_ids}
    if authors and authors <= (await fetch_hidden_among(deps, viewer_id, authors)).on("search"):
        return None
    return _Asked(parsed, query_of, authors.pop() if len(authors) == 1 else None)


async def _fetch(deps: ReadDeps, asked: _Asked, wanted: Range) -> Found:
    """One entry more than wanted, if there is one."""
    newest_id = first_id_at(deps.clock.now_ms() + 1)
    from_id = max(asked.search.from_id, wanted.after + 1)
    before_id = min(asked.search.before_id, wanted.before)
    if from_id >= before_id:
        return Found([], from_id, more=False)
    if wanted.ascending:
        found = await search.fetch_above(
            deps.db,
            asked.query_of,
            from_id=from_id,
            before_id=before_id,
            newest_id=newest_id,
            page_size=wanted.limit + 1,
            options=_OPTIONS,
        )
        # Up to and with this one all was looked at.
        return Found(found.entries, found.reached - 1, found.more)
    return await _fetch_below(deps, asked, from_id, before_id, newest_id, wanted.limit + 1)


async def _fetch_below(
    deps: ReadDeps, asked: _Asked, from_id: int, before_id: int, newest_id: int, page_size: int
) -> Found:
    """What is young from the primary, and all else, which is nearly all, from a replica if there is one."""

    async def look(db: Database, from_id: int, before_id: int, page_size: int) -> Found:
        return await search.fetch_below(
            db,
            asked.query_of,
            author_id=asked.author_id,
            by_words=asked.search.narrows,
            from_id=from_id,
            before_id=before_id,
            newest_id=newest_id,
            page_size=page_size,
            options=_OPTIONS,
        )

    old_id = 0 if deps.replicas is None or not deps.replicas.all else deps.replicas.old_id
    if from_id >= old_id:
        return await look(deps.db, from_id, before_id, page_size)
    young: list[Entry] = []
    if before_id > old_id:
        found = await look(deps.db, old_id, before_id, page_size)
        if found.more or len(found.entries) >= page_size:
            return Found(found.entries, found.reached, more=True)
        young = found.entries
    old = await ask_replica(deps, lambda db: look(db, from_id, min(before_id, old_id), page_size - len(young)))
    return Found(young + old.entries, old.reached, old.more)


async def people_found_page(deps: ReadDeps, viewer_id: UserId | None, query: str, wanted: Range) -> PageView[UserView]:
    """People by their names, the best matches first, 200 at most. Raises ``Invalid`` for a query that is empty."""
    edges = await _rank_people(deps, check_query(query))
    hidden = (await fetch_hidden_among(deps, viewer_id, [edge.user_id for edge in edges])).on("search")
    shown = [edge for edge in edges if edge.user_id not in hidden]

    async def fetch(part: Range) -> list[FollowEdge]:
        inside = [edge for edge in shown if part.after < edge.id < part.before]
        return inside[-part.limit :] if part.ascending else inside[: part.limit]

    return await people_page(deps, viewer_id, fetch, wanted)


async def _rank_people(deps: ReadDeps, query: str) -> list[FollowEdge]:
    """The best matches, best first. An edge's id is the match's cursor."""
    scores: dict[UserId, int] = {}

    def note(person: FoundPerson, points: int) -> None:
        scores[person.id] = max(points, scores.get(person.id, 0))

    if (username := username_typed(query)) is not None:
        for person in await search.fetch_people_by_prefix(deps.db, username, page_size=_CANDIDATES):
            is_username = person.username == username
            note(person, score(person.id, person.followers_count, is_username=is_username, begins_username=True))
    words = words_typed(await search.fold_name(deps.db, query))
    for person in await _fetch_by_keys(deps, names_query(words)):
        note(person, score(person.id, person.followers_count))
    if len(scores) < _ENOUGH:
        for person in await _fetch_by_keys(deps, alike_query(words)):
            alike = closeness(words, person.username, person.name)
            if alike >= LEAST_ALIKE:
                note(person, score(person.id, person.followers_count, alike=alike))
    ranked = sorted(scores, key=lambda user_id: (scores[user_id], user_id), reverse=True)[:_MAX_PEOPLE]
    cursors = distinct(scores[user_id] for user_id in ranked)
    return [FollowEdge(cursor, user_id) for cursor, user_id in zip(cursors, ranked, strict=True)]


async def _fetch_by_keys(deps: ReadDeps, query: str) -> list[FoundPerson]:
    if not query:
        return []
    try:
        return await search.fetch_people_by_keys(deps.db, query, page_size=_CANDIDATES, options=_OPTIONS)
    except TookTooLong:
        # The typed letters stand in nearly all names. What was found without them has to do.
        return []


async def tags_found_page(deps: ReadDeps, query: str, wanted: Range) -> PageView[TagView]:
    """Tags that tweets carry, the most used first, 200 at most. Raises ``Invalid`` for a query that is empty."""
    beginning = beginning_typed(check_query(query))
    found = await tags.fetch_by_prefix(deps.db, beginning, page_size=_MAX_TAGS) if beginning else []
    ranked = sorted(found, key=lambda tag: (score_of_tag(tag, beginning), tag.tag), reverse=True)
    cursors = distinct(score_of_tag(tag, beginning) for tag in ranked)
    inside = [edge for edge in zip(cursors, ranked, strict=True) if wanted.after < edge[0] < wanted.before]
    shown = inside[-wanted.limit :] if wanted.ascending else inside[: wanted.limit]
    if not shown:
        return PageView([], str(wanted.after) if wanted.ascending else None, None)
    has_more = wanted.ascending or len(inside) > len(shown)
    return PageView([tag_view(tag) for _, tag in shown], str(shown[-1][0]) if has_more else None, str(shown[0][0]))
