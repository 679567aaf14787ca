"""Strands: pieces of work that a test leads from one call of a store to the next, leaves there, fails or kills.

Work that runs in a strand stops before everything it asks of PostgreSQL or Valkey: before a transaction begins, before
each statement, before the commit, before each command. The test says which strand may go on, so that two requests and a
worker meet in whichever order it chooses, and the same choices bring the same history again. Work outside a strand runs
as ever.

A strand that must wait for another (a row lock, a rebuild that is under way) is left waiting, and found to have moved
when the other has let go.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

import psycopg
from psycopg.rows import TupleRow

from linnet.errors import Unavailable
from linnet.stores.postgres.pool import Database, Session
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey.client import Admit, Valkey, ValkeyOptions
from linnet.stores.valkey.cluster import Cluster
from linnet.stores.valkey.connection import RoutedFuture, ScriptFuture
from linnet.stores.valkey.opening import is_cluster_url

T = TypeVar("T")

_TURNS_TO_SETTLE = 12
_LOCK_CHECK_SECONDS = 0.02
_UNGATED = {"pool.snapshot", "pool.ping"}


class Killed(BaseException):
    """The process is gone, here and now: nothing of ours runs any more but the stores' own cleaning up."""


class _Turn:
    """Something a strand asks of a store: ``go`` lets it, ``fail`` refuses it."""

    __slots__ = ("fail", "go", "label")

    def __init__(self, label: str, go: Callable[[], None], fail: Callable[[BaseException], None]) -> None:
        self.label = label
        self.go = go
        self.fail = fail


_current: ContextVar["Strand | None"] = ContextVar("strand", default=None)


class Strand:
    """One piece of work. Led by its ``Loom``. ``faulty``: something was made to fail under it."""

    def __init__(self, name: str, owner: object) -> None:
        self.name = name
        self.owner = owner
        self.faulty = False
        self.turns: deque[_Turn] = deque()
        self.free = False
        self.killed = False
        self.in_flight = 0
        self.was_locked = False
        self.severed = False
        self.changed = asyncio.Event()
        # The backend that may hold us up in a lock, while a statement runs.
        self.backend_pid: int | None = None
        self.task: asyncio.Task[Any]

    def __repr__(self) -> str:
        return f"<{self.name}: {self.state}{' ' + self.turns[0].label if self.turns else ''}>"

    @property
    def done(self) -> bool:
        return self.task.done()

    @property
    def state(self) -> str:
        if self.done:
            return "done"
        if self.in_flight:
            return "in flight"
        return "ready" if self.turns else "waiting"

    @property
    def next_label(self) -> str | None:
        """What it is about to do, when it is ready."""
        return self.turns[0].label if self.turns and not self.in_flight else None

    async def turn(self, label: str) -> None:
        """Waits until the test lets this go on."""
        if self.killed:
            raise Killed
        if self.free and not self.turns:
            return
        permission: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queue(_Turn(label, lambda: permission.set_result(None), permission.set_exception))
        await permission

    def queue(self, turn: _Turn) -> None:
        if self.killed:
            turn.fail(Killed())
        elif self.free and not self.turns:
            turn.go()
        else:
            self.turns.append(turn)
            self.changed.set()

    def begin_io(self) -> None:
        self.in_flight += 1

    def end_io(self) -> None:
        self.in_flight -= 1
        self.was_locked = False
        self.changed.set()


class GatedDatabase(Database):
    """A database that strands ask turn by turn."""

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        strand = _current.get()
        if strand is None:
            async with super().session() as session:
                yield session
            return
        strand.begin_io()
        try:
            async with super().session() as session:
                strand.end_io()
                try:
                    yield _GatedSession(session, strand)
                finally:
                    strand.begin_io()
        finally:
            strand.end_io()

    async def _alone(self, statement: Callable[..., Awaitable[T]], *args: Any, **params: Any) -> T:
        if _current.get() is None:
            return await super()._alone(statement, *args, **params)
        async with self.session() as session:
            return await statement(session, *args, **params)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        strand = _current.get()
        if strand is None:
            async with super().transaction() as session:
                yield session
            return
        await strand.turn("begin")
        strand.begin_io()
        try:
            async with super().transaction() as session:
                strand.end_io()
                try:
                    yield _GatedSession(session, strand)
                    await strand.turn("commit")
                finally:
                    strand.begin_io()
        finally:
            strand.end_io()


