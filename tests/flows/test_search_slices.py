"""Promise: however long a history is, a page of a search is the newest that match, and pages join up to the first one.

Small numbers make a history of two hundred tweets long: a look at three of them, then slices, then all at once.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
import pytest

from linnet.domain.documents import document_of
from linnet.domain.searching import parse_search, tsquery_of
from linnet.domain.text import TextRules
from linnet.ids import MAX_ID, TweetId, UserId, first_id_at
from linnet.stores.postgres import search
from linnet.stores.postgres.queries import Query
from linnet.stores.postgres.search import Found, SearchOptions, TookTooLong
from tests.support.world import World

NOW_MS = 1_780_000_000_000
NEWEST_ID = first_id_at(NOW_MS)
DAY_MS = 86_400_000
AUTHORS = {"ada": UserId(7), "linus": UserId(8)}
# As slices go: by the look alone, by slices that never end at once, and by all matches at once as soon as can be.
_PATIENT = SearchOptions(guess_timeout_ms=60_000, slice_timeout_ms=60_000)
WAYS = {
    "look": msgspec.structs.replace(_PATIENT, look=1000),
    "slices": msgspec.structs.replace(_PATIENT, look=3, widening=2, few=0),
    "wide slices": msgspec.structs.replace(_PATIENT, look=6, widening=8, few=0),
    "few": msgspec.structs.replace(_PATIENT, look=3, widening=2),
}
# Against what is counted by hand: what a text must hold, and whose it must be.
QUERIES: dict[str, Callable[[UserId, Sequence[str]], bool]] = {
    "the": lambda _, words: "the" in words,
    "rare": lambda _, words: "rare" in words,
    "feast": lambda _, words: "feast" in words,
    "nothing": lambda *_: False,
    "the -bird": lambda _, words: "the" in words and "bird" not in words,
    "the rare": lambda _, words: {"the", "rare"} <= set(words),
    "from:ada bird": lambda author_id, words: author_id == 7 and "bird" in words,
    "from:ada from:linus rare": lambda _, words: "rare" in words,
    "since:2020-01-01 -the": lambda _, words: "the" not in words,
    "since:2020-01-01": lambda *_: True,
}
_SLEEP = Query("test.sleep", (), "value", "select pg_sleep(30)")
Tweet = tuple[UserId, TweetId, str]


def history(seed: int) -> list[Tweet]:
    """Two hundred tweets of three years, newest first: mostly lately, with gaps of months, and one feast long ago."""
    chance = random.Random(seed)
    found: dict[int, Tweet] = {}
    for number in range(200):
        age_ms = int(3 * 365 * DAY_MS * chance.random() ** 3)
        words = [word for word, share in (("the", 0.7), ("bird", 0.2), ("rare", 0.02)) if chance.random() < share]
        if number < 30:
            age_ms, words = int(500 * DAY_MS + chance.random() * 7 * DAY_MS), [*words, "feast"]
        tweet_id = TweetId(first_id_at(NOW_MS - age_ms) | number)
        found[tweet_id] = (chance.choice(list(AUTHORS.values())), tweet_id, " ".join([*words, "tweet"]))
    return [found[tweet_id] for tweet_id in sorted(found, reverse=True)]


def query_of(typed: str) -> search.QueryOf:
    return lambda slices: tsquery_of(parse_search(typed), user_ids=AUTHORS, stems={}, slices=slices) or ""


def author_of(typed: str) -> UserId | None:
    authors = parse_search(typed).authors
    return AUTHORS[authors.pop()] if len(authors) == 1 else None


async def below(world: World, typed: str, from_id: int, before_id: int, limit: int, options: SearchOptions) -> Found:
    parsed = parse_search(typed)
    return await search.fetch_below(
        world.db,
        query_of(typed),
        author_id=author_of(typed),
        from_id=max(from_id, parsed.from_id),
        before_id=before_id,
        newest_id=NEWEST_ID,
        page_size=limit,
        by_words=parsed.narrows,
        options=options,
    )


async def above(world: World, typed: str, from_id: int, before_id: int, limit: int, options: SearchOptions) -> Found:
    return await search.fetch_above(
        world.db,
        query_of(typed),
        from_id=from_id,
        before_id=before_id,
        newest_id=NEWEST_ID,
        page_size=limit,
        options=options,
    )


def naive(tweets: list[Tweet], typed: str, from_id: int, before_id: int) -> list[int]:
    matches = QUERIES[typed]
    return [
        tweet_id
        for author_id, tweet_id, text in tweets
        if from_id <= tweet_id < before_id and matches(author_id, text.split())
    ]


async def write(world: World, tweets: list[Tweet], *, analyzed: bool = True) -> None:
    rules = TextRules()
    await search.insert_documents(
        world.db, [document_of(author_id, tweet_id, text, None, rules) for author_id, tweet_id, text in tweets]
    )
    if analyzed:
        # By itself it would be a while until PostgreSQL counts.
        with psycopg.connect(world.db.options.url, autocommit=True) as connection:
            connection.execute("analyze tweet_documents")


def ids(found: Found) -> list[int]:
    return [entry.id for entry in found.entries]


@pytest.mark.parametrize("way", WAYS)
async def test_a_page_is_the_newest_that_match(world: World, way: str) -> None:
    tweets = history(1)
    await write(world, tweets)
    chance = random.Random(2)
    for typed in QUERIES:
        for _ in range(6):
            low, high = sorted(chance.sample([0, MAX_ID, *(tweet_id for _, tweet_id, _ in tweets)], 2))
            for limit in (1, 5, 300):
                expected = naive(tweets, typed, low, high)
                down = await below(world, typed, low, high, limit, WAYS[way])
                assert ids(down) == expected[:limit], (typed, low, high, limit)
                up = await above(world, typed, low, high, limit, WAYS[way])
                assert ids(up) == expected[-limit:], (typed, low, high, limit)


@pytest.mark.parametrize("way", WAYS)
async def test_pages_join_down_to_the_first_tweet_and_up_again(world: World, way: str) -> None:
    tweets = history(3)
    await write(world, tweets)
    for typed in ("the", "feast", "rare", "from:ada bird"):
        down: list[int] = []
        found = await below(world, typed, 0, MAX_ID, 7, WAYS[way])
        while found.entries:
            down += ids(found)
            found = await below(world, typed, 0, down[-1], 7, WAYS[way])
        assert not found.more
        assert down == naive(tweets, typed, 0, MAX_ID)
        up: list[int] = []
        found = await above(world, typed, 0, MAX_ID, 7, WAYS[way])
        while found.entries:
            up = ids(found) + up
            found = await above(world, typed, up[0] + 1, MAX_ID, 7, WAYS[way])
        assert (up, found.more) == (down, False)


async def test_nobody_has_counted_yet(world: World) -> None:
    tweets = history(4)
    await write(world, tweets, analyzed=False)
    for typed in QUERIES:
        found = await below(world, typed, 0, MAX_ID, 300, WAYS["few"])
        assert ids(found) == naive(tweets, typed, 0, MAX_ID)


async def test_an_empty_place_is_searched(world: World) -> None:
    for way in WAYS.values():
        for found in (await below(world, "the", 0, MAX_ID, 5, way), await above(world, "the", 0, MAX_ID, 5, way)):
            assert (found.entries, found.more) == ([], False)


async def test_ids_ahead_of_the_clock_are_found(world: World) -> None:
    """Another process's clock may be ahead of the one that reads."""
    tweets = [(UserId(7), TweetId(first_id_at(NOW_MS + hours * 3_600_000)), "the tweet") for hours in range(9, -9, -1)]
    await write(world, tweets)
    for way in WAYS.values():
        assert ids(await below(world, "the", 0, MAX_ID, 5, way)) == naive(tweets, "the", 0, MAX_ID)[:5]
        assert ids(await above(world, "the", 0, MAX_ID, 5, way)) == naive(tweets, "the", 0, MAX_ID)[-5:]
        assert ids(await above(world, "the", tweets[3][1], MAX_ID, 9, way)) == naive(tweets, "the", 0, MAX_ID)[:4]


