"""How facts are loaded: process memory, then Valkey, then PostgreSQL; what was missing is filled in on the way back.

One call is at most one round trip to Valkey and one query, whatever the number of ids. Several calls at once that miss
the same id share one flight. Valkey away means slower, not wrong.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar, cast

import msgspec
import structlog

from linnet.clock import Clock
from linnet.errors import Unavailable
from linnet.ids import first_id_at
from linnet.read.hydration.memory import Memory
from linnet.stores.valkey.cache import Cache

log = structlog.get_logger()

# Longer than a transaction can take from the minting of an id to its commit, and than clocks may differ.
_SETTLED_MS = 60_000

Ref = TypeVar("Ref")
Facts = TypeVar("Facts")


class LoaderOptions(msgspec.Struct, frozen=True):
    """How long a process may believe what it remembers, and how much it remembers."""

    memory_seconds: float = 1.0
    memory_size: int = 20_000


class Loaded(msgspec.Struct, Generic[Facts], frozen=True):
    """A row from the truth, as the cache keeps it."""

    id: int
    version: int
    facts: Facts


class Loader(ABC, Generic[Ref, Facts]):
    """Facts by id. A subclass says how a reference, a key and a row look."""

    def __init__(self, cache: Cache, clock: Clock, options: LoaderOptions, facts_type: type[Facts]) -> None:
        self._cache = cache
        self._clock = clock
        self.memory: Memory[int, Facts] = Memory(clock, seconds=options.memory_seconds, size=options.memory_size)
        self.flights: dict[int, asyncio.Future[None]] = {}
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(facts_type)

    @abstractmethod
    def id_of(self, ref: Ref) -> int: ...

    @abstractmethod
    def keys_of(self, ids: Iterable[int]) -> list[bytes]: ...

    @abstractmethod
    async def load(self, refs: Sequence[Ref]) -> list[Loaded[Facts]]:
        """From the truth; rows that are not there are left out."""

    def forget(self, ids: Iterable[int]) -> None:
        """These changed."""
        self.memory.forget(ids)

    def forget_all(self) -> None:
        self.memory.forget_all()

    async def remember(self, loaded: Sequence[Loaded[Facts]], *, generation: int) -> None:
        """Takes in rows that were just read or written, and shares them.

        ``generation``: the memory's, from before they were read. What was forgotten since then may have changed, and
        what is there already is as new or newer: somebody brought it after the same change.
        """
        if self.memory.generation == generation:
            _, missing = self.memory.get_many([row.id for row in loaded])
            self.memory.put({row.id: row.facts for row in loaded if row.id in missing})
        await self.share(loaded)

    async def share(self, loaded: Sequence[Loaded[Facts]]) -> None:
        """Puts rows that were read at some time into the cache, which keeps what is newer."""
        await self._share(loaded, [])

    async def fetch(self, refs: Collection[Ref]) -> dict[int, Facts]:
        """Facts by id; what is not there is left out."""
        by_id = {self.id_of(ref): ref for ref in refs}
        return await self.start(by_id, lambda: by_id).finish()

    def start(self, ids: Collection[int], refs: Callable[[], dict[int, Ref]]) -> "Fetch[Ref, Facts]":
        """Looks into memory and asks Valkey for the rest; ``finish`` or ``abandon`` must follow.

        ``refs`` gives the references by id, and is asked for them only when the truth has to be. Two loaders that are
        started in one turn of the event loop share a round trip.
        """
        found, missing = self.memory.get_many(ids)
        return Fetch(self, refs, found, missing)

    def ask(self, ids: list[int]) -> Awaitable[list[bytes | None]]:
        """Asks Valkey; sent when called."""
        return self._cache.ask(self.keys_of(ids))

    async def bring(
        self, ids: list[int], refs: Callable[[], dict[int, Ref]], answer: Awaitable[list[bytes | None]]
    ) -> dict[int, Facts | None]:
        """From Valkey's answer, and what it lacks from the truth."""
        history = self._cache.history
        brought: dict[int, Facts | None] = {}
        absent = ids
        with suppress(Unavailable):
            brought, absent = self._cache.decode(ids, await answer, self._decoder.decode)
        if absent:
            by_id = refs()
            loaded = await self.load([by_id[some_id] for some_id in absent])
            for row in loaded:
                brought[row.id] = row.facts
            gone = [some_id for some_id in absent if some_id not in brought]
            brought.update(dict.fromkeys(gone))
            # What is not there may still come under an id of this moment, or of the future, that somebody guessed.
            settled = first_id_at(self._clock.now_ms() - _SETTLED_MS)
            # What was read before Valkey failed over may be older than what was said there, and lost with it.
            if self._cache.history == history:
                await self._share(loaded, [some_id for some_id in gone if some_id < settled])
        return brought

    async def _share(self, loaded: Sequence[Loaded[Facts]], gone: Sequence[int]) -> None:
        try:
            if loaded:
                keys = self.keys_of(row.id for row in loaded)
                await self._cache.put(
                    [(key, row.version, self._encoder.encode(row.facts)) for key, row in zip(keys, loaded, strict=True)]
                )
            if gone:
                await self._cache.put_gone(self.keys_of(gone))
        except Unavailable as error:
            log.debug("not cached", cause=error.cause)


class Fetch(Generic[Ref, Facts]):
    """One fetch under way."""

    def __init__(
        self,
        loader: Loader[Ref, Facts],
        refs: Callable[[], dict[int, Ref]],
        found: dict[int, Facts | None],
        missing: list[int],
    ) -> None:
        self._loader = loader
        self._refs = refs
        self._found = found
        self._missing = missing
        self._ours: list[int] = []
        self._theirs: set[asyncio.Future[None]] = set()
        if missing:
            self._take_off()

    def _take_off(self) -> None:
        flights = self._loader.flights
        self._ours, self._theirs = self._missing, set()
        if not flights.keys().isdisjoint(self._missing):
            self._ours = [some_id for some_id in self._missing if some_id not in flights]
            self._theirs = {flights[some_id] for some_id in self._missing if some_id in flights}
        if self._ours:
            self._flight: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            flights.update(dict.fromkeys(self._ours, self._flight))
            self._generation = self._loader.memory.generation
            self._answer = self._loader.ask(self._ours)

    def abandon(self) -> None:
        """Gives up; whoever waits for the same ids sees to them."""
        if self._ours:
            # All are this flight; a set takes them out at once.
            set(map(self._loader.flights.pop, self._ours))
            self._ours = []
            self._flight.set_result(None)

    async def finish(self) -> dict[int, Facts]:
        """The facts by id; what is not there is left out."""
        found = self._found
        while self._missing:
            try:
                if self._ours:
                    brought = await self._loader.bring(self._ours, self._refs, self._answer)
                    found.update(brought)
                    if self._loader.memory.generation == self._generation:
                        self._loader.memory.put(brought)
            finally:
                self.abandon()
            if not self._theirs:
                break
            for flight in self._theirs:
                await flight
            # What the others brought is in memory now, unless it failed or was forgotten at once: then it is our turn.
            more, self._missing = self._loader.memory.get_many(
                [some_id for some_id in self._missing if some_id not in found]
            )
            found.update(more)
            if self._missing:
                self._take_off()
        if all(found.values()):
            return cast(dict[int, Facts], found)
        return {some_id: facts for some_id, facts in found.items() if facts is not None}