class _GatedSession(Session):
    def __init__(self, inner: Session, strand: Strand) -> None:
        super().__init__(inner._cursor.connection)
        self.is_distributed = inner.is_distributed
        self._inner = inner
        self._strand = strand

    async def _execute(self, query: Query, params: Mapping[str, Any]) -> psycopg.AsyncCursor[TupleRow]:
        strand = self._strand
        if query.name not in _UNGATED:
            await strand.turn(query.name)
        strand.begin_io()
        strand.backend_pid = self._cursor.connection.info.backend_pid
        try:
            return await self._inner._execute(query, params)
        finally:
            strand.backend_pid = None
            strand.end_io()


class _Gated(Valkey):
    """Strands ask it turn by turn. ``hear`` is told what is published; a strand's word, if it is carried."""

    def __init__(self, options: ValkeyOptions, admit: Admit | None = None) -> None:
        super().__init__(options, admit)
        self.hear: Callable[[bytes, bytes], None] | None = None

    def call(self, *args: bytes | str | int) -> asyncio.Future[Any]:
        future = super().call(*args)
        if args[0] in (b"PUBLISH", b"SPUBLISH") and self.hear is not None:
            _, channel, message = args
            if isinstance(channel, bytes) and isinstance(message, bytes):
                future.add_done_callback(lambda done: self._published(done, channel, message))
        return future

    def _published(self, done: asyncio.Future[Any], channel: bytes, message: bytes) -> None:
        if self.hear is not None and not done.cancelled() and done.exception() is None:
            self.hear(channel, message)

    def _submit(self, command: bytes, future: asyncio.Future[Any]) -> None:
        strand = _current.get()
        if strand is None:
            super()._submit(command, future)
            return

        def go() -> None:
            strand.begin_io()
            future.add_done_callback(lambda _: strand.end_io())
            super(_Gated, self)._submit(command, future)

        def fail(error: BaseException) -> None:
            if not isinstance(error, AnswerLost):
                _lose(future, error)
                return
            # Carried out, but nobody hears of it.
            carried_out: asyncio.Future[Any]
            if isinstance(future, RoutedFuture):
                carried_out = RoutedFuture(loop=asyncio.get_running_loop())
                carried_out.repeat, carried_out.slot = future.repeat, future.slot
            elif isinstance(future, ScriptFuture):
                carried_out = ScriptFuture(loop=asyncio.get_running_loop())
                carried_out.repeat = future.repeat
            else:
                carried_out = asyncio.get_running_loop().create_future()

            def answer(_: asyncio.Future[Any]) -> None:
                carried_out.exception()
                _lose(future, error)
                strand.end_io()

            strand.begin_io()
            carried_out.add_done_callback(answer)
            super(_Gated, self)._submit(command, carried_out)

        if strand.severed:
            strand.severed = False
            fail(Unavailable("Valkey: the connection was lost"))
        else:
            strand.queue(_Turn(_label_of(command), go, fail))


class GatedValkey(_Gated):
    """One server."""


class GatedCluster(_Gated, Cluster):
    """A cluster."""


def make_gated(options: ValkeyOptions, admit: Admit | None = None) -> GatedValkey | GatedCluster:
    """Whichever the URL says."""
    return GatedCluster(options, admit) if is_cluster_url(options.url) else GatedValkey(options, admit)


class AnswerLost(Unavailable):
    """The store did what it was asked, and its answer never came."""


