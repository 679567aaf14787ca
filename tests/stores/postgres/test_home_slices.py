"""Slices of home timelines: every page from the truth is the page of the definition, however far back it lies."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linnet.domain.timeline import Entry
from linnet.domain.visibility import drop_kept_away
from linnet.ids import MAX_ID, UserId, first_id_at
from linnet.stores.postgres import home
from linnet.stores.postgres.pool import Database, PostgresOptions
from linnet.stores.postgres.queries import Query
from tests.support.servers import Servers

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
READER, FRIEND, OTHER_FRIEND, STRANGER = (UserId(number) for number in (1, 2, 3, 4))
_FOLLOW = Query(
    "test.follow", (), "none", "insert into following (user_id, followed_id, id) values (1, 2, 1), (1, 3, 2)"
)
# One who is followed is muted; one whose tweets are retweeted blocks the reader.
_KEEP_AWAY = Query(
    "test.keep_away",
    (),
    "none",
    "with muted as (insert into mutes (user_id, muted_id, id) values (1, 3, 1))"
    " insert into blocked_by (user_id, blocker_id, id) values (1, 4, 1)",
)
_TWEET = Query(
    "test.tweet",
    (),
    "none",
    "insert into tweets (author_id, id, text, reply_to_id, reply_to_author_id, retweet_of_id, retweet_of_author_id)"
    " values (%(author)s, %(id)s, 'x', %(reply)s, %(answered)s, %(original)s, %(retweeted)s) on conflict do nothing",
)


class Truth:
    """Years of tweets, close together and far apart, and the timeline that they make."""

    def __init__(self, runner: asyncio.Runner, db: Database, *, kept_away: frozenset[UserId]) -> None:
        self.run = runner.run
        self.db = db
        self.kept_away = kept_away
        self.if_all_were_met: list[Entry] = []
        self.definition: list[Entry] = self.run(self._write())

    async def _write(self) -> list[Entry]:
        await self.db.run(_FOLLOW)
        authors = (READER, FRIEND, OTHER_FRIEND, STRANGER)
        # A burst in one millisecond, a busy hour, one a day for weeks, one a month for years, and the first of all.
        times = [NOW_MS] * 20 + [NOW_MS - minute * 60_000 for minute in range(60)]
        times += [NOW_MS - day * DAY_MS for day in range(40)]
        times += [NOW_MS - month * 30 * DAY_MS for month in range(60)] + [1]
        # A process whose clock is ahead.
        times += [NOW_MS + 90_000]
        for number, unix_ms in enumerate(times):
            author, answered = authors[number % 4], authors[number // 4 % 4]
            kind = number % 5
            await self.db.run(
                _TWEET,
                author=author,
                id=first_id_at(unix_ms) + number % 64 + 1,
                reply=7 if kind == 1 else None,
                answered=answered if kind == 1 else None,
                original=number + 1000 if kind == 2 else None,
                retweeted=answered if kind == 2 else None,
            )
        everything = Query("test.originals", (), "none", _ORIGINALS)
        await self.db.run(everything)
        self.if_all_were_met = await home.fetch_oracle(self.db, READER, before_id=MAX_ID, page_size=10_000)
        if self.kept_away:
            await self.db.run(_KEEP_AWAY)
        return await home.fetch_oracle(self.db, READER, before_id=MAX_ID, page_size=10_000)

    def below(self, before_id: int, page_size: int, newest_ms: int = NOW_MS) -> list[Entry]:
        async def fetch() -> list[Entry]:
            async with self.db.snapshot() as session:
                return await home.fetch_below(
                    session,
                    home.sources_at_home(READER, await home.fetch_followed(session, READER)),
                    before_id=before_id,
                    newest_id=first_id_at(newest_ms),
                    page_size=page_size,
                )

        return self.run(fetch())

    def above(self, after_id: int, page_size: int, newest_ms: int = NOW_MS) -> list[Entry]:
        async def fetch() -> list[Entry]:
            async with self.db.snapshot() as session:
                return await home.fetch_above(
                    session,
                    home.sources_at_home(READER, await home.fetch_followed(session, READER)),
                    after_id=after_id,
                    newest_id=first_id_at(newest_ms),
                    page_size=page_size,
                )

        return self.run(fetch())


# The originals of retweets, by people whom the reader does not follow.
_ORIGINALS = """
    insert into tweets (author_id, id, text)
    select distinct retweet_of_author_id, retweet_of_id, 'original' from tweets where retweet_of_id is not null
    on conflict do nothing
