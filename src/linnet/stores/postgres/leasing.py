"""Keeps this process's right to mint ids alive: takes a worker number, renews its lease, replaces it when it is lost.

Why no two processes ever mint the same id, whatever fails: a process mints only for milliseconds below the bound it
knows, the row of its worker number holds that bound or a later one, and whoever takes the number over begins where the
row's bound stood. So neither a process that sleeps through its lease, nor an answer lost on the way, nor a clock that
jumps can make two of them meet; the time-outs below only decide how soon a dead process's number is free again.
"""

import asyncio
from contextlib import suppress

import msgspec
import structlog

from linnet.clock import Clock
from linnet.errors import LinnetError, Unavailable
from linnet.ids import IDS_PER_MS, IdSource, Lease, LeaseExhausted, random_bytes
from linnet.stores.postgres import leases
from linnet.stores.postgres.pool import ConcurrentUpdate, Database
from linnet.tasks import end_tasks

log = structlog.get_logger()

_HOLDER_BYTES = 16
_RETRY_SECONDS = 1.0
_ACQUIRE_PAUSE_SECONDS = 0.01
_RENEWAL_TIMEOUT_SECONDS = 8.0
_RELEASE_TIMEOUT_SECONDS = 2.0
_NO_LEASE = Lease(worker=0, from_ms=0, until_ms=0)


class LeaseOptions(msgspec.Struct, frozen=True):
    """``lease_seconds`` (by the database's clock) after the last renewal a number may be taken by another process.

    ``ahead_seconds`` is how far a lease reaches beyond now: so long the process mints on when PostgreSQL is away.
    Of processes that start at the same moment one gets a number per attempt, so ``acquire_attempts`` bounds how many.
    """

    renew_every_seconds: float = 10.0
    lease_seconds: float = 30.0
    ahead_seconds: float = 60.0
    acquire_attempts: int = 100


class LeasedIds(IdSource):
    """The id source of a process with a keeper. Without a living lease it answers ``Unavailable``."""

    def __init__(self, clock: Clock, exhausted: asyncio.Event) -> None:
        super().__init__(clock, _NO_LEASE)
        self._exhausted = exhausted

    def begin(self, lease: Lease) -> None:
        """Goes on under a lease taken anew, above everything that was minted under its number by others."""
        # Also when the number is the one we held before: somebody else may have had it in between.
        self._ms = max(self._ms, lease.from_ms - 1)
        self._sequence = IDS_PER_MS - 1
        self._lease = lease

    def mint(self) -> int:
        """A new id, larger than every id this source minted before."""
        try:
            return super().mint()
        except LeaseExhausted as error:
            # The clock may have leapt ahead, or the process slept: ask now and not at the next turn.
            self._exhausted.set()
            raise Unavailable(f"ids: {error}") from error


class LeaseKeeper:
    """Holds one worker number for as long as it is open.

    ``ids`` stays the same object when the number changes. It mints nothing before ``open``.
    """

    def __init__(self, db: Database, clock: Clock, options: LeaseOptions) -> None:
        self._db = db
        self._clock = clock
        self._options = options
        self._holder = random_bytes(_HOLDER_BYTES)
        self._exhausted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.ids = LeasedIds(clock, self._exhausted)

    async def open(self) -> None:
        """Takes a worker number. Raises ``Unavailable`` when PostgreSQL is away or all numbers are held."""
        self.ids.begin(await self._acquire())

    def start(self) -> None:
        """Renews in the background from now on."""
        self._task = asyncio.create_task(self._keep(), name="id lease")

    async def close(self) -> None:
        """Gives the number back, if PostgreSQL can be told; otherwise it comes free by itself."""
        if self._task is not None:
            await end_tasks([self._task])
            self._task = None
        with suppress(LinnetError, TimeoutError):
            async with asyncio.timeout(_RELEASE_TIMEOUT_SECONDS):
                await leases.release(self._db, worker=self.ids.lease.worker, holder=self._holder)

    async def renew(self) -> None:
        """Extends the lease, or takes another number when this one is lost; ``Unavailable`` when neither works."""
        held = self.ids.lease
        until_ms = await leases.renew(
            self._db,
            worker=held.worker,
            holder=self._holder,
            until_ms=self._until_ms(),
            lease_seconds=self._options.lease_seconds,
        )
        if until_ms is not None:
            self.ids.renew(Lease(held.worker, held.from_ms, until_ms))
            return
        lease = await self._acquire()
        self.ids.begin(lease)
        log.warning("id lease lost and replaced", lost_worker=held.worker, worker=lease.worker)

    def _until_ms(self) -> int:
        # The source may run ahead of a clock that was turned back: the lease must reach beyond both.
        return max(self._clock.now_ms(), self.ids.minted_ms) + round(self._options.ahead_seconds * 1000)

    async def _acquire(self) -> Lease:
        for _ in range(self._options.acquire_attempts):
            with suppress(ConcurrentUpdate):
                lease = await leases.acquire(
                    self._db,
                    holder=self._holder,
                    now_ms=self._clock.now_ms(),
                    until_ms=self._until_ms(),
                    lease_seconds=self._options.lease_seconds,
                )
                if lease is not None:
                    return lease
            # None also says that another process took the same number a moment earlier; the next try sees that.
            await asyncio.sleep(_ACQUIRE_PAUSE_SECONDS)
        raise Unavailable("ids: every worker number is held by a living process")

    async def _keep(self) -> None:
        wait = self._options.renew_every_seconds
        failing = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._exhausted.wait()
            self._exhausted.clear()
            try:
                async with asyncio.timeout(_RENEWAL_TIMEOUT_SECONDS):
                    await self.renew()
            except (LinnetError, TimeoutError) as error:
                if not failing:
                    log.warning("id lease not renewed", cause=str(error), minting_until_ms=self.ids.lease.until_ms)
                wait, failing = _RETRY_SECONDS, True
                # Requests that ask for ids meanwhile must not turn the wait into a hot loop.
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                wait, failing = self._options.renew_every_seconds, False
