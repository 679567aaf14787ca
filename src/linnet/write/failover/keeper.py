"""Keeps watch over which Valkey is believed: no page is served from one that may lack what was done.

PostgreSQL keeps the number of the believed history, and which life of which server holds it (``histories``). Every new
connection asks whether its server is that one; any other is as good as away, until somebody has repaired it and it is
accepted under the next number. Every second a process that is connected asks whether its history is still the believed
one, and somebody renews the mark by which it is known, after a loss, what is missing (``stores.valkey.history``).
"""

import asyncio
from contextlib import suppress

import msgspec
import structlog
from prometheus_client import Counter, Histogram

from linnet.errors import LinnetError, Unavailable
from linnet.stores.postgres import histories
from linnet.stores.postgres.histories import History
from linnet.stores.postgres.pool import Database
from linnet.stores.valkey.client import Valkey, ValkeyOptions
from linnet.stores.valkey.history import drop_mark, find_mark, set_mark, try_writing
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
        if believed.generation and believed.server == server:
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
        if valkey.is_connected and valkey.history != believed.generation:
            # Another history has begun. This server may be an old primary that does not know it yet.
            valkey.leave("Valkey: what it holds is not believed any more")
        was_emptied = False
        if valkey.is_connected:
            if await self._renew_mark(deps, believed):
                return
            was_emptied = True
        await self._repair(deps, options, believed, was_emptied=was_emptied)
        if was_emptied:
            valkey.leave("Valkey: it was emptied")
        with suppress(Unavailable):
            # The first time it says that this is another history than before.
            await valkey.open()
        await valkey.open()

    async def _renew_mark(self, deps: WriteDeps, believed: History) -> bool:
        """False when there is no mark: somebody emptied it."""
        mark, now_ms = await find_mark(deps.valkey, deps.keys), deps.clock.now_ms()
        if mark is None:
            return False
        if abs(now_ms - mark.made_ms) < _TICK_MS:
            return True
        newer = await make_mark(deps, self._options, now_ms)
        # Asked after that: all that was applied below the mark was applied in this history, or in one before it.
        if await histories.find(self._db) != believed:
            return True
        return await set_mark(deps.valkey, deps.keys, newer, only_over_another=True)

    async def _repair(self, deps: WriteDeps, options: ValkeyOptions, believed: History, *, was_emptied: bool) -> None:
        """Repairs and accepts the server that is there; nothing when it is believed, or somebody else does it."""
        # More patient than those whom people wait for: much may be pushed at once here, and deep into windows.
        there = Valkey(msgspec.structs.replace(options, timeout_seconds=_REPAIR_TIMEOUT_SECONDS))
        try:
            await there.open()
            if there.server == believed.server and not was_emptied:
                return
            async with self._db.transaction() as session:
                # Held for as long as it takes; whoever dies lets go.
                if await histories.try_lock(session) and await histories.find(self._db) == believed:
                    started = deps.clock.steady_seconds()
                    # An old primary that was left alone (and is told to refuse writes then) ends nobody's history.
                    await try_writing(there, deps.keys)
                    if not believed.generation:
                        # Whoever wrote what is there, a mark of theirs is not to be taken for ours.
                        await drop_mark(there, deps.keys)
                    number = await histories.begin(self._db, generation=believed.generation)
                    if number is None:
                        return
                    mark = await make_mark(deps, self._options, deps.clock.now_ms())
                    done = await repair(deps, there, session, self._options)
                    await set_mark(there, deps.keys, mark)
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
        finally:
            await there.close()
