"""Sessions and transactions, and what of PostgreSQL's errors others get to see."""

import asyncio
import select
from collections.abc import AsyncIterator

import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from linnet.api.problems import problem_of
from linnet.errors import EmailTaken, Unavailable, UsernameTaken
from linnet.ids import UserId
from linnet.stores.postgres import pool, users
from linnet.stores.postgres.pool import ConcurrentUpdate, Database, PostgresOptions, TooSlow, run_again
from linnet.stores.postgres.queries import Query


def query(text: str) -> Query:
    return Query("test.query", (), "value", text)


class Fact(msgspec.Struct, frozen=True):
    key: str
    value: str


# Migrations leave facts of their own there, under longer names.
_PUT = query("insert into installation (key, value) values (%(key)s, %(value)s)")
_ALL = query("select key, value from installation where length(key) = 1 order by key")
_COUNT = query("select count(*) from installation where length(key) = 1")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    db = Database(PostgresOptions(database_url, pool_size=3, pool_timeout_seconds=60.0))
    await db.open()
    yield db
    await db.close()


async def insert_user(db: Database, user_id: int, username: str, email: str) -> None:
    await users.insert(db, user_id=UserId(user_id), username=username, name=username, email=email, password_hash="-")


async def test_rows_are_built_positionally_into_what_the_caller_names(db: Database) -> None:
    assert await db.fetch(Fact, _ALL) == []
    assert await db.find(Fact, _ALL) is None
    assert await db.value(query("select 1 where false")) is None
    assert await db.run(_PUT, key="a", value="1") == 1
    await db.run(_PUT, key="b", value="2")
    assert await db.fetch(Fact, _ALL) == [Fact("a", "1"), Fact("b", "2")]
    assert await db.find(Fact, _ALL) == Fact("a", "1")
    assert await db.value(_COUNT) == 2
    assert await db.run(query("delete from installation where length(key) = 1")) == 2


async def test_a_transaction_is_there_as_a_whole_or_not_at_all(db: Database) -> None:
    async with db.transaction() as session:
        await session.run(_PUT, key="a", value="1")
        assert await session.value(_COUNT) == 1
        assert await db.value(_COUNT) == 0, "others do not see it yet"
    assert await db.value(_COUNT) == 1

    async def fail_half_way() -> None:
        async with db.transaction() as session:
            await session.run(_PUT, key="b", value="2")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    assert await db.value(_COUNT) == 1


async def test_a_snapshot_is_of_one_moment_and_writes_nothing(db: Database) -> None:
    async with db.snapshot() as session:
        assert await session.value(_COUNT) == 0
        await db.run(_PUT, key="a", value="1")
        assert await session.value(_COUNT) == 0
    assert await db.value(_COUNT) == 1
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        async with db.snapshot() as session:
            await session.run(_PUT, key="b", value="2")
    async with db.transaction() as session:
        await session.run(_PUT, key="c", value="3")


async def test_a_constraint_that_says_something_to_the_person_is_named(db: Database) -> None:
    await insert_user(db, 1, "ada", "ada@example.org")
    with pytest.raises(UsernameTaken):
        await insert_user(db, 2, "ada", "other@example.org")
    with pytest.raises(EmailTaken):
        await insert_user(db, 2, "ben", "ada@example.org")
    assert await db.value(query("select count(*) from usernames")) == 1, "nothing of what was refused stays"
    await insert_user(db, 2, "ben", "ben@example.org")


async def test_any_other_broken_constraint_is_a_bug_and_looks_like_one(db: Database) -> None:
    await db.run(_PUT, key="a", value="1")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await db.run(_PUT, key="a", value="2")


async def test_two_transactions_that_meet_are_told_to_run_again(db: Database) -> None:
    for key in ("a", "b"):
        await db.run(_PUT, key=key, value="0")
    holding = asyncio.Barrier(2)
    lock = query("select value from installation where key = %(key)s for update")
    attempts: list[str] = []

    async def work(first: str, second: str) -> str:
        async def attempt() -> str:
            attempts.append(first)
            async with db.transaction() as session:
                await session.value(lock, key=first)
                if len(attempts) <= 2:
                    await holding.wait()
                await session.value(lock, key=second)
            return first

        return await run_again(attempt)

    assert [*await asyncio.gather(work("a", "b"), work("b", "a"))] == ["a", "b"]
    # More than once, where it takes its first lock again before the other, which waits for that, is woken.
    assert len(attempts) >= 3, "one of the two was chosen to begin again"


async def test_running_again_has_an_end() -> None:
    attempts: list[int] = []

    async def attempt() -> None:
        attempts.append(1)
        raise ConcurrentUpdate("always")

    with pytest.raises(Unavailable):
        await run_again(attempt, times=3)
    assert len(attempts) == 3


async def test_two_that_meet_where_nobody_tries_again_are_told_to_come_again() -> None:
    # A read can meet a lock that is taken crosswise, too: that is nobody's bug.
    told = problem_of(ConcurrentUpdate("deadlock detected"))
    assert (told.status, told.code) == (503, "unavailable")
    assert "deadlock" not in told.detail


