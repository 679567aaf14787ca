"""Searching over HTTP, class by class of query, beside ``ilike '%word%'``, newest first, on the same table of tweets.

For people and tags beside the same on their tables, which of course forgives no typing error. A search for two words
stands beside one for the first of them.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec

from linnet.bench.corpus import FEAST, Corpus, build_corpus
from linnet.bench.figures import Comparison, Goal, Measured, Side, compare, curve, quantile
from linnet.bench.http_client import Client, get, open_client
from linnet.bench.scenario import Effort, Scenario, since
from linnet.bench.serving import Site, open_sessions
from linnet.bootstrap import Services
from linnet.cli.failures import Failure
from linnet.ids import UserId
from linnet.stores.postgres import users
from linnet.stores.postgres.queries import Query

TWEETS = 1_000_000
_GOAL = Goal("< 50 ms", ours_at_most=50.0)
_QUERIES = 60
# Of each kind in one round, so that a slow moment of the machine hits all of them.
_IN_A_ROW = 10
_REFERENCES = 4
_ILIKE = Query(
    "bench.ilike",
    ("pattern",),
    "many",
    "select id from tweets where text ilike %(pattern)s order by id desc limit 15",
)
_ILIKE_PEOPLE = Query(
    "bench.ilike_people",
    ("pattern",),
    "many",
    "select id from users where name ilike %(pattern)s or username ilike %(pattern)s"
    " order by followers_count desc limit 15",
)
_ILIKE_TAGS = Query(
    "bench.ilike_tags",
    ("pattern",),
    "many",
    "select tweets_count from tags where tag ilike %(pattern)s order by tweets_count desc limit 15",
)


def _classes(corpus: Corpus, chance: random.Random) -> dict[str, Callable[[], tuple[str, str]]]:
    """Each gives a query and the word that the reference looks for."""
    words = corpus.words

    def one(low: int, high: int) -> str:
        return words[chance.randrange(low, min(high, len(words)))]

    def day(days_ago: int) -> str:
        return (datetime.now(UTC) - timedelta(days=days_ago)).date().isoformat()

    def with_word(form: str, low: int, high: int) -> Callable[[], tuple[str, str]]:
        def make() -> tuple[str, str]:
            word = one(low, high)
            return form.format(
                word=word,
                other=one(low, high),
                author=corpus.usernames[chance.randrange(0, 300)],
                since=day(chance.randrange(100, 300)),
                until=day(chance.randrange(30, 90)),
            ), word

        return make

    return {
        "a rare word": with_word("{word}", 5_000, 50_000),
        "a word of 0.1 %": with_word("{word}", 800, 1_200),
        "a common word": with_word("{word}", 0, 10),
        "two common words": with_word("{word} {other}", 0, 30),
        "two words of 1 %": with_word("{word} {other}", 80, 120),
        "two words of 0.1 %": with_word("{word} {other}", 800, 1_200),
        "a phrase": lambda: ((phrase := chance.choice(corpus.phrases)) and f'"{phrase}"', phrase),
        "a phrase of common words": with_word('"{word} {other}"', 0, 12),
        "two common words that never meet": lambda: ("noon midnight", "noon midnight"),
        "a word of one feast": lambda: (FEAST, FEAST),
        "no hits": lambda: (f"q{chance.randrange(10**9)}", f"q{chance.randrange(10**9)}"),
        "from: and a common word": with_word("from:{author} {word}", 0, 10),
        "from: and a rare word": with_word("from:{author} {word}", 5_000, 50_000),
        "since: until: and a common word": with_word("since:{since} until:{until} {word}", 0, 10),
        "until: and a rare word": with_word("until:{until} {word}", 5_000, 50_000),
        "has:link and a common word": with_word("has:link {word}", 0, 10),
        "has:link and a rare word": with_word("has:link {word}", 5_000, 50_000),
        "a common word without another": with_word("{word} -{other}", 0, 30),
        "two words of 1 % without the commonest": with_word("{word} {other} -the", 80, 120),
    }


def _people(corpus: Corpus, chance: random.Random) -> dict[str, Callable[[], tuple[str, str]]]:
    def part(low: int, high: int) -> tuple[str, str]:
        name = chance.choice(corpus.names).lower()
        begin = name.split()[1][: chance.randint(low, high)]
        return begin, begin

    def mistyped() -> tuple[str, str]:
        name = list(chance.choice(corpus.names).lower())
        at = chance.randrange(1, len(name) - 2)
        name[at], name[at + 1] = name[at + 1], name[at]
        return "".join(name), "".join(name)

    return {
        "people: two letters of a name": lambda: part(2, 2),
        "people: four letters of a name": lambda: part(4, 4),
        "people: a name with a typing error": mistyped,
    }


def _tags(corpus: Corpus, chance: random.Random) -> dict[str, Callable[[], tuple[str, str]]]:
    def part(chars: int) -> tuple[str, str]:
        begin = chance.choice(corpus.tags)[:chars]
        return begin, begin

    return {"tags: one letter": lambda: part(1), "tags: four letters": lambda: part(4)}


class _Class(msgspec.Struct):
    """One kind of query: the rest of the path and the reference's word of each, and what they took. Seconds."""

    name: str
    reference: Query
    asked: list[tuple[str, str]]
    times: list[float] = []
    references: list[float] = []
    cpu_seconds: dict[str, float] = {}


