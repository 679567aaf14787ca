"""What a process holds of top users' tweets, against all that there are.

The truth is a list here, read through the one query that the process asks. A page may lack only what was committed less
than a second ago and not signalled; everything else is in it, whatever was asked before, in whichever order.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from linnet.clock import ManualClock
from linnet.domain.timeline import Entry
from linnet.ids import MAX_ID, TweetId, UserId, first_id_at
from linnet.read.timelines.pulled import PulledAuthors, PulledOptions
from linnet.stores.postgres import tweets
from linnet.stores.postgres.pool import Database

START_MS = 1_800_000_000_000
AUTHORS = [UserId(1), UserId(2), UserId(3)]
OPTIONS = PulledOptions(page_size=3, max_entries_per_author=2, first_days=1.0)
HOURS_OF_HISTORY = 72
authors = st.sampled_from(AUTHORS)
# A tweet commits after its id was minted: statements may last 10 seconds.
late_ms = st.sampled_from([0, 1, 500, 3000, 12_000])


class Truth:
    """Committed tweets, and when they were committed."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.committed: dict[int, float] = {}
        self.queries = 0

    def commit(self, entry: Entry, now: float) -> None:
        self.entries[entry.id] = entry
        self.committed[entry.id] = now

    def newest(self, author_ids: Sequence[int], *, after_id: int, before_id: int, limit: int) -> list[Entry]:
        found = [
            entry
            for entry in self.entries.values()
            if entry.author_id in author_ids and after_id < entry.id < before_id
        ]
        return sorted(found, key=lambda entry: entry.id, reverse=True)[:limit]

    async def fetch_by_authors(
        self, _: Any, author_ids: Sequence[int], *, after_id: int, before_id: int, page_size: int
    ) -> list[Entry]:
        self.queries += 1
        await asyncio.sleep(0)
        return self.newest(author_ids, after_id=after_id, before_id=before_id, limit=page_size)