def _lose(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # nobody has to look at it


def _label_of(command: bytes) -> str:
    """The first word of a packed command."""
    return command.split(b"\r\n", 3)[2].decode()


class Loom:
    """All strands of a test. ``db`` is asked, outside of strands, who waits for whose locks."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.strands: list[Strand] = []

    async def start(self, name: str, work: Coroutine[Any, Any, Any], *, owner: object = None) -> Strand:
        """Begins work; it stops before it first asks a store for anything."""
        asyncio.get_running_loop().set_exception_handler(_overlook_the_killed)
        strand = Strand(name, owner)
        context = copy_context()
        context.run(_current.set, strand)
        strand.task = asyncio.get_running_loop().create_task(work, name=name, context=context)
        strand.task.add_done_callback(lambda _: strand.changed.set())
        self.strands.append(strand)
        await self._rest()
        return strand

    async def step(self, strand: Strand) -> bool:
        """Lets a strand do the next thing. False when it is done, or must wait for another."""
        await self._rest()
        if strand.next_label is None:
            return False
        strand.turns.popleft().go()
        await self._rest()
        return True

    async def run(self, strand: Strand, *, steps: int | None = None) -> None:
        """Lets a strand do that many things, or everything until it is done or must wait for another."""
        if steps is not None:
            for _ in range(steps):
                if not await self.step(strand):
                    return
            return
        strand.free = True
        while strand.turns:
            strand.turns.popleft().go()
        while not strand.done:
            await asyncio.wait([strand.task], timeout=_LOCK_CHECK_SECONDS)
            await self._turns_of_the_loop()
            if not strand.in_flight or await self._all_locked([strand]):
                break
        strand.free = False
        await self._rest()

    async def run_until(self, strand: Strand, label: str) -> bool:
        """Stops before the thing of that name. False when it never came."""
        while strand.next_label != label:
            if not await self.step(strand):
                return False
        return True

    async def fail(self, strand: Strand, error: Unavailable) -> bool:
        """What the strand is about to ask of Valkey goes wrong. False when it is about to do something else."""
        await self._rest()
        if strand.next_label is None or not strand.next_label.isupper():
            return False
        strand.faulty = True
        strand.turns.popleft().fail(error)
        await self._rest()
        return True

    async def kill(self, strand: Strand) -> None:
        """Ends a strand where it is: what it has not asked yet, it never asks."""
        strand.killed = True
        turns, strand.turns = strand.turns, deque()
        for turn in turns:
            turn.fail(Killed())
        if not turns:
            strand.task.cancel()
        await asyncio.wait([strand.task])
        await self._rest()

    async def sever(self) -> None:
        """The connection to Valkey is lost under all strands: what each asked, or asks next, of Valkey fails."""
        await self._rest()
        for strand in self.strands:
            if strand.done:
                continue
            waiting = [turn for turn in strand.turns if turn.label.isupper()]
            strand.turns = deque(turn for turn in strand.turns if not turn.label.isupper())
            strand.severed = not waiting
            strand.faulty = True
            for turn in waiting:
                turn.fail(Unavailable("Valkey: the connection was lost"))
        await self._rest()

    async def finish(self) -> None:
        """Lets all strands finish, those begun first first."""
        while live := [strand for strand in self.strands if not strand.done]:
            await self._rest()
            ready = [strand for strand in live if strand.next_label is not None]
            if not ready and not any(strand.done for strand in live):
                raise AssertionError(f"these wait for each other: {live}")
            for strand in ready:
                await self.run(strand)

    def collect(self) -> list[Strand]:
        """Takes out the strands that are done. Their results are for the caller to look at."""
        done = [strand for strand in self.strands if strand.done]
        self.strands = [strand for strand in self.strands if not strand.done]
        return done

    async def close(self) -> None:
        """Kills what still runs."""
        for strand in self.strands:
            if not strand.done:
                await self.kill(strand)
        for strand in self.strands:
            if not strand.task.cancelled():
                strand.task.exception()
        self.strands = []

    @staticmethod
    async def _turns_of_the_loop() -> None:
        # Whatever Python has to do between two questions to a store is done after a few turns of the event loop.
        for _ in range(_TURNS_TO_SETTLE):
            await asyncio.sleep(0)

    async def _rest(self) -> None:
        """Returns when no strand can go on by itself: each is done, ready, or waits for another one."""
        while True:
            await self._turns_of_the_loop()
            busy = [strand for strand in self.strands if strand.in_flight]
            if not busy:
                return
            if all(strand.was_locked for strand in busy) and await self._all_locked(busy):
                return
            for strand in busy:
                strand.changed.clear()
            waits = [asyncio.ensure_future(strand.changed.wait()) for strand in busy]
            done, pending = await asyncio.wait(waits, timeout=_LOCK_CHECK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for wait in pending:
                wait.cancel()
            if not done and await self._all_locked(busy):
                return

    async def _all_locked(self, busy: list[Strand]) -> bool:
        pids = [strand.backend_pid for strand in busy if strand.backend_pid is not None]
        if len(pids) < len(busy):
            return False
        locked = bool(await self._db.value(_ALL_LOCKED, pids=pids))
        for strand in busy:
            strand.was_locked = locked
        return locked


def _overlook_the_killed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a killed strand began beside itself ends unheard, as it would with its process."""
    if not isinstance(context.get("exception"), Killed):
        loop.default_exception_handler(context)


_ALL_LOCKED = Query(
    "faults.all_locked",
    (),
    "value",
    "select bool_and(cardinality(pg_blocking_pids(pid)) > 0) from unnest(%(pids)s::int[]) as pid",
)
