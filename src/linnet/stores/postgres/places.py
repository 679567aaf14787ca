"""Filling an empty installation with a place of many people, for measurements: all of it or nothing.

One transaction on a connection of its own. Its tables are made anew first, so that PostgreSQL throws away at once what
was put in when the transaction is given up, even by a kill. Their indexes are taken off and made again from what is
there, and rows come in the order of their keys: a million people with fifty million follows take minutes so, and each
index lies as if it had never been split. Nobody else can use the installation meanwhile.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from linnet.domain.documents import Document
from linnet.errors import Conflict, Unavailable
from linnet.stores.postgres.locks import IMPORTS
from linnet.stores.postgres.pool import PostgresOptions, Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("places")

# What a chunk is sorted in, and an index. Both fit beside each other into what the smallest machine has.
_MEMORY = "-c work_mem=256MB -c temp_buffers=128MB -c maintenance_work_mem=768MB -c random_page_cost=1.1"
_LOCK_TIMEOUT_MS = 2000
_FILLED = (b"users", b"usernames", b"emails", b"following", b"followers", b"follow_changes", b"tweets")
_VACUUMED = (*_FILLED, b"tweet_documents", b"top_users")
VACUUMED_COUNT = len(_VACUUMED)


class NotEmpty(Conflict):
    """Somebody lives there already: a place is made in an empty installation only."""

    code = "not_empty"


class InUse(Conflict):
    """Somebody else works there: a place is made where nobody does anything else."""

    code = "in_use"


class Ground(msgspec.Struct, frozen=True):
    """What all rows of a place are computed from; ``linnet.bench.place.shape`` says what each means."""

    start_ms: int
    middle_ms: int
    half_ms: int
    people: int
    rank_shift: int
    rank_inverse: int
    skew: float
    follows: int
    follow_factor: int
    tweets: int
    tweet_factor: int
    texts: int
    seed: int


class TableDigest(msgspec.Struct, frozen=True):
    """Equal for equal rows, in whatever order they lie."""

    table: str
    rows: int
    total: str


class _Index(msgspec.Struct, frozen=True):
    table: str
    name: str
    definition: str


class PlaceStage:
    """A place that is being made. One call at a time, in the order in which they stand here."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        self._connection = connection
        self._session = Session(connection)
        self._indexes: list[_Index] = []

    async def begin(self) -> None:
        """Makes the tables anew, without indexes. Raises ``NotEmpty``."""
        if await self._session.value(_sql["find_row"]):
            raise NotEmpty
        await self._session.run(_sql["truncate"])
        keys = await self._session.fetch(_Index, _sql["fetch_constraints"])
        others = await self._session.fetch(_Index, _sql["fetch_indexes"])
        for index in others:
            await self._execute(f"drop index {index.name}")
        for index in keys:
            await self._execute(f"alter table {index.table} drop constraint {index.name}")
        self._indexes = [*keys, *others]
        await self._session.run(_sql["create_people"])
        await self._session.run(_sql["create_texts"])
        await self._session.run(_sql["create_slices"])

    async def copy_people(self, blocks: Iterable[bytes]) -> None:
        """Rows of ``staged_people``, as COPY reads them."""
        try:
            async with self._connection.cursor().copy("copy staged_people from stdin") as copy:
                for block in blocks:
                    await copy.write(block)
        except psycopg.OperationalError as error:
            raise Unavailable(f"PostgreSQL: {error}") from error
        await self._session.run(_sql["index_people"])

    async def insert_texts(self, first: int, texts: Sequence[str], documents: Sequence[Document], bare: str) -> None:
        """Texts, numbered on from ``first``. ``bare`` is what their documents hold beside what the texts say."""
        await self._session.run(
            _sql["insert_texts"],
            first=first,
            texts=list(texts),
            lexemes=[document.lexemes for document in documents],
            others=_lexemes(bare),
            words=[document.words for document in documents],
            languages=[document.language for document in documents],
            dictionaries=[document.dictionary or None for document in documents],
        )

    async def insert_slices(self, slices: Sequence[int], lexemes: Sequence[str], author_mark: str) -> None:
        """Marks of moments; those of nobody's, whose mark is ``author_mark``."""
        await self._session.run(_sql["insert_slices"], slices=list(slices), lexemes=list(lexemes), others=[author_mark])

    async def lay(self, ground: Ground) -> None:
        """What the rest is computed from, now that people and texts are there."""
        await self._session.run(
            _sql["create_place"],
            start_ms=ground.start_ms,
            middle_ms=ground.middle_ms,
            half_ms=ground.half_ms,
            people=ground.people,
            rank_shift=ground.rank_shift,
            rank_inverse=ground.rank_inverse,
            skew=ground.skew,
            follows=ground.follows,
            follow_factor=ground.follow_factor,
            tweets=ground.tweets,
            tweet_factor=ground.tweet_factor,
            texts=ground.texts,
            seed=ground.seed,
        )
        await self._session.run(_sql["analyze"])

    async def insert_following(self, first_number: int, end_number: int) -> int:
        """Whom people of these numbers follow; returns how many follows that are."""
        return await self._session.run(_sql["insert_following"], first_number=first_number, end_number=end_number)

    async def insert_followers(self, first_id: int, end_id: int) -> int:
        """Who follows people of these ids; returns how many follows that are."""
        return await self._session.run(_sql["insert_followers"], first_id=first_id, end_id=end_id)

    async def insert_people(
        self, *, email_domain: str, password_hash: str, top_user_followers: int, since_id: int
    ) -> int:
        """Everybody, when all follows are there; returns how many are top users."""
        await self._session.run(_sql["create_counts"])
        await self._session.run(
            _sql["insert_users"],
            email_domain=email_domain,
            password_hash=password_hash,
            top_user_followers=top_user_followers,
        )
        await self._session.run(_sql["insert_usernames"])
        await self._session.run(_sql["insert_emails"])
        await self._session.run(_sql["insert_follow_changes"])
        await self._session.run(_sql["insert_top_users"], since_id=since_id)
        return int(await self._session.value(_sql["count_top_users"]))

    async def insert_tweets(self, first_number: int, end_number: int) -> int:
        """What people of these numbers wrote; returns how many tweets that are."""
        return await self._session.run(_sql["insert_tweets"], first_number=first_number, end_number=end_number)

    @property
    def index_count(self) -> int:
        return len(self._indexes)

    async def create_indexes(self) -> AsyncIterator[str]:
        """Makes the indexes that ``begin`` took off; gives the name of each when it is there."""
        for index in self._indexes:
            await self._execute(index.definition)
            yield index.name

    async def _execute(self, statement: str) -> None:
        """Something that is read from the catalogue, and so has no name."""
        try:
            await self._connection.execute(statement.encode())
        except psycopg.OperationalError as error:
            raise Unavailable(f"PostgreSQL: {error}") from error