def _all_classes(corpus: Corpus, chance: random.Random) -> list[_Class]:
    kinds = (
        ("tweets", _classes(corpus, chance), _ILIKE),
        ("users", _people(corpus, chance), _ILIKE_PEOPLE),
        ("tags", _tags(corpus, chance), _ILIKE_TAGS),
    )
    return [
        _Class(
            name,
            reference,
            [(f"type={kind}&q={quote(query)}", word) for query, word in (make() for _ in range(_QUERIES))],
        )
        for kind, classes, reference in kinds
        for name, make in classes.items()
    ]


async def run(site: Site, effort: Effort) -> Measured:
    effort.tell(f"search: making {effort.tweets:,} tweets")
    corpus = await build_corpus(site.services, seed=effort.seed, tweets=effort.tweets)
    viewer = await users.find_id_by_username(site.services.db, corpus.usernames[-1])
    token = (await open_sessions(site.services, [UserId(viewer or 0)]))[UserId(viewer or 0)]
    return await measure(site, corpus, token, effort)


async def measure(site: Site, corpus: Corpus, token: str, effort: Effort) -> Measured:
    """One request after the other, each with another query; in each round some of every kind, and their references."""
    classes = _all_classes(corpus, random.Random(effort.seed))
    async with open_client(site.server.port, connections=1) as client:
        for at in range(0, _QUERIES, _IN_A_ROW):
            effort.tell(f"search: queries {at + 1} to {at + _IN_A_ROW} of {_QUERIES} of each kind")
            for kind in classes:
                part = kind.asked[at : at + _IN_A_ROW]
                before = site.watched.cpu_seconds()
                kind.times += await _ask(client, [query for query, _ in part], token)
                for role, spent in since(before, site.watched.cpu_seconds()).items():
                    kind.cpu_seconds[role] = kind.cpu_seconds.get(role, 0.0) + spent
                words = [word for _, word in part[:_REFERENCES]]
                kind.references += await _reference(site.services, kind.reference, words)
    slowest = max(classes, key=lambda kind: quantile(kind.times, 0.95))
    together = _Class("all kinds", _ILIKE, [], [time for kind in classes for time in kind.times])
    together.references = [time for kind in classes for time in kind.references]
    goal = _GOAL if effort.tweets >= TWEETS else Goal()
    return Measured(
        "search",
        [_compared("search, all kinds", together, goal), _compared("search, slowest kind", slowest, goal)],
        [_side(kind) for kind in classes],
        f"{effort.tweets:,} tweets, {len(classes)} kinds of searches, {_QUERIES} of each; slowest: {slowest.name}",
    )


def _compared(name: str, kind: _Class, goal: Goal) -> Comparison:
    p95, reference = (quantile(times, 0.95) * 1000 for times in (kind.times, kind.references))
    return compare(*("search", name, "ms, p95", [(p95, reference)]), beside="ilike, newest first", goal=goal)


def _side(kind: _Class) -> Side:
    times = [seconds * 1000 for seconds in kind.times]
    cpu_us = {role: spent / len(times) * 1e6 for role, spent in kind.cpu_seconds.items()}
    return Side("search", kind.name, len(times), quantile(times, 0.5), quantile(times, 0.99), curve(times), cpu_us, {})


async def _ask(client: Client, queries: Sequence[str], token: str) -> list[float]:
    times = []
    for query in queries:
        start = time.perf_counter()
        answer = await client.send(get(f"/api/search?{query}", token))
        times.append(time.perf_counter() - start)
        if answer.status != 200:
            raise Failure(f"the search {query} was answered {answer.status}.")
        await asyncio.sleep(0)
    return times


async def _reference(services: Services, query: Query, words: Sequence[str]) -> list[float]:
    times = []
    for word in words:
        start = time.perf_counter()
        await services.db.fetch(int, query, pattern=f"%{word}%")
        times.append(time.perf_counter() - start)
    return times


SCENARIO = Scenario("search", "searching over HTTP, in 24 ways; beside ilike", run, {"LINNET_WEB_PROCESSES": "1"})