async def at_last(db: Database) -> int:
    """Counts, however often a busy machine makes it too late for the short time that is allowed."""
    async with asyncio.timeout(60):
        while True:
            try:
                await db.open()
                return int(await db.value(_COUNT))
            except Unavailable:
                await asyncio.sleep(0)


async def test_a_pool_that_is_used_up_says_so_and_recovers(database_url: str) -> None:
    db = Database(PostgresOptions(database_url, pool_size=1, pool_timeout_seconds=0.05, max_waiting=1))
    await at_last(db)
    async with db.session():
        with pytest.raises(Unavailable):
            await db.value(_COUNT)
        waiting = asyncio.create_task(db.value(_COUNT))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await db.value(_COUNT)
        with pytest.raises(Unavailable):
            await waiting
    assert await at_last(db) == 0
    await db.close()


async def test_a_statement_that_takes_too_long_ends(database_url: str) -> None:
    db = Database(PostgresOptions(database_url, pool_size=1, statement_timeout_seconds=0.05))
    await at_last(db)
    with pytest.raises(Unavailable):
        await db.value(query("select pg_sleep(100)"))
    assert await at_last(db) == 0, "the connection is as good as before"
    await db.close()


async def test_who_waits_for_somebody_elses_lock_is_not_called_slow(database_url: str) -> None:
    lock = query("select value from installation where key = 'a' for update")
    db = Database(PostgresOptions(database_url, pool_size=2, pool_timeout_seconds=60.0))
    await at_last(db)
    await db.run(_PUT, key="a", value="1")
    async with db.transaction() as holder:
        await holder.value(lock)
        for limit, error in (("lock_timeout", Unavailable), ("statement_timeout", TooSlow)):

            async def wait(limit: str = limit) -> None:
                async with db.transaction() as session:
                    await session.value(query(f"select set_config('{limit}', '20', true)"))
                    await session.value(lock)

            with pytest.raises(Unavailable) as refused:
                await wait()
            assert type(refused.value) is error
    await db.close()


async def test_a_connection_that_falls_is_replaced(db: Database) -> None:
    terminate = query("select pg_terminate_backend(%(pid)s)")

    async def fall_half_way() -> None:
        async with db.transaction() as session:
            pid = await session.value(query("select pg_backend_pid()"))
            await db.value(terminate, pid=pid)
            await session.run(_PUT, key="a", value="1")

    with pytest.raises(Unavailable):
        await fall_half_way()
    assert await db.value(_COUNT) == 0, "nothing of it is there"
    await db.run(_PUT, key="a", value="1")


async def test_a_server_that_is_away_is_said_to_be_away(database_url: str) -> None:
    db = Database(PostgresOptions("postgresql:///nothing?host=/nowhere", pool_timeout_seconds=0.05))
    with pytest.raises(Unavailable) as refused:
        await db.open()
    assert refused.value.cause.startswith("PostgreSQL: ")
    assert "PostgreSQL" not in refused.value.sentence, "the public sentence does not say what we are made of"
    await db.close()


def _end_connections(database_url: str, *, allow: bool = True) -> None:
    """Ends all connections to a database, as a server does that is started again; ``allow``: others may come."""
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(make_conninfo(database_url, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"alter database {name} allow_connections {allow}".encode())
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        while connection.execute("select from pg_stat_activity where datname = %s", (name,)).fetchone():
            pass


async def test_after_a_restart_of_the_server_nobody_meets_a_connection_that_ended(database_url: str) -> None:
    db = Database(PostgresOptions(database_url, pool_size=4, pool_timeout_seconds=20.0))
    await db.open()
    together = asyncio.Barrier(4)

    async def hold() -> None:
        async with db.session() as session:
            await session.value(_COUNT)
            await together.wait()

    await asyncio.gather(*(hold() for _ in range(4)))
    _end_connections(database_url)
    for connection in db._pool._pool:
        # A backend leaves the list of those that are there before it says its last word.
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        assert poll.poll(60_000)
    db.statements = 0
    # One after another: each of them would meet another of the four.
    for _ in range(8):
        assert await _patiently(db) == 0
    assert db.statements == 8, "none of them was sent twice"
    await db.close()


async def _patiently(db: Database) -> int:
    """A machine that is busy may take longer than somebody waits who knows that the server was away."""
    async with asyncio.timeout(60):
        while True:
            try:
                return int(await db.value(_COUNT))
            except Unavailable as error:
                if "couldn't get a connection" not in error.cause:
                    raise


async def test_while_the_server_is_away_nobody_waits_for_long_and_then_all_goes_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_AWAY_SECONDS", 0.01)
    # So patient that this test would end by itself only if nobody waited for so long.
    db = Database(PostgresOptions(database_url, pool_timeout_seconds=3600.0))
    await db.open()
    try:
        _end_connections(database_url, allow=False)
        for _ in range(20):
            with pytest.raises(Unavailable):
                await db.value(_COUNT)
    finally:
        _end_connections(database_url)
    assert await _patiently(db) == 0
    await db.close()


async def test_every_statement_is_counted(db: Database) -> None:
    before = db.statements
    await db.value(_COUNT)
    async with db.transaction() as session:
        await session.value(_COUNT)
        await session.fetch(Fact, _ALL)
    assert db.statements == before + 3