@asynccontextmanager
async def open_place(options: PostgresOptions) -> AsyncIterator[PlaceStage]:
    """What was put in is there when the block ends well, and else nothing is. Raises ``InUse`` or ``NotEmpty``."""
    connection = await _connect(options)
    async with connection:
        stage = PlaceStage(connection)
        try:
            await connection.execute(f"set lock_timeout = {_LOCK_TIMEOUT_MS}".encode())
            await connection.execute(_sql["lock_imports"].text.encode(), {"lock_key": IMPORTS})
            await connection.commit()
            await stage.begin()
        except psycopg.errors.LockNotAvailable as error:
            raise InUse from error
        except Unavailable as error:
            if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise InUse from error
            raise
        yield stage


async def vacuum(options: PostgresOptions) -> AsyncIterator[str]:
    """Does what autovacuum would begin with anyway, so that it does not while something is measured."""
    async with await _connect(options, autocommit=True) as connection:
        for table in _VACUUMED:
            await connection.execute(b"vacuum (freeze, analyze) " + table)
            yield table.decode()
        await connection.execute(b"checkpoint")


async def fetch_digests(db: Reader) -> list[TableDigest]:
    """By table."""
    return await db.fetch(TableDigest, _sql["digest"])


async def _connect(options: PostgresOptions, *, autocommit: bool = False) -> AsyncConnection[TupleRow]:
    try:
        return await AsyncConnection.connect(
            options.url,
            autocommit=autocommit,
            connect_timeout=options.connect_timeout_seconds,
            application_name="linnet place",
            options=f"-c statement_timeout=0 {_MEMORY}",
        )
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL: {error}") from error


def _lexemes(vector: str) -> list[str]:
    """Of a tsvector of plain marks, as ``document_of`` spells it."""
    return [lexeme.strip("'") for lexeme in vector.split()]