"""


@pytest.fixture(
    scope="module", params=[frozenset(), frozenset({OTHER_FRIEND, STRANGER})], ids=["all met", "not all met"]
)
def truth(servers: Servers, request: pytest.FixtureRequest) -> Iterator[Truth]:
    with servers.fresh_database() as url, asyncio.Runner() as runner:
        db = Database(PostgresOptions(url))
        runner.run(db.open())
        yield Truth(runner, db, kept_away=request.param)
        runner.run(db.close())


def test_there_is_something_to_look_at(truth: Truth) -> None:
    kinds = {(bool(entry.related_author_id), bool(entry.original_id)) for entry in truth.definition}
    assert kinds == {(False, False), (True, False), (True, True)}
    assert len(truth.definition) > (40 if truth.kept_away else 100)
    met = {entry.author_id for entry in truth.definition}
    met |= {entry.related_author_id for entry in truth.definition if entry.original_id}
    assert met & truth.kept_away == frozenset()
    assert drop_kept_away(truth.if_all_were_met, truth.kept_away, READER) == truth.definition, "said in Python"
    assert truth.definition[0].id > first_id_at(NOW_MS + 60_000)
    assert truth.definition[-1].id < first_id_at(DAY_MS)


def cursors(truth: Truth) -> st.SearchStrategy[int]:
    ids = [entry.id for entry in truth.definition]
    near = [some_id + step for some_id in ids for step in (-1, 0, 1)]
    between = [(one + other) // 2 for one, other in pairwise(ids)]
    return st.sampled_from([1, MAX_ID, *near, *between])


def test_every_page_down_and_up_is_the_page_of_the_definition(truth: Truth) -> None:
    @settings(max_examples=150)
    @given(cursors(truth), st.integers(1, 30) | st.just(800), st.sampled_from([NOW_MS, NOW_MS - 3 * DAY_MS]))
    def check(cursor: int, page_size: int, newest_ms: int) -> None:
        older = [entry for entry in truth.definition if entry.id < cursor]
        newer = [entry for entry in truth.definition if entry.id > cursor]
        assert truth.below(cursor, page_size, newest_ms) == older[:page_size]
        assert truth.above(cursor, page_size, newest_ms) == newer[-page_size:]

    check()


def test_a_page_of_a_busy_reader_is_one_read_and_the_beginning_of_history_seven(truth: Truth) -> None:
    before = truth.db.statements
    truth.below(MAX_ID, 15)
    assert truth.db.statements - before <= 5, (
        "the snapshot, who is kept away, whom one follows, one slice, perhaps a second"
    )
    before = truth.db.statements
    assert len(truth.below(MAX_ID, 800)) == len(truth.definition)
    assert truth.db.statements - before <= 10


def test_who_follows_nobody_reads_only_themselves(truth: Truth) -> None:
    async def fetch() -> tuple[home.Followed, list[Entry]]:
        async with truth.db.snapshot() as session:
            followed = await home.fetch_followed(session, STRANGER)
            entries = await home.fetch_below(
                session,
                home.sources_at_home(STRANGER, followed),
                before_id=MAX_ID,
                newest_id=first_id_at(NOW_MS),
                page_size=800,
            )
            return followed, entries

    followed, entries = truth.run(fetch())
    assert followed == home.Followed(frozenset(), frozenset())
    assert entries == truth.run(home.fetch_oracle(truth.db, STRANGER, before_id=MAX_ID, page_size=800))
    assert {entry.author_id for entry in entries} == {STRANGER}
