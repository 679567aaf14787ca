"""Searching: documents of tweets, and how matching ones are found newest first, however common their words are.

Common words are what makes searching slow: an index for words knows all tweets with "the", and none of them first. So a
page is made in two ways. A *look* at the newest documents one after the other fills it when the words are common, and
tells how dense documents lie. What it does not fill is sought by its words in *slices* of time that widen backwards,
each so many times as wide: rare words are found at once in wide slices, and those between fill a page before a slice
holds too many.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
import psycopg

from linnet.domain.documents import Document, slices_between
from linnet.domain.languages import DICTIONARIES
from linnet.domain.timeline import Entry
from linnet.errors import Unavailable
from linnet.ids import TweetId, UserId
from linnet.stores.postgres.pool import Database, Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("search")


class SearchOptions(msgspec.Struct, frozen=True):
    """``look``: how many documents are looked at one after the other. ``widening``: of one slice to the next.

    ``few``: so many matches are read and put in order where they are, without slices. That they are so few is a guess,
    which is given up after ``guess_timeout_ms``: what was not written in the last hour may have been all year before.
    """

    look: int = 2000
    widening: int = 16
    few: int = 1000
    guess_timeout_ms: int = 250
    slice_timeout_ms: int = 1000
    most_timeouts: int = 2


class TweetText(msgspec.Struct, frozen=True):
    """What a document is made of."""

    author_id: UserId
    tweet_id: TweetId
    text: str
    reply_to_author_id: UserId | None
    warning: str | None
    attachments: str | None


class Found(msgspec.Struct, frozen=True):
    """Matches, newest first. ``reached``: down (up) to which all was looked at. ``more``: there may be others."""

    entries: list[Entry]
    reached: int
    more: bool


class _Look(msgspec.Struct, frozen=True):
    entries: list[Entry]
    from_id: int


class FoundPerson(msgspec.Struct, frozen=True):
    """Somebody whose names match, in whatever way."""

    id: UserId
    username: str
    name: str
    followers_count: int


QueryOf = Callable[[Sequence[str]], str]
"""The tsquery of a search, within slices of time."""


class TookTooLong(Exception):
    """A slice held too much."""


async def fetch_texts(db: Reader, author_ids: Sequence[int], tweet_ids: Sequence[int]) -> list[TweetText]:
    """Of tweets and replies that are there; in no order."""
    return await db.fetch(TweetText, _sql["fetch_texts"], author_ids=list(author_ids), tweet_ids=list(tweet_ids))


async def insert_documents(db: Reader, documents: Sequence[Document]) -> None:
    """In the order of their keys, in place of those that said something else."""
    ordered = sorted(documents, key=lambda document: (document.author_id, document.tweet_id))
    await db.run(
        _sql["insert_documents"],
        author_ids=[document.author_id for document in ordered],
        tweet_ids=[document.tweet_id for document in ordered],
        answered_ids=[document.answered_id for document in ordered],
        lexemes=[document.lexemes for document in ordered],
        words=[document.words for document in ordered],
        languages=[document.language for document in ordered],
        dictionaries=[document.dictionary or None for document in ordered],
    )


async def delete_documents(db: Reader, author_ids: Sequence[int], tweet_ids: Sequence[int]) -> None:
    """Those that are there. The two lists go together."""
    await db.run(_sql["delete_documents"], author_ids=list(author_ids), tweet_ids=list(tweet_ids))


async def fetch_stems(db: Reader, words: Sequence[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Of (language, word): the (language, stem) of each word."""
    rows: list[tuple[str, str, str]] = await db.fetch(
        lambda word, language, stem: (word, language, stem),
        _sql["fetch_stems"],
        dictionaries=[DICTIONARIES[language] for language, _ in words],
        languages=[language for language, _ in words],
        words=[word for _, word in words],
    )
    stems: dict[str, list[tuple[str, str]]] = {}
    for word, language, stem in rows:
        stems.setdefault(word, []).append((language, stem))
    return stems


