"""A PostgreSQL that stands still: nobody waits for it, and all goes on when it moves again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from linnet.errors import Unavailable
from linnet.stores.postgres import pool
from linnet.stores.postgres.pool import Database, PostgresOptions
from linnet.stores.postgres.queries import Query
from linnet.stores.postgres.watch import WatchOptions
from tests.support.strait import Strait, open_strait

# Nothing else than the watcher would end these tests.
_NEVER_SECONDS = 3600.0
_DEADLINE_SECONDS = 60.0
_ONE = Query("test.one", (), "value", "select 1")
_PUT = Query("test.put", (), "none", "insert into installation (key, value) values ('a', '1')")
_COUNT = Query("test.count", (), "value", "select count(*) from installation where key = 'a'")


@pytest.fixture
def strait(database_url: str) -> Iterator[Strait]:
    with open_strait(database_url) as strait:
        yield strait


@asynccontextmanager
async def opened(options: PostgresOptions) -> AsyncIterator[Database]:
    db = Database(options)
    try:
        await db.open()
        yield db
    finally:
        await db.close()


@pytest.fixture
async def db(strait: Strait) -> AsyncIterator[Database]:
    """Two connections, watched, and endless patience with everything but the watcher's own question."""
    options = PostgresOptions(
        strait.url,
        pool_size=2,
        pool_timeout_seconds=_NEVER_SECONDS,
        statement_timeout_seconds=_NEVER_SECONDS,
        watch=WatchOptions(every_seconds=0.01, patience_seconds=0.2),
    )
    async with opened(options) as db, db.watched():
        yield db
        strait.open_way()


async def until(question: Callable[[], bool]) -> None:
    async with asyncio.timeout(_DEADLINE_SECONDS):
        while True:
            if question():
                return
            await asyncio.sleep(0)


async def at_last(db: Database) -> int:
    async with asyncio.timeout(_DEADLINE_SECONDS):
        while True:
            try:
                return int(await db.value(_COUNT))
            except Unavailable:
                await asyncio.sleep(0)


async def test_a_server_that_stands_still_holds_nobody_up(db: Database, strait: Strait) -> None:
    assert await at_last(db) == 0
    with strait.closed():
        async with asyncio.timeout(_DEADLINE_SECONDS):
            # Two are on their way, the others wait for a connection: all of them are let go.
            asked = await asyncio.gather(*(db.value(_ONE) for _ in range(5)), return_exceptions=True)
            assert [type(answer) for answer in asked] == [Unavailable] * 5
            assert db.is_away
            # From now on nobody is even let in.
            for _ in range(20):
                with pytest.raises(Unavailable):
                    await db.value(_ONE)
    assert await at_last(db) == 0
    assert not db.is_away


async def test_a_transaction_that_stood_on_the_way_is_there_as_a_whole_or_not_at_all(strait: Strait) -> None:
    async with opened(PostgresOptions(strait.url, pool_timeout_seconds=_NEVER_SECONDS)) as db:

        async def stuck_in_the_middle() -> None:
            async with db.transaction() as session:
                await session.run(_PUT)
                strait.close_way()
                await session.value(_ONE)

        async def stuck_at_the_end() -> None:
            async with db.transaction() as session:
                await session.run(_PUT)
                strait.close_way()

        for transaction, rows in ((stuck_in_the_middle, 0), (stuck_at_the_end, 1)):
            stuck = asyncio.create_task(transaction())
            await until(lambda: strait.holds_something)
            # As the watcher would.
            db._turn_away("it does not answer")
            with pytest.raises(Unavailable):
                await stuck
            strait.open_way()
            await db._let_in()
            # What had been sent arrives late: whoever was told of a failure may find that it was none.
            async with asyncio.timeout(_DEADLINE_SECONDS):
                while await at_last(db) != rows:
                    pass


async def test_a_statement_that_is_never_answered_ends_although_the_server_is_there(
    strait: Strait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_MARGIN_SECONDS", 0.1)
    options = PostgresOptions(
        strait.url, pool_size=2, pool_timeout_seconds=_NEVER_SECONDS, statement_timeout_seconds=1.0
    )
    async with opened(options) as db:
        # Only this half of the watching: the other would notice earlier.
        cutting = asyncio.create_task(db._cut_the_late())
        try:
            with strait.closed():
                async with asyncio.timeout(_DEADLINE_SECONDS):
                    with pytest.raises(Unavailable):
                        await db.value(_ONE)
        finally:
            cutting.cancel()
        assert await at_last(db) == 0


async def test_a_server_that_is_gone_is_away_at_once(database_url: str) -> None:
    # As patient as can be: what is refused needs no patience.
    watch = WatchOptions(every_seconds=0.01, patience_seconds=_NEVER_SECONDS)
    with open_strait(database_url) as strait:
        options = PostgresOptions(strait.url, pool_timeout_seconds=_NEVER_SECONDS, watch=watch)
        async with opened(options) as db, db.watched():
            assert await db.value(_ONE) == 1
            strait.end()
            await until(lambda: db.is_away)
            with pytest.raises(Unavailable):
                await db.value(_ONE)
