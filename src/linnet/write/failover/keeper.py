"""Keeps watch over which Valkey is believed: no page is served from one that may lack what was done.

PostgreSQL keeps the number of the believed history, and which life of which server holds it (``histories``). Every new
connection asks whether its server is that one; any other is as good as away, until somebody has repaired it and it is
accepted under the next number. On a cluster a history is held by one server of each shard; a primary that is none of
them is repaired by itself, while the others go on. Every second a process that is connected asks whether its history is
still the believed one, and somebody renews the marks by which it is known, after a loss, what is missing
(``stores.valkey.history``).
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec
import structlog
from prometheus_client import Counter, Histogram

from linnet.errors import LinnetError, Unavailable
from linnet.stores.postgres import histories
from linnet.stores.postgres.histories import History
from linnet.stores.postgres.pool import Database, Session
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.history import drop_marks, find_marks, set_marks, try_writing
from linnet.stores.valkey.opening import make_valkey
from linnet.write.deps import WriteDeps
from linnet.write.failover.repair import RepairOptions, make_mark, repair

log = structlog.get_logger()

_TICK_SECONDS = 1.0
_TICK_MS = 1000
_AWAY_SECONDS = 0.25
_REPAIR_TIMEOUT_SECONDS = 60.0

REPAIRS = Counter("linnet_valkey_repairs", "Valkeys that were accepted after a change of servers.", ["kind"])
REPAIR_SECONDS = Histogram(
    "linnet_valkey_repair_seconds",
    "How long a repair of Valkey took, from the end of the old history to the acceptance.",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300),
)


class HistoryKeeper:
    """One per process. ``admit`` is for the shared connection, which must be that of ``deps`` in ``run``."""

    def __init__(self, db: Database, options: RepairOptions) -> None:
        self._db = db
        self._options = options
        self._called = asyncio.Event()
        # A server is there, and what it holds is not believed yet.
        self.is_doubting = False

    async def admit(self, server: str) -> int:
        """The number of the history that this server holds. Raises ``Unavailable`` when it is not believed."""
        believed = await histories.find(self._db)
        if believed.generation and server in believed.server.splitlines():
            self.is_doubting = False
            return believed.generation
        self.is_doubting = True
        self._called.set()
        raise Unavailable("Valkey is there, and what it holds is not believed yet")

    async def run(self, deps: WriteDeps, valkey: ValkeyOptions) -> None:
        """Keeps watch until cancelled."""
        while True:
            pause = _AWAY_SECONDS
            try:
                await self.look(deps, valkey)
                pause = _TICK_SECONDS
            except (LinnetError, TimeoutError) as error:
                log.debug("the history of Valkey is not watched now", cause=str(error))
            except Exception as error:
                log.error("watching the history of Valkey failed", exc_info=error)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._called.wait()
            self._called.clear()

    async def look(self, deps: WriteDeps, options: ValkeyOptions) -> None:
        """One look: renews the mark, leaves what is not believed any more, or repairs what nobody believes yet.

        Raises ``Unavailable`` when a store is away.
        """
        believed = await histories.find(self._db)
        valkey = deps.valkey
        await valkey.look_around()
        if valkey.is_connected and valkey.history != believed.generation:
            # Another history has begun. This server may be an old primary that does not know it yet.
            valkey.leave("Valkey: what it holds is not believed any more")
        emptied: set[str] = set()
        for primary in valkey.primaries:
            if primary.is_connected and not await self._renew_marks(deps, primary, believed):
                emptied.add(primary.server)
        is_whole = all(primary.is_connected for primary in valkey.primaries)
        if is_whole and not emptied and _members(valkey.server) == _members(believed.server):
            return
        await self._repair(deps, options, believed, emptied)
        if emptied:
            valkey.leave("Valkey: it was emptied")
        with suppress(Unavailable):
            # The first time it says that this is another history than before.
            await valkey.open()
        await valkey.open()

    async def _renew_marks(self, deps: WriteDeps, primary: Valkey, believed: History) -> bool:
        """False when there is no mark: somebody emptied it."""
        parts, now_ms = list(primary.parts), deps.clock.now_ms()
        first = await find_marks(primary, deps.keys, parts[:1])
        if not parts or any(abs(now_ms - mark.made_ms) < _TICK_MS for mark in first.by_part.values()):
            return True
        found = await find_marks(primary, deps.keys, parts)
        if len(found.missing) == len(parts):
            return False
        newer = await make_mark(deps, self._options, now_ms)
        # Asked after that: all that was applied below the mark was applied in this history, or in one before it.
        if await histories.find(self._db) != believed:
            return True
        # All of a slot is here when it is this server's: from now on a mark of its own speaks for it.
        await set_marks(primary, deps.keys, newer, found.missing)
        there = [part for part in parts if part not in found.missing]
        return await set_marks(primary, deps.keys, newer, there, only_over_another=True) or len(there) < len(parts)

    async def _repair(self, deps: WriteDeps, options: ValkeyOptions, believed: History, emptied: set[str]) -> None:
        """Repairs and accepts the servers that are there; nothing when all are believed, or somebody else does it."""
        # More patient than those whom people wait for: much may be pushed at once here, and deep into windows.
        there = make_valkey(msgspec.structs.replace(options, timeout_seconds=_REPAIR_TIMEOUT_SECONDS))
        try:
            await there.open()
            members, old_members = _members(there.server), _members(believed.server)
            if members == old_members and not emptied:
                return
            if _epoch(there.server) < _epoch(believed.server) and _node_ids(members) & _node_ids(old_members):
                raise Unavailable("Valkey: who answers does not know the cluster as it is by now")
            doubted = [one for one in there.primaries if one.server not in old_members or one.server in emptied]
            async with self._db.transaction() as session:
                # Held for as long as it takes; whoever dies lets go.
                if await histories.try_lock(session) and await histories.find(self._db) == believed:
                    await self._repair_doubted(deps, there, session, believed, doubted)
        finally:
            await there.close()

    async def _repair_doubted(
        self, deps: WriteDeps, there: Valkey, session: Session, believed: History, doubted: Sequence[Valkey]
    ) -> None:
        started = deps.clock.steady_seconds()
        for primary in doubted:
            # An old primary that was left alone (and is told to refuse writes then) ends nobody's history.
            await try_writing(primary, deps.keys)
            if not believed.generation:
                # Whoever wrote what is there, a mark of theirs is not to be taken for ours.
                await drop_marks(primary, deps.keys, primary.parts)
        # The others go on, under the next number.
        going_on = _members(believed.server) & _members(there.server) - {one.server for one in doubted}
        number = await histories.begin(
            self._db, generation=believed.generation, server="\n".join([*_first_line(there.server), *sorted(going_on)])
        )
        if number is None:
            return
        mark = await make_mark(deps, self._options, deps.clock.now_ms())
        before = [(primary.server, tuple(primary.parts)) for primary in there.primaries]
        done = await repair(deps, there, session, self._options, doubted)
        for primary in doubted:
            await set_marks(primary, deps.keys, mark, primary.parts)
        await there.look_around()
        if [(primary.server, tuple(primary.parts)) for primary in there.primaries] != before:
            raise Unavailable("Valkey: slots moved while it was repaired")
        if not await histories.accept(self._db, generation=number, server=there.server):
            return
        REPAIRS.labels("emptied" if done.emptied else "repaired").inc()
        REPAIR_SECONDS.observe(deps.clock.steady_seconds() - started)
        # That one starts is no news; that one changes while we work is.
        say = log.warning if deps.valkey.history else log.debug
        say(
            "Valkey is believed again",
            history=number,
            emptied=done.emptied,
            tweets_pushed_again=done.tweets,
            readers_shown_anew=done.readers,
        )


def _first_line(server: str) -> list[str]:
    """How new a cluster's list of servers is."""
    return [line for line in server.splitlines() if line.startswith("epoch ")]


def _epoch(server: str) -> int:
    return max((int(line.partition(" ")[2]) for line in _first_line(server)), default=0)


def _members(server: str) -> set[str]:
    return {line for line in server.splitlines() if line and not line.startswith("epoch ")}


def _node_ids(members: Iterable[str]) -> set[str]:
    return {member.partition(" ")[0] for member in members}