class PulledMachine(RuleBasedStateMachine):
    """Reads between posts, while time goes on."""

    runner: asyncio.Runner
    truth: Truth

    @initialize(hours=st.lists(st.tuples(authors, st.integers(0, HOURS_OF_HISTORY)), max_size=25))
    def set_up(self, hours: list[tuple[UserId, int]]) -> None:
        self.truth.clear()
        self.clock = ManualClock(START_MS)
        self.pulled = PulledAuthors(cast(Database, None), self.clock, OPTIONS)
        self.sequence = 0
        for author_id, hour in hours:
            self.post(author_id, hour * 3_600_000)

    def post(self, author_id: UserId, age_ms: int) -> Entry:
        self.sequence += 1
        tweet_id = first_id_at(self.clock.now_ms() - age_ms) + self.sequence % 64
        entry = self.truth.entries.get(tweet_id) or Entry(TweetId(tweet_id), author_id)
        if tweet_id not in self.truth.entries:
            self.truth.commit(entry, self.clock.steady_seconds())
        return entry

    @rule(author_id=authors, late=late_ms, signalled=st.booleans())
    def commit(self, author_id: UserId, late: int, signalled: bool) -> None:
        entry = self.post(author_id, late)
        if signalled:
            self.pulled.note(entry)

    @rule(author_id=authors, count=st.integers(2, 9))
    def commit_many(self, author_id: UserId, count: int) -> None:
        for number in range(count):
            self.post(author_id, number)

    @rule(seconds=st.sampled_from([0.5, 1.1, 20.0, 29.0, 31.0, 100.0, 7200.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def signals_were_missed(self) -> None:
        self.pulled.forget_all()

    @rule(
        author_ids=st.sets(authors, min_size=1),
        after_hours=st.none() | st.integers(0, HOURS_OF_HISTORY + 4),
        before_hours=st.none() | st.integers(0, HOURS_OF_HISTORY + 4),
        limit=st.integers(1, 12) | st.just(1_000_000),
    )
    def fetch(self, author_ids: set[UserId], after_hours: int | None, before_hours: int | None, limit: int) -> None:
        after_id = 0 if after_hours is None else first_id_at(self.clock.now_ms() - after_hours * 3_600_000)
        before_id = MAX_ID if before_hours is None else first_id_at(self.clock.now_ms() - before_hours * 3_600_000)
        self.check(author_ids, after_id, before_id, limit)

    @precondition(lambda self: self.truth.entries)
    @rule(data=st.data())
    def fetch_at_a_tweet(self, data: st.DataObject) -> None:
        cursor = data.draw(st.sampled_from(sorted(self.truth.entries)))
        for after_id, before_id in ((cursor, MAX_ID), (0, cursor), (cursor - 1, cursor + 1)):
            self.check(set(AUTHORS), after_id, before_id, 4)

    def check(self, author_ids: set[UserId], after_id: int, before_id: int, limit: int) -> None:
        found = self.runner.run(self.pulled.fetch(author_ids, after_id=after_id, before_id=before_id, limit=limit))
        too_new = self.clock.steady_seconds() - OPTIONS.fresh_seconds
        known = {entry.id for entry in found}
        expected = [
            entry
            for entry in self.truth.newest(sorted(author_ids), after_id=after_id, before_id=before_id, limit=MAX_ID)
            if entry.id in known or self.truth.committed[entry.id] < too_new
        ]
        assert found == expected[:limit]


def test_nothing_of_a_top_user_is_missed_whatever_was_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = Truth()
    monkeypatch.setattr(tweets, "fetch_by_authors", truth.fetch_by_authors)
    with asyncio.Runner() as runner:

        class Machine(PulledMachine):
            pass

        Machine.runner, Machine.truth = runner, truth
        run_state_machine_as_test(
            Machine, settings=settings(max_examples=80, stateful_step_count=30, report_multiple_bugs=False)
        )


@pytest.fixture
def truth(monkeypatch: pytest.MonkeyPatch) -> Truth:
    truth = Truth()
    monkeypatch.setattr(tweets, "fetch_by_authors", truth.fetch_by_authors)
    return truth


def hours_old(hours: float, author_id: UserId = AUTHORS[0]) -> Entry:
    return Entry(TweetId(first_id_at(START_MS - round(hours * 3_600_000))), author_id)


async def test_within_a_second_nothing_is_asked_again(truth: Truth) -> None:
    clock = ManualClock(START_MS)
    authors = PulledAuthors(cast(Database, None), clock, PulledOptions())
    truth.commit(hours_old(1), -10.0)
    recently = first_id_at(START_MS - 7_200_000)
    for _ in range(3):
        assert await authors.fetch(AUTHORS, after_id=recently, before_id=MAX_ID, limit=15) == [hours_old(1)]
    assert truth.queries == 1
    clock.advance(1.1)
    await authors.fetch(AUTHORS, after_id=recently, before_id=MAX_ID, limit=15)
    assert truth.queries == 2
    assert await authors.fetch([], after_id=0, before_id=MAX_ID, limit=15) == []
    assert truth.queries == 2


async def test_many_readers_at_once_ask_once(truth: Truth) -> None:
    authors = PulledAuthors(cast(Database, None), ManualClock(START_MS), PulledOptions())
    truth.commit(hours_old(1), -10.0)
    pages = await asyncio.gather(
        *(
            authors.fetch(AUTHORS, after_id=first_id_at(START_MS - 7_200_000), before_id=MAX_ID, limit=15)
            for _ in range(50)
        )
    )
    assert pages == [[hours_old(1)]] * 50
    assert truth.queries == 1


async def test_readers_of_other_authors_do_not_take_them_from_each_other(truth: Truth) -> None:
    # More authors than are held: what one reader's fetch throws out, another's brings back.
    authors = PulledAuthors(cast(Database, None), ManualClock(START_MS), PulledOptions(max_authors=1))
    for number, author_id in enumerate(AUTHORS):
        truth.commit(hours_old(number + 1, author_id), -10.0)

    async def read(author_id: UserId) -> list[Entry]:
        return await authors.fetch([author_id], after_id=0, before_id=MAX_ID, limit=15)

    for _ in range(3):
        pages = await asyncio.gather(*(read(author_id) for author_id in AUTHORS))
        assert [page[0].author_id for page in pages] == AUTHORS


async def test_the_deep_past_is_read_only_when_somebody_scrolls_there(truth: Truth) -> None:
    authors = PulledAuthors(cast(Database, None), ManualClock(START_MS), PulledOptions(page_size=5))
    history = [hours_old(hours) for hours in range(1, 200, 5)]
    for entry in history:
        truth.commit(entry, -10.0)
    recent = await authors.fetch(AUTHORS, after_id=history[3].id, before_id=MAX_ID, limit=15)
    assert recent == history[:3]
    few = truth.queries
    everything = await authors.fetch(AUTHORS, after_id=0, before_id=MAX_ID, limit=1000)
    assert everything == history
    assert truth.queries > few
    assert await authors.fetch(AUTHORS, after_id=0, before_id=history[-2].id, limit=15) == [history[-1]]