async def fetch_below(
    db: Database,
    query_of: QueryOf,
    *,
    author_id: UserId | None,
    from_id: int,
    before_id: int,
    newest_id: int,
    page_size: int,
    by_words: bool,
    options: SearchOptions,
) -> Found:
    """The newest matches of ``from_id`` ≤ id < ``before_id``. ``author_id``: the query asks for one author's.

    ``newest_id`` is about the largest id there is now: where the past begins when ``before_id`` is above it.
    ``by_words``: the query names something that most tweets do not have.
    """
    look = await _look_below(db, query_of(()), author_id, from_id, before_id, page_size, options)
    entries, reached = look.entries, look.from_id
    width = max(1, min(before_id, newest_id) - reached)
    looked_at = options.look
    # Where a look nearly filled the page, not much more is needed: a wide slice of common words costs most of all.
    widening = min(options.widening, max(2, 4 * (page_size - len(entries)) // max(1, len(entries))))
    timeouts = 0
    guesses = by_words
    while len(entries) < page_size and reached > from_id:
        missing = page_size - len(entries)
        if guesses and len(entries) * options.widening < 2 * missing:
            # The next slice would hardly fill the page either. If it is like that everywhere, are they few?
            share = (len(entries) + 1) / looked_at
            estimated = await db.value(_sql["estimate_documents"])
            if 0 < estimated * share <= options.few:
                try:
                    found = await _fetch_slice(
                        db, query_of(()), from_id, reached, missing, options.guess_timeout_ms, upwards=False
                    )
                    return Found(entries + found, from_id, more=len(found) >= missing)
                except TookTooLong:
                    guesses = False
        width *= widening
        lower = max(from_id, reached - width)
        slices = () if lower == from_id and by_words else slices_between(lower, reached)
        try:
            entries = entries + await _fetch_slice(
                db, query_of(slices), lower, reached, missing, options.slice_timeout_ms, upwards=False
            )
            reached, looked_at, widening = lower, looked_at * widening, options.widening
        except TookTooLong:
            timeouts += 1
            guesses = False
            if timeouts > options.most_timeouts:
                break
            look = await _look_below(db, query_of(()), author_id, from_id, reached, missing, options)
            entries, width = entries + look.entries, reached - look.from_id
            reached = look.from_id
    return Found(entries, reached, more=len(entries) >= page_size or reached > from_id)


async def fetch_above(
    db: Database,
    query_of: QueryOf,
    *,
    from_id: int,
    before_id: int,
    newest_id: int,
    page_size: int,
    options: SearchOptions,
) -> Found:
    """The oldest matches of the range, newest first: what came next after a cursor."""
    bounds = {"from_id": from_id, "before_id": before_id}
    ceiling = await db.value(_sql["find_ceiling"], ahead=options.look, **bounds)
    reached = before_id if ceiling is None else int(ceiling)
    entries = await db.fetch(
        Entry, _sql["fetch_oldest"], query=query_of(()), from_id=from_id, before_id=reached, page_size=page_size
    )
    width = max(1, reached - from_id) * options.widening
    while len(entries) < page_size and reached < before_id:
        upper = min(reached + width, before_id) if reached + width < newest_id else before_id
        try:
            query = query_of(slices_between(reached, upper))
            entries += await _fetch_slice(
                db, query, reached, upper, page_size - len(entries), options.slice_timeout_ms, upwards=True
            )
        except TookTooLong:
            break
        reached, width = upper, width * options.widening
    return Found(entries[::-1], reached, more=len(entries) >= page_size or reached < before_id)


async def _look_below(
    db: Reader,
    query: str,
    author_id: UserId | None,
    from_id: int,
    before_id: int,
    page_size: int,
    options: SearchOptions,
) -> _Look:
    """Looks through the newest documents of a range, not at more than ``look``; of one author, if one is given."""
    if author_id is None:
        floor = await db.value(_sql["find_floor"], from_id=from_id, before_id=before_id, ahead=options.look)
        bounds = {"from_id": from_id if floor is None else int(floor), "before_id": before_id}
        entries = await db.fetch(Entry, _sql["fetch_newest"], query=query, page_size=page_size, **bounds)
        return _Look(entries, bounds["from_id"])
    floor = await db.value(
        _sql["find_author_floor"], author_id=author_id, from_id=from_id, before_id=before_id, ahead=options.look
    )
    bounds = {"from_id": from_id if floor is None else int(floor), "before_id": before_id}
    entries = await db.fetch(
        Entry, _sql["fetch_newest_by_author"], author_id=author_id, query=query, page_size=page_size, **bounds
    )
    return _Look(entries, bounds["from_id"])


async def _fetch_slice(
    db: Database,
    query: str,
    from_id: int,
    before_id: int,
    page_size: int,
    timeout_ms: int,
    *,
    upwards: bool,
) -> list[Entry]:
    """Raises ``TookTooLong``."""
    name = "fetch_matching_upwards" if upwards else "fetch_matching"
    async with _bounded(db, timeout_ms) as session:
        return await session.fetch(
            Entry, _sql[name], query=query, from_id=from_id, before_id=before_id, page_size=page_size
        )


async def fold_name(db: Reader, text: str) -> str:
    """A name as names are compared: words with single blanks between."""
    return str(await db.value(_sql["fold_name"], text=text))


async def fetch_people_by_prefix(db: Reader, prefix: str, *, page_size: int) -> list[FoundPerson]:
    """People whose usernames begin so, by username: whoever has the whole of it comes first."""
    # Usernames are ASCII, and nothing in them comes after "z".
    return await db.fetch(
        FoundPerson,
        _sql["fetch_people_by_prefix"],
        prefix=prefix,
        beyond=prefix + "\x7f",
        page_size=page_size,
    )


async def fetch_people_by_keys(
    db: Database, query: str, *, page_size: int, options: SearchOptions
) -> list[FoundPerson]:
    """People by a query over ``name_keys``, in no order. Raises ``TookTooLong``."""
    async with _bounded(db, options.slice_timeout_ms) as session:
        return await session.fetch(FoundPerson, _sql["fetch_people_by_keys"], query=query, page_size=page_size)


@asynccontextmanager
async def _bounded(db: Database, timeout_ms: int) -> AsyncIterator[Session]:
    """A transaction whose statements end in time, and use an index. Raises ``TookTooLong``."""
    try:
        async with db.transaction() as session:
            await session.value(_sql["set_timeout"], timeout=str(timeout_ms))
            yield session
    except Unavailable as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise TookTooLong from error
        raise