@contextmanager
def slow(monkeypatch: pytest.MonkeyPatch, times: int) -> Iterator[None]:
    """So many slices take too long."""
    fetch, left = search._fetch_slice, times

    async def fetch_or_give_up(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left >= 0:
            raise TookTooLong
        return await fetch(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(search, "_fetch_slice", fetch_or_give_up)
        yield


async def test_a_slice_that_takes_too_long_costs_no_tweet(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tweets = history(5)
    await write(world, tweets)
    for way in ("slices", "few"):
        for typed in ("the", "rare", "feast"):
            expected = naive(tweets, typed, 0, MAX_ID)
            with slow(monkeypatch, 2):
                found = await below(world, typed, 0, MAX_ID, 40, WAYS[way])
            assert ids(found) == expected[:40]
            # When it takes too long again and again, the page is short, and says down to where it looked.
            pages: list[int] = []
            reached = MAX_ID
            for _ in range(300):
                with slow(monkeypatch, 3):
                    found = await below(world, typed, 0, reached, 40, WAYS[way])
                pages += ids(found)
                reached = pages[-1] if len(found.entries) >= 40 else found.reached
                if not found.more:
                    break
            assert pages == expected, (way, typed)


async def test_a_statement_that_takes_too_long_ends(world: World) -> None:
    """PostgreSQL itself ends it, and the connection is as good as before."""
    with pytest.raises(TookTooLong):
        async with search._bounded(world.db, 20) as session:
            await session.value(_SLEEP)
    assert ids(await below(world, "the", 0, MAX_ID, 5, WAYS["slices"])) == []
