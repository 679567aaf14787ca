"""Moves a place to other servers: copies it while people go on, and closes the old one when all of it is there.

1. From now on the old database notes whose rows change (``stores.postgres.moves.departure``).
2. Every table is copied, each as of a moment of its own; pictures too.
3. What was changed meanwhile is brought again and again, until little is left; then every row is compared.
4. The gate is closed: who writes waits. The last changes are brought, with jobs and the right to mint ids.
5. The old database notes that the place has moved, and the gate opens: from here on it refuses to be changed.
6. The new database is opened.

Whoever is killed before 5 leaves a place that goes on as if nothing had been; the same command goes on with it. Between
5 and 6 nobody can write anywhere, and the same command takes step 6. Never can people write in both.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import structlog

from linnet.bootstrap.moves.pictures import PictureMover
from linnet.clock import Clock, SystemClock
from linnet.errors import Conflict
from linnet.ids import random_bytes
from linnet.settings import Settings
from linnet.stores.media import MediaStore
from linnet.stores.postgres.backups import Dump
from linnet.stores.postgres.migrate import check_schema, migrate
from linnet.stores.postgres.moves import arrival, departure, transfer
from linnet.stores.postgres.moves.connecting import alone, connected
from linnet.stores.postgres.moves.departure import Departure, GateBusy
from linnet.stores.postgres.moves.transfer import Connection, Differs, Table
from linnet.stores.valkey.opening import make_valkey
from linnet.stores.valkey.vitals import holds_keys

log = structlog.get_logger()

_AVATARS_AT_ONCE = 1000
# Above this the changes that wait are brought once more before the gate is closed.
_FEW_CHANGES = 2000


class MoveOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Writing waits for ``read_only_seconds`` at most; what takes longer is tried again, ``attempts`` times in all."""

    read_only_seconds: float = 5.0
    attempts: int = 10


class Destination(msgspec.Struct, frozen=True):
    """Where to. ``name`` is how it may be printed; ``facts`` are noted there where the place says nothing of them."""

    settings: Settings
    name: str
    facts: Mapping[str, str] = {}


class MoveReport(msgspec.Struct, frozen=True):
    """What was moved. ``rows`` by table, each compared; ``read_only_seconds`` is how long nobody could write."""

    destination: str
    rows: dict[str, int]
    jobs: int
    pictures: int
    missing_pictures: int
    read_only_seconds: float
    was_done_before: bool = False


class OtherMove(Conflict):
    """Another move of this place is under way. Go on with that one, or give it up: `linnet move cancel`."""

    code = "other_move"


class ValkeyInUse(Conflict):
    """Valkey holds keys of another place, which this one would take for its own. Empty it, or choose another."""

    code = "valkey_in_use"


class TooBusy(Conflict):
    """The last step takes longer than people may wait: too much is written here. Try again when it is quieter."""

    code = "too_busy"


async def move(
    source: Settings, to: Destination, progress: Callable[[str], None], options: MoveOptions | None = None
) -> MoveReport:
    """Moves the place, or goes on with a move that was broken off. Nothing of it is open before all of it is there.

    Raises ``Conflict`` with what stands in the way, before anything is changed; ``Unavailable`` when a server does not
    do what it is asked.
    """
    await asyncio.to_thread(check_schema, source.postgres.url)
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(connected(source.postgres.url, name="the old server"))
        there = await stack.enter_async_context(connected(to.settings.postgres.url, name="the new server"))
        reading = await stack.enter_async_context(connected(source.postgres.url, name="the old server"))
        await stack.enter_async_context(alone(here))
        await arrival.refuse_same(here, there, number=int.from_bytes(random_bytes(7)))
        await arrival.check_suitable(there)
        await stack.enter_async_context(alone(there))
        mover = Mover(source, to, progress, options or MoveOptions(), here=here, reading=reading, there=there)
        return await mover.move()


