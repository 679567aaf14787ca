"""Loading a graph of people at once: a stage of temporary tables on a connection of its own.

The file is copied into the stage first and compared with the truth there, so that nothing is written before all of it
was understood. From the stage people and follows go over in bounded transactions; each leaves the truth whole, counters
included, so that an import may die between any two and the next one finds what is missing.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from linnet.errors import Conflict, Unavailable
from linnet.ids import UserId
from linnet.stores.postgres.locks import IMPORTS
from linnet.stores.postgres.pool import PostgresOptions, Session
from linnet.stores.postgres.pooler import ThroughPooler, refuse_pooler
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("bulk")

# A file of millions of lines is compared in one statement; a chunk of it never takes long.
_STATEMENT_TIMEOUT_SECONDS = 3600
_LOCK_TIMEOUT_MS = 2000


class ImportRunning(Conflict):
    """Another import is running. Wait for it to end, then start this one again."""

    code = "import_running"


class EdgeCounts(msgspec.Struct, frozen=True):
    """Lines that say a follow, and different follows among them."""

    lines: int
    follows: int


class PeopleCounts(msgspec.Struct, frozen=True):
    """People of the file, and those of them who were users before."""

    people: int
    known: int


class FollowCounts(msgspec.Struct, frozen=True):
    """Follows that are not there yet: of people who cannot log in, and of people who can."""

    asleep: int
    awake: int


class StagedFollow(msgspec.Struct, frozen=True):
    """A follow to be made; ``ordinal`` orders them."""

    ordinal: int
    follower_id: UserId
    followed_id: UserId


class GraphStage:
    """The stage. One call at a time; its tables are gone with its connection.

    People who cannot log in (*asleep*: their password hash is ``locked_hash``) have no window and do nothing at the
    same time, so that their follows can be written by the thousand. Those of everybody else (*awake*) cannot.
    """

    def __init__(self, connection: AsyncConnection[TupleRow], *, domain: str) -> None:
        self._connection = connection
        self._session = Session(connection)
        self._domain = domain

    async def copy_edges(self, blocks: Iterable[bytes]) -> EdgeCounts:
        """Takes in blocks of ``line follower followed`` rows, as COPY reads them."""
        await self._session.run(_sql["create_edges"])
        try:
            async with self._connection.cursor().copy(
                "copy staged_edges (line, follower, followed) from stdin"
            ) as copy:
                for block in blocks:
                    await copy.write(block)
        except psycopg.OperationalError as error:
            raise Unavailable(f"PostgreSQL: {error}") from error
        await self._session.run(_sql["create_pairs"])
        await self._session.run(_sql["analyze_pairs"])
        counts = await self._session.find(EdgeCounts, _sql["count_edges"])
        return counts or EdgeCounts(0, 0)

    async def match_people(self) -> PeopleCounts:
        """Finds out who of the file is a user already."""
        await self._session.run(_sql["create_people"], domain=self._domain)
        await self._session.run(_sql["index_people"])
        await self._session.run(_sql["analyze_people"])
        counts = await self._session.find(PeopleCounts, _sql["count_people"])
        return counts or PeopleCounts(0, 0)

    async def fetch_strangers(self, *, page_size: int) -> list[str]:
        """Usernames of the file that belong to people who came another way, or who are gone."""
        return await self._session.fetch(str, _sql["fetch_strangers"], page_size=page_size)

    async def fetch_new_numbers(self, *, after_number: int, page_size: int) -> list[int]:
        """People who are to be made users, by number."""
        return await self._session.fetch(int, _sql["fetch_new_numbers"], after_number=after_number, page_size=page_size)

    async def insert_people(self, numbers: Sequence[int], user_ids: Sequence[int], *, locked_hash: str) -> None:
        """Makes them users who cannot log in, all or none. Raises ``UsernameTaken`` or ``EmailTaken``."""
        chunk = {"numbers": list(numbers), "user_ids": list(user_ids)}
        async with self._transaction():
            await self._session.run(_sql["insert_usernames"], **chunk)
            await self._session.run(_sql["insert_emails"], **chunk, domain=self._domain)
            await self._session.run(_sql["insert_users"], **chunk, domain=self._domain, password_hash=locked_hash)

    async def match_follows(self, *, locked_hash: str) -> FollowCounts:
        """Finds out which follows are not there yet, and may be. Everybody in the file has to be a user by now."""
        await self._session.run(_sql["match_added"])
        await self._session.run(_sql["index_user_ids"])
        await self._session.run(_sql["analyze_people"])
        await self._session.run(_sql["create_follows"], locked_hash=locked_hash)
        await self._session.run(_sql["index_follows"])
        await self._session.run(_sql["analyze_follows"])
        counts = await self._session.find(FollowCounts, _sql["count_follows"])
        return counts or FollowCounts(0, 0)

    async def insert_follows(self, first_ordinal: int, follow_ids: Sequence[int]) -> int:
        """Follows of people asleep from ``first_ordinal`` on, with both counters; returns how many were new."""
        chunk = {"first_ordinal": first_ordinal, "last_ordinal": first_ordinal + len(follow_ids) - 1}
        async with self._transaction():
            await self._session.run(_sql["lock_changes"], **chunk)
            await self._session.value(_sql["lock_users"], **chunk)
            return int(await self._session.value(_sql["insert_follows"], **chunk, follow_ids=list(follow_ids)))

    async def fetch_awake_follows(self, *, after_ordinal: int, page_size: int) -> list[StagedFollow]:
        """Follows of people awake, in order."""
        return await self._session.fetch(
            StagedFollow, _sql["fetch_awake_follows"], after_ordinal=after_ordinal, page_size=page_size
        )

    async def fetch_known_ids(self, *, after_user_id: int, page_size: int) -> list[UserId]:
        """People of the file who were users before, by id."""
        return await self._session.fetch(
            UserId, _sql["fetch_user_ids"], after_user_id=after_user_id, page_size=page_size
        )

    async def update_passwords(self, *, locked_hash: str, password_hash: str, page_size: int) -> int:
        """Lets people of the file who are asleep log in; returns how many they were."""
        woken, after_user_id = 0, 0
        while (upto := await self._find_page_end(after_user_id, page_size)) is not None:
            woken += await self._session.run(
                _sql["update_passwords"],
                after_user_id=after_user_id,
                upto_user_id=upto,
                locked_hash=locked_hash,
                password_hash=password_hash,
            )
            after_user_id = upto
        return woken

    async def _find_page_end(self, after_user_id: int, page_size: int) -> int | None:
        end = await self._session.value(_sql["find_page_end"], after_user_id=after_user_id, page_size=page_size)
        return None if end is None else int(end)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        try:
            async with self._connection.transaction():
                yield
        except psycopg.OperationalError as error:
            raise Unavailable(f"PostgreSQL: {error}") from error


@asynccontextmanager
async def open_stage(options: PostgresOptions, *, domain: str) -> AsyncIterator[GraphStage]:
    """A stage for people with addresses in ``domain``. Raises ``ImportRunning`` when there is one already.

    It has a connection of its own: it works for minutes where a request may work for seconds.
    """
    try:
        connection = await AsyncConnection.connect(
            options.url,
            autocommit=True,
            connect_timeout=options.connect_timeout_seconds,
            application_name="linnet import",
            options=f"-c statement_timeout={_STATEMENT_TIMEOUT_SECONDS}s -c work_mem=64MB -c temp_buffers=64MB"
            # A chunk touches a few thousand rows of millions: reading all of them each time is never right.
            " -c random_page_cost=1.1",
        )
        await refuse_pooler(connection)
        # The connection of an import that ended a moment ago may be ending still.
        await connection.execute(f"set lock_timeout = {_LOCK_TIMEOUT_MS}".encode())
        await connection.execute(_sql["lock_imports"].text.encode(), {"lock_key": IMPORTS})
        await connection.execute("set lock_timeout = 0")
    except ThroughPooler:
        await connection.close()
        raise
    except psycopg.errors.LockNotAvailable as error:
        await connection.close()
        raise ImportRunning from error
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL: {error}") from error
    async with connection:
        yield GraphStage(connection, domain=domain)
