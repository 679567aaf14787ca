"""Many tweets to be searched, made from a seed: words as unevenly common as in a language, a year of time, and people.

The commonest word is in about 30 % of tweets, the thousandth in 0.1 %. ``carnival`` is in a third of the tweets of one
week, half a year ago, and in no others: the hardest for a search that goes backwards in time. One in twelve links to
something. ``noon`` and ``midnight`` stand in one of twenty tweets each, and never in the same.
"""

import asyncio
import itertools
import random
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import psycopg

from linnet.bootstrap import Services
from linnet.domain.documents import document_of
from linnet.domain.text import TextRules
from linnet.ids import TweetId, UserId
from linnet.stores.postgres import search

_COMMONEST = (
    "the a to i and of is in it you that for my on me so was with this have just be at not but are we all out what"
)
_ONSETS = ("b", "br", "c", "d", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "v")
_RHYMES = ("a", "ain", "al", "e", "ed", "en", "er", "i", "ing", "ish", "o", "on", "or", "ost", "u", "um", "und", "y")
_VOCABULARY = 50_000
_PEOPLE = 20_000
_TAGS = 200_000
_YEAR_MS = 365 * 86_400_000
_CHUNK = 5_000
FEAST = "carnival"


class Corpus(msgspec.Struct, frozen=True):
    """``words``: the commonest first. ``phrases`` stand in tweets; ``usernames``: who writes most comes first."""

    words: list[str]
    phrases: list[str]
    usernames: list[str]
    names: list[str]
    tags: list[str]


async def build_corpus(services: Services, *, seed: int, tweets: int) -> Corpus:
    """Fills an empty installation. Documents are made by what makes them when a tweet is posted."""
    chance = random.Random(seed)
    words = _vocabulary(chance)
    first_id = services.leases.ids.mint() >> 16
    names = [f"{word.title()} {other.title()}" for word, other in itertools.islice(_pairs(chance, words), _PEOPLE)]
    usernames = [f"{name.split()[0].lower()}_{number}" for number, name in enumerate(names)]
    ids = [UserId(first_id - _YEAR_MS - _PEOPLE + number << 16) for number in range(_PEOPLE)]
    phrases: list[str] = []
    with psycopg.connect(services.settings.postgres.url, autocommit=True) as connection:
        index = connection.execute(
            "select indexdef from pg_indexes where indexname = 'tweet_documents_words'"
        ).fetchone()
        assert index is not None
        connection.execute("drop index tweet_documents_words")
        _copy(
            connection,
            "users (id, username, name, email, password_hash, followers_count)",
            (
                (ids[at], usernames[at], names[at], f"{at}@bench.invalid", "!", 100_000 // (at + 1))
                for at in range(_PEOPLE)
            ),
        )
        _copy(connection, "usernames (username, user_id)", zip(usernames, ids, strict=True))
        tags = {f"{word}{other}": None for word, other in itertools.islice(_pairs(chance, words), _TAGS)}
        _copy(
            connection,
            "tags (tag, display, tweets_count)",
            ((tag, tag, _TAGS // (rank + 1) + 1) for rank, tag in enumerate(tags)),
        )
        texts = _texts(chance, words, tweets)
        authors = random.Random(seed + 1).choices(ids, [1 / (rank + 5) for rank in range(_PEOPLE)], k=tweets)
        rows = (
            (author, TweetId(first_id - _YEAR_MS + (at + 1) * _YEAR_MS // (tweets + 2) << 16 | (at & 1023) << 6), text)
            for at, (author, text) in enumerate(zip(authors, texts, strict=True))
        )
        rules = TextRules()
        while chunk := list(itertools.islice(rows, _CHUNK)):
            _copy(connection, "tweets (author_id, id, text)", chunk)
            await search.insert_documents(
                services.db, [document_of(author, tweet_id, text, None, rules) for author, tweet_id, text in chunk]
            )
            phrases += [" ".join(text.split()[1:3]) for _, _, text in chunk[:2]]
        # Elsewhere: these take long enough for the lease of ids to run out that this process holds.
        for statement in ("set maintenance_work_mem = '256MB'", str(index[0]), "vacuum analyze"):
            await asyncio.to_thread(connection.execute, statement.encode())
    return Corpus(words, phrases, usernames, names, list(tags))


def _copy(connection: psycopg.Connection[tuple[Any, ...]], into: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor().copy(f"copy {into} from stdin".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _vocabulary(chance: random.Random) -> list[str]:
    words = dict.fromkeys(_COMMONEST.split())
    while len(words) < _VOCABULARY:
        syllables = chance.randint(2, 3)
        words["".join(chance.choice(_ONSETS) + chance.choice(_RHYMES) for _ in range(syllables))] = None
    return list(words)


def _pairs(chance: random.Random, words: list[str]) -> Iterator[tuple[str, str]]:
    rest = words[len(_COMMONEST.split()) :]
    while True:
        yield chance.choice(rest), chance.choice(rest)


def _texts(chance: random.Random, words: list[str], count: int) -> Iterator[str]:
    weights = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(words))))
    feast = range(count // 2, count // 2 + count // 52)
    for at in range(count):
        text = " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(4, 20)))[:100]
        if at in feast and chance.random() < 1 / 3:
            text += f" {FEAST}"
        elif (hour := chance.random()) < 1 / 10:
            text += " noon" if hour < 1 / 20 else " midnight"
        yield f"{text} https://example.com/{at}" if chance.random() < 1 / 12 else text