class Mover:
    """One attempt. ``here`` and ``reading`` lead to the old server, ``there`` to the new one."""

    def __init__(
        self,
        source: Settings,
        to: Destination,
        progress: Callable[[str], None],
        options: MoveOptions,
        *,
        here: Connection,
        reading: Connection,
        there: Connection,
        clock: Clock | None = None,
    ) -> None:
        self._source, self._to, self._progress, self._options = source, to, progress, options
        self._here, self._reading, self._there = here, reading, there
        self._clock = clock or SystemClock()
        self._pictures = PictureMover(MediaStore(source.media), MediaStore(to.settings.media))
        self._tables: list[Table] = []
        self._rows: dict[str, int] = {}
        self._jobs = 0

    async def move(self) -> MoveReport:
        begun = await departure.find_departure(self._here)
        arrived = await arrival.find_arrival(self._there)
        if begun is not None and begun.has_moved:
            return await self._end_what_was_begun(begun, arrived)
        await self._begin(begun, arrived)
        await self._copy()
        await self._bring_pictures()
        await self._catch_up()
        await self._verify()
        seconds = await self._switch()
        return self._report(seconds)

    async def _end_what_was_begun(self, begun: Departure, arrived: str | None) -> MoveReport:
        """Everything is there but the last step, or that as well."""
        if arrived == begun.move_id:
            await arrival.open_up(self._there, self._to.facts)
        elif begun.destination != self._to.name or not await arrival.is_settled(self._there):
            raise OtherMove(f"This place has moved already, to {begun.destination}: move it from there.")
        return msgspec.structs.replace(self._report(0.0), was_done_before=True)

    async def _begin(self, begun: Departure | None, arrived: str | None) -> None:
        """Everything that may stand in the way is looked at first."""
        if begun is not None and begun.destination != self._to.name:
            raise OtherMove(
                f"A move of this place to {begun.destination} is under way: go on with that one, or give it up with"
                " `linnet move cancel`."
            )
        if arrived is not None and (begun is None or begun.move_id != arrived):
            raise OtherMove("Another move has begun to fill the database that is to be moved to: make it anew.")
        await self._check_valkey()
        if self._pictures.is_needed:
            await self._pictures.look()
        await asyncio.to_thread(migrate, self._to.settings.postgres.url)
        self._tables = await transfer.fetch_tables(self._reading)
        if self._tables != await transfer.fetch_tables(self._there):
            raise arrival.Unsuitable("The database to move to has other tables than this linnet makes: make it anew.")
        if arrived is None:
            await arrival.refuse_inhabited(self._there)
        if begun is None:
            await departure.note_departure(self._here, self._to.name)
        if arrived is None:
            # A number of its own: where an earlier attempt went is half a place, and not to be taken for this one.
            number = random_bytes(8).hex()
            await departure.note_number(self._here, number)
            await arrival.note_arrival(self._there, number)

    async def _check_valkey(self) -> None:
        valkey = make_valkey(self._to.settings.valkey)
        await valkey.open()
        try:
            if await holds_keys(valkey, self._to.settings.valkey_prefix):
                raise ValkeyInUse
        finally:
            await valkey.close()

    async def _copy(self) -> None:
        """Changes are noted before the first row is read, so whatever a copy is too early for comes later."""
        self._progress("what changes")
        await departure.watch(self._here, self._tables)
        copied = await arrival.fetch_copied(self._there)
        for table in self._tables:
            if table.name not in copied:
                self._progress(table.name)
                async with self._moment():
                    await arrival.take_table(self._reading, self._there, table)

    async def _bring_pictures(self) -> None:
        """While we hold the lock of backups nobody deletes a picture, so what is named is there."""
        if not self._pictures.is_needed:
            return
        self._progress("pictures")
        after = ""
        while avatars := await transfer.fetch_avatars(self._reading, after=after, page_size=_AVATARS_AT_ONCE):
            await self._pictures.bring(avatars)
            after = avatars[-1]
        after = ""
        while names := await transfer.fetch_attachments(self._reading, after=after, page_size=_AVATARS_AT_ONCE):
            await self._pictures.bring_attachments(names)
            after = names[-1]

    async def _catch_up(self) -> None:
        """Returns when so little is left that it can be brought while writing waits."""
        while True:
            waiting = await transfer.count_changes(self._here, most=_FEW_CHANGES)
            self._progress("what changed meanwhile")
            async with self._moment():
                await self._apply()
                # The target has them for good. Killed before this, they are brought once more.
                await transfer.forget_changes(self._reading)
            if waiting < _FEW_CHANGES:
                return

    async def _verify(self) -> None:
        """Compares every row as of one moment. What changes after it is compared when it is brought."""
        self._progress("what changed meanwhile")
        async with self._moment():
            await self._apply()
            for table in self._tables:
                self._progress(f"comparing {table.name}")
                try:
                    self._rows[table.name] = await transfer.verify_table(self._reading, self._there, table)
                except Differs:
                    await arrival.forget_copied(self._there, table.name)
                    raise
            await transfer.forget_changes(self._reading)
        for table in self._tables:
            await arrival.analyze(self._there, table)

    async def _switch(self) -> float:
        """The last step; returns for how long nobody could write."""
        patience = self._options.read_only_seconds
        for _ in range(self._options.attempts):
            await self._catch_up()
            self._progress("the last changes")
            began = self._clock.steady_seconds()
            bringing: asyncio.Task[None] | None = None
            try:
                async with departure.closed_gate(self._here, patience_ms=round(patience * 1000)):
                    bringing = asyncio.create_task(self._bring_the_rest(), name="the last changes")
                    # Whatever becomes of the new server, the gate is not closed for longer.
                    await asyncio.wait([bringing], timeout=patience)
                    if not bringing.done():
                        raise TimeoutError
                    bringing.result()
                    # The end of this block is the moment in which the place has moved.
                    await departure.note_moved(self._here)
            except (TimeoutError, GateBusy) as error:
                log.warning("the last step took too long, and is tried again", cause=repr(error))
            else:
                await arrival.open_up(self._there, self._to.facts)
                return self._clock.steady_seconds() - began
            finally:
                if bringing is not None and not bringing.done():
                    bringing.cancel()
                    # What it ended with says the next question, too.
                    await asyncio.gather(bringing, return_exceptions=True)
        raise TooBusy

    async def _bring_the_rest(self) -> None:
        """Nothing changes meanwhile. Done again it does the same."""
        async with self._moment(), self._there.transaction():
            await self._apply_in_hand()
            await arrival.refuse_processes(self._there)
            await arrival.take_leases(self._reading, self._there, after_ms=await arrival.find_newest_ms(self._reading))
            waiting = await Dump(self._reading).fetch_jobs()
            await arrival.take_jobs(self._there, waiting, now_ms=self._clock.now_ms())
            self._jobs = len(waiting)

    async def _apply(self) -> None:
        async with self._there.transaction():
            await self._apply_in_hand()

    async def _apply_in_hand(self) -> None:
        # Files come before the rows that name them.
        await self._pictures.bring(await transfer.fetch_changed_avatars(self._reading))
        await self._pictures.bring_attachments(await transfer.fetch_changed_attachments(self._reading))
        await transfer.apply_changes(self._reading, self._there, self._tables)

    @asynccontextmanager
    async def _moment(self) -> AsyncIterator[None]:
        """All that is read in the block is of one moment, that of the first question."""
        async with self._reading.transaction():
            await self._reading.execute("set transaction isolation level repeatable read")
            yield

    def _report(self, read_only_seconds: float) -> MoveReport:
        return MoveReport(
            destination=self._to.name,
            rows=self._rows,
            jobs=self._jobs,
            pictures=self._pictures.copied,
            missing_pictures=self._pictures.missing,
            read_only_seconds=round(read_only_seconds, 3),
        )
