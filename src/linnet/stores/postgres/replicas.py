"""Replicas of PostgreSQL, for reads that may lag, and how far behind each of them is known to be.

Nobody's clock is compared with anybody's. Twice a second the primary is asked how far its log of changes reaches: all
that was committed before the question lies below that. A replica that has replayed so far has all of that, and so each
of them is *fresh as of* a moment of this process's own clock. It is asked only while that moment is near enough.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from math import inf

import msgspec
import psycopg
import structlog
from prometheus_client import Counter, Gauge

from linnet.clock import Clock
from linnet.errors import LinnetError, Unavailable
from linnet.ids import MAX_ID, first_id_at
from linnet.stores.postgres.pool import Database, PostgresOptions
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.watch import address_of
from linnet.tasks import end_tasks

log = structlog.get_logger()

_sql = load_queries("replicas")

LAG = Gauge(
    "linnet_replica_lag_seconds",
    "How far a replica may be behind.",
    ["replica"],
    multiprocess_mode="livemax",
)
REFUSALS = Counter("linnet_replica_refusals", "Questions for which a replica gave no connection.")
READS = Counter("linnet_replica_reads", "Reads that may lag, by who answered them.", ["by"])

_LOOK_EVERY_SECONDS = 0.5
_ANSWER_SECONDS = 2.0
_AFTER_FAILURE_SECONDS = 30.0
# From an id on its way to its commit: two seconds for a connection, ten for the statement, and room.
_COMMITTED_WITHIN_SECONDS = 30.0


class ReplicaOptions(msgspec.Struct, frozen=True):
    """A replica that may be more than ``lag_seconds`` behind is not asked."""

    urls: tuple[str, ...] = ()
    lag_seconds: float = 5.0


class Reach(msgspec.Struct, frozen=True):
    """How far a server's log is written, or replayed, and of which cluster it is. A primary is no replica."""

    is_replica: bool
    position: int
    cluster: int


class Replica:
    """One of them. ``fresh_at``: all that was committed before is there, by the clock of this process."""

    def __init__(self, url: str, options: PostgresOptions) -> None:
        self.name = address_of(url)
        # Counted apart: nobody is turned away for it.
        self.db = Database(msgspec.structs.replace(options, url=url), refusals=REFUSALS)
        self.fresh_at = -inf
        # Why it is not asked; empty: it is.
        self.cause = "it was not looked at yet"

    async def look(self, cluster: int) -> int | None:
        """How far it has replayed; None when it cannot be asked, and ``cause`` says why."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self.db.open()
                reach = await find_reach(self.db)
        except TimeoutError:
            self.cause = "it does not answer"
        except Unavailable as error:
            self.cause = error.cause
        except psycopg.Error as error:
            # It may not be asked this, for one.
            self.cause = str(error)
        else:
            if not reach.is_replica:
                self.cause = "it is no replica"
            elif reach.cluster != cluster:
                self.cause = "it is a replica of another server"
            else:
                self.cause = ""
                return reach.position
        return None


class Replicas:
    """All of them, in this process. Nobody asks a replica that was not found fresh."""

    def __init__(self, primary: Database, options: ReplicaOptions, clock: Clock) -> None:
        self.options = options
        self.all = [Replica(url, primary.options) for url in options.urls]
        self._primary = primary
        self._clock = clock
        self._turn = 0
        # When the primary was asked, and how far it was.
        self._known: deque[tuple[float, int]] = deque(maxlen=1000)

    def pick(self) -> Replica | None:
        """One that has all that was committed until ``lag_seconds`` ago; they take turns."""
        oldest = self._clock.steady_seconds() - self.options.lag_seconds
        for _ in self.all:
            self._turn += 1
            replica = self.all[self._turn % len(self.all)]
            if replica.fresh_at >= oldest and not replica.cause and not replica.db.is_away:
                return replica
        return None

    @property
    def old_id(self) -> int:
        """Whatever is below this id, and is there at all, is on every replica that ``pick`` gives."""
        age_seconds = self.options.lag_seconds + _COMMITTED_WITHIN_SECONDS
        return min(MAX_ID, first_id_at(self._clock.now_ms() - round(age_seconds * 1000)))

    def doubt(self, replica: Replica, cause: str) -> None:
        """It failed somebody, and is not asked before it was looked at again."""
        replica.cause = cause
        READS.labels("primary, since a replica failed").inc()

    async def look(self) -> None:
        """Finds out how fresh they are. Raises ``Unavailable`` when the primary cannot be asked."""
        asked_at = self._clock.steady_seconds()
        primary = await find_reach(self._primary)
        self._known.append((asked_at, primary.position))
        await asyncio.gather(*[self._look_at(replica, primary.cluster) for replica in self.all])

    async def _look_at(self, replica: Replica, cluster: int) -> None:
        was_asked = not replica.cause
        position = await replica.look(cluster)
        if position is not None:
            replica.fresh_at = max((at for at, reached in self._known if reached <= position), default=replica.fresh_at)
        # Infinite for one that has not been fresh yet: whoever watches has to hear of it too.
        LAG.labels(replica.name).set(max(0.0, self._clock.steady_seconds() - replica.fresh_at))
        if was_asked == bool(replica.cause):
            said = log.warning if replica.cause else log.info
            said(
                "a replica is asked" if not replica.cause else "a replica is not asked",
                replica=replica.name,
                cause=" ".join(replica.cause.split()),
            )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Inside the block they are looked at. Outside of it none is ever picked."""
        async with AsyncExitStack() as stack:
            for replica in self.all:
                stack.push_async_callback(replica.db.close)
                await stack.enter_async_context(replica.db.watched())
            looking = asyncio.create_task(self._keep_looking(), name="replicas")
            try:
                yield
            finally:
                await end_tasks([looking])

    async def _keep_looking(self) -> None:
        while self.all:
            try:
                await self.look()
            except LinnetError as error:
                log.debug("the primary could not be asked how far it is", cause=str(error))
            except Exception:
                # Nothing is known then, and after some seconds nobody is asked any more.
                log.exception("looking at replicas failed")
                await asyncio.sleep(_AFTER_FAILURE_SECONDS)
            await asyncio.sleep(_LOOK_EVERY_SECONDS)


async def find_reach(db: Database) -> Reach:
    """Of whatever server this is."""
    found = await db.find(Reach, _sql["find_reach"])
    assert found is not None, "a row without a table"
    return found
