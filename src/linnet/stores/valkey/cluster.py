"""A cluster of Valkey, used as one server is: every call goes to the server that has its key's slot.

Each primary has a connection of its own, with all that one server's has (``client``): calls of one turn of the event
loop to one server share a write. A server that has given a slot away says where it went, and the call follows. Which
server has what is asked again whenever one of them is away or sends a call on, and every second by who keeps watch
(``linnet.write.failover.keeper``).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, TypeVar

from linnet.errors import Unavailable
from linnet.stores.valkey.client import Admit, Script, Valkey, ValkeyOptions, WrongKind
from linnet.stores.valkey.connection import RoutedFuture, ValkeyReplyError, pack, refuse
from linnet.stores.valkey.layout import LAYOUT_COMMANDS, SLOTS, Layout, by_slot, read_layout, slot_of, slot_of_part
from linnet.stores.valkey.server import Scout, Server

T = TypeVar("T")

_MOST_HOPS: Final = 5
_MOST_WAITING: Final = 10_000
_MOST_ASKED: Final = 8
# How long the others may take to say something newer than the first who answers.
_SECOND_OPINION_SECONDS: Final = 0.2
_SECONDS_BETWEEN_LOOKS: Final = 0.1
_ASKING: Final = pack((b"ASKING",))
# The commands whose first argument is no key: they are for one server, see ``primaries``.
_NAMES = ("PING", "INFO", "SCAN", "CONFIG", "CLUSTER", "DBSIZE", "FLUSHALL", "PUBSUB", "PUBLISH", "EVAL", "EVALSHA")
_ABOUT_SERVERS: Final[frozenset[bytes | str | int]] = frozenset((*_NAMES, *map(str.encode, _NAMES)))


class Cluster(Valkey):
    """All primaries. Not for use from two loops or threads.

    A call may name several keys if all are of one slot; ``fetch``, ``unlink`` and ``parted`` take any. Without a
    server for its slot a call fails, others do not. While the slot of a call moves key by key, a call that names
    several keys may fail until it has moved.

    ``only``: calls about other parts (see ``Keys``) are not made and answered with 0.
    """

    publish_verb: ClassVar[str] = "SPUBLISH"

    def __init__(self, options: ValkeyOptions, admit: Admit | None = None) -> None:
        super().__init__(options, admit)
        self.layout: Layout | None = None
        self._only: frozenset[int] | None = None
        self._servers: dict[tuple[str, int], Server] = {}
        self._by_slot: list[Server | None] = [None] * SLOTS
        self._scouts: dict[tuple[str, int], Scout] = {}
        self._looking: asyncio.Task[None] | None = None
        self._look_again_at = 0.0
        # Calls that were made before anybody knew where to.
        self._waiting: list[RoutedFuture] = []
        self._ailment = ""
        self._ends: set[asyncio.Task[None]] = set()

    # Life

    async def open(self) -> None:
        """Connects to every primary. Raises Unavailable when one cannot be reached; calls to the others work."""
        self._closed = False
        await self.look_around()
        failures = [
            outcome
            for outcome in await asyncio.gather(*[server.open() for server in self.primaries], return_exceptions=True)
            if isinstance(outcome, BaseException)
        ]
        if failures:
            raise failures[0]

    async def close(self) -> None:
        """Waits for the answers that are due, then closes. Later calls fail, until ``open``."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        everything = [*self._servers.values(), *self._scouts.values()]
        await asyncio.gather(*[node.close() for node in everything], *self._ends, return_exceptions=True)
        self._earlier_writes += sum(server.writes for server in self._servers.values())
        self._servers, self._scouts = {}, {}
        self._by_slot = [None] * SLOTS
        self.layout = None

    def leave(self, cause: str) -> None:
        """Gives all connections up; the next calls make others."""
        for server in self._servers.values():
            server.leave(cause)

    @property
    def is_connected(self) -> bool:
        """Whether a call to some server would be sent at once."""
        return any(server.is_connected for server in self._servers.values())

    @property
    def server(self) -> str:
        """All primaries that there are, each as it was when it last let us in; and how new this is."""
        epoch = 0 if self.layout is None else self.layout.epoch
        return "\n".join([f"epoch {epoch}", *sorted(server.server for server in self.primaries)])

    @property
    def writes(self) -> int:
        """How often commands were written to any server."""
        return self._earlier_writes + sum(server.writes for server in self._servers.values())

    @property
    def primaries(self) -> Sequence[Server]:
        if self.layout is None:
            return []
        return [self._servers[primary.host, primary.port] for primary in self.layout.primaries]

    async def ping(self) -> None:
        """Raises ``Unavailable`` unless every slot is served by a server that answers."""
        if self.layout is None:
            await self.look_around()
        if self.layout is not None and not self.layout.is_well:
            raise Unavailable(f"{self._label}: not every slot is served")
        for answer in [server.call(b"PING") for server in self.primaries]:
            await answer

    # Calls

    def call(self, *args: bytes | str | int) -> asyncio.Future[Any]:
        """Sends one command to the server of its first argument, a key; see ``Valkey.call``."""
        if len(args) < 2 or args[0] in _ABOUT_SERVERS:
            raise ValueError(f"{args[0]!r} names no key, so no server of a cluster is the one to ask")
        key = args[1]
        return self._route(key if isinstance(key, bytes) else str(key).encode(), pack(args))

    def script(self, source: str | bytes) -> Script:
        return _RoutedScript(self, source)

    def fetch(self, keys: Sequence[bytes]) -> Awaitable[list[bytes | None]]:
        places: dict[int, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(slot_of(key), []).append(place)
        if len(places) == 1:
            return self.call(b"MGET", *keys)
        calls = [self.call(b"MGET", *[keys[place] for place in those]) for those in places.values()]
        return _Fetched(calls, list(places.values()), len(keys))

    async def unlink(self, keys: Sequence[bytes]) -> int:
        calls = [self.call(b"UNLINK", *part) for part in self.parted(keys, lambda key: key, most=1000)]
        return sum([await call for call in calls])

    def parted(self, things: Sequence[T], key_of: Callable[[T], bytes], *, most: int) -> Iterable[Sequence[T]]:
        return by_slot(things, key_of, most=most)

    async def scan(self, pattern: bytes, *, keys_per_step: int) -> AsyncIterator[list[bytes]]:
        """All keys, of all servers. One that moves from a server to another meanwhile is met in one of them.

        Whoever goes twice through all servers has been in each before and after every other; so that is done when
        something moved.
        """
        await self.look_around()
        before, moved = self.layout, self.layout is not None and self.layout.is_moving
        while True:
            for server in self.primaries:
                async for page in server.scan(pattern, keys_per_step=keys_per_step):
                    yield page
            await self.look_around()
            has_changed = self.layout != before
            if not has_changed and not moved:
                return
            before, moved = self.layout, has_changed

    def answer_only_for(self, parts: Iterable[int] | None) -> None:
        """Of a repair: what is about other parts is not made, and answered with 0. None: about all."""
        self._only = None if parts is None else frozenset(map(slot_of_part, parts))

    def _route(self, key: bytes, command: bytes, repeat: Any = None) -> RoutedFuture:
        future = RoutedFuture(loop=asyncio.get_running_loop())
        future.repeat, future.slot = repeat, slot_of(key)
        self._submit(command, future)
        return future

    def _submit(self, command: bytes, future: asyncio.Future[Any]) -> None:
        assert isinstance(future, RoutedFuture)
        future.command, future.history, future.hops = command, self.history, 0
        if self._only is not None and future.slot not in self._only:
            future.set_result(0)
            return
        server = self._by_slot[future.slot]
        if server is not None:
            server._submit(command, future)
        else:
            self._wait_for_layout(future)

    def _wait_for_layout(self, future: RoutedFuture) -> None:
        if self._closed:
            refuse(future, f"the connection to {self._label} was closed on purpose")
        elif self.layout is not None:
            self.doubt_layout()
            refuse(future, f"{self._label}: no server has this slot now")
        elif len(self._waiting) >= _MOST_WAITING or not self.doubt_layout():
            refuse(future, self._ailment or f"{self._label} is overloaded")
        else:
            self._waiting.append(future)

    def send_on(self, asked: Server, future: RoutedFuture, error: ValkeyReplyError) -> None:
        """A server says that the call's slot is not its own (MOVED), or that the key has gone ahead of it (ASK)."""
        word, _, where = error.reply.split(" ")[:3]
        host, _, port = where.rpartition(":")
        future.hops += 1
        if future.hops > _MOST_HOPS:
            refuse(future, f"{self._label}: its servers send each other's calls around")
            return
        if future.history != self.history:
            refuse(future, f"{self._label} holds another history than before")
            return
        target = self._find_server(host.strip("[]") or asked.host, int(port))
        if word == "MOVED":
            self._by_slot[future.slot] = target
            self.doubt_layout()
        else:
            # Holds for the very next command.
            target._submit(_ASKING, asyncio.get_running_loop().create_future())
        target._submit(future.command, future)

    # Histories

    def take_history(self, history: int, label: str) -> None:
        """A server was let in as part of this history. Connections of an earlier one are given up."""
        known = self.history or 0
        if history < known:
            raise Unavailable(f"{label} was let in when it held an earlier history")
        if history > known:
            self.history = history
            for server in self._servers.values():
                if server.is_connected:
                    server.leave(f"{self._label} holds another history than before")
            if known:
                raise Unavailable(f"{label} holds another history than before")

    # Layout

    async def look_around(self) -> None:
        """Asks which primaries there are, and which slots they have. Raises ``Unavailable`` when nobody says."""
        await asyncio.shield(self._look())

    def find_place(self, key: bytes) -> tuple[str, int]:
        """Host and port of the server of a key, or of a sharded channel. Raises ``Unavailable``."""
        server = self._by_slot[slot_of(key)]
        if server is None:
            raise Unavailable(f"{self._label}: no server has this slot now")
        return server.host, server.port

    def doubt_layout(self) -> bool:
        """Looks around before long, unless that was just done. False when it is not, because nobody answered."""
        loop = asyncio.get_running_loop()
        if self._looking is None and not self._closed:
            if loop.time() < self._look_again_at:
                return False
            self._look()
        return True

    def _look(self) -> "asyncio.Task[None]":
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._find_layout())
            self._looking.add_done_callback(self._looked)
        return self._looking

    def _looked(self, looking: "asyncio.Task[None]") -> None:
        self._looking = None
        self._look_again_at = asyncio.get_running_loop().time() + _SECONDS_BETWEEN_LOOKS
        error = None if looking.cancelled() else looking.exception()
        self._ailment = error.cause if isinstance(error, Unavailable) else f"{self._label} cannot be reached"
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            server = self._by_slot[future.slot]
            if server is not None:
                server._submit(future.command, future)
            else:
                refuse(future, self._ailment)

    async def _find_layout(self) -> None:
        known = [(server.host, server.port) for server in self.primaries]
        asked = list(dict.fromkeys([*known, *self._address.seeds]))[:_MOST_ASKED]
        asking = {asyncio.ensure_future(self._ask(host, port)) for host, port in asked}
        views: list[Layout] = []
        failures: list[BaseException] = []
        try:
            while asking:
                seconds = _SECOND_OPINION_SECONDS if views else None
                done, asking = await asyncio.wait(asking, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                for task in done:
                    error = task.exception()
                    if error is None:
                        views.append(task.result())
                    else:
                        failures.append(error)
        finally:
            for task in asking:
                task.cancel()
        if views:
            self._apply(max(views, key=lambda view: (view.is_well, view.epoch)))
            return
        raise next((error for error in failures if isinstance(error, WrongKind)), failures[0])

    async def _ask(self, host: str, port: int) -> Layout:
        scout = self._scouts.get((host, port))
        if scout is None:
            scout = self._scouts[host, port] = Scout(self._options, self._address.of_node(host, port))
        if not scout.is_connected:
            await scout.open()
        answers = [scout.call(*command) for command in LAYOUT_COMMANDS]
        nodes, info = [await answer for answer in answers]
        return read_layout(nodes, info, asked_host=host, use_names=self._address.tls)

    def _apply(self, view: Layout) -> None:
        if self.layout is not None and view.epoch < self.layout.epoch:
            ours, theirs = ({primary.node_id for primary in one.primaries} for one in (self.layout, view))
            if ours & theirs:
                # Only somebody who was cut off answers.
                return
        by_slot: list[Server | None] = [None] * SLOTS
        kept: dict[tuple[str, int], Server] = {}
        for primary in view.primaries:
            server = kept[primary.host, primary.port] = self._find_server(primary.host, primary.port)
            server.primary = primary
            for slot in primary.every_slot():
                by_slot[slot] = server
        gone = [server for place, server in self._servers.items() if place not in kept]
        self.layout, self._by_slot, self._servers = view, by_slot, kept
        for server in gone:
            self._earlier_writes += server.writes
            server.leave(f"{self._label}: a server is no primary any more")
            end = asyncio.get_running_loop().create_task(server.close())
            self._ends.add(end)
            end.add_done_callback(self._ends.discard)

    def _find_server(self, host: str, port: int) -> Server:
        server = self._servers.get((host, port))
        if server is None:
            address = self._address.of_node(host, port)
            server = self._servers[host, port] = Server(self, self._options, self._admit_server, address)
        return server


class _RoutedScript(Script):
    __slots__ = ()

    def call(self, keys: Sequence[bytes], args: Sequence[bytes | int]) -> asyncio.Future[Any]:
        cluster = self._valkey
        assert isinstance(cluster, Cluster)
        operands = (len(keys), *keys, *args)
        return cluster._route(keys[0], pack(self._by_hash + operands), self._by_source + operands)


class _Fetched(Awaitable[list[bytes | None]]):
    """Answers of several servers as one."""

    __slots__ = ("_calls", "_count", "_places")

    def __init__(self, calls: list[asyncio.Future[Any]], places: list[list[int]], count: int) -> None:
        self._calls = calls
        self._places = places
        self._count = count

    def __await__(self) -> Generator[Any, None, list[bytes | None]]:
        found: list[bytes | None] = [None] * self._count
        for call, places in zip(self._calls, self._places, strict=True):
            with suppress(Unavailable):
                values = yield from call.__await__()
                for place, value in zip(places, values, strict=True):
                    found[place] = value
        return found
