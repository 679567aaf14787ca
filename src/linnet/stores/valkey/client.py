"""The Valkey client of the hot path: one shared connection per node, pipelined by itself.

A command costs a few microseconds of CPU, because all commands of one turn of the event loop share a write, a read
and a wake-up. Everything rare (topology, pub/sub) uses redis-py.
"""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from linnet.errors import Unavailable
from linnet.stores.valkey.address import Address, parse_address
from linnet.stores.valkey.connection import (
    Command,
    Connection,
    Redirect,
    ScriptFuture,
    ValkeyReplyError,
    pack,
    refuse,
)
from linnet.stores.valkey.primary import find_primary

T = TypeVar("T")

_MAX_PENDING: Final = 10_000
_FIRST_RETRY_SECONDS: Final = 0.05
_MAX_RETRY_SECONDS: Final = 1.0


class ValkeyOptions(msgspec.Struct, frozen=True):
    """Which node, and how long to wait for it. ``parse_address`` says how ``url`` is written.

    An answer may take ``timeout_seconds``, a connection with its log-in ``connect_timeout_seconds``.
    """

    url: str
    timeout_seconds: float = 2.0
    connect_timeout_seconds: float = 2.0


class WrongKind(Unavailable):
    """linnet cannot answer this right now. Please try again in a moment."""

    # The server is one of a cluster and the URL says that it is not, or the other way round: waiting mends nothing.


Admit = Callable[[str], Awaitable[int]]
"""Given which server answers, and of which life (a restart or a change of primaries makes it another): the number of
the history that it holds. Raises ``Unavailable`` when it is not to be believed."""


class Valkey:
    """One server; ``linnet.stores.valkey.cluster`` has the one for many.

    Shared by everything in one event loop; not for use from two loops or threads.

    A lost connection is made again by the next call, at once the first time, then at most every 50 ms, doubling to
    1 s. While the first connect is under way calls wait for it. When that fails, or the node was silent, they fail fast
    until a connection stands: nobody waits for a node that does not answer but whoever was there when it ceased.
    A call that fails with Unavailable may have been carried out: only the caller knows whether it may be repeated.

    ``history`` is the number that ``admit`` gave to what the node holds; a call is never carried out in another history
    than that of the moment when it was made. None: nobody keeps watch.
    """

    publish_verb: ClassVar[str] = "PUBLISH"

    def __init__(self, options: ValkeyOptions, admit: Admit | None = None, *, address: Address | None = None) -> None:
        """Does no I/O. Raises ValueError with a sentence when the URL cannot be read. ``address``: instead of it."""
        self.history: int | None = None if admit is None else 0
        self._server = ""
        self._admit_server = admit
        self._options = options
        if address is None and type(self) is Valkey and parse_address(options.url).seeds:
            raise ValueError("this works with one server of Valkey, and the URL is that of a cluster")
        self._address = address or parse_address(options.url)
        self._label = f"Valkey at {self._address.label}"
        self._tls = ssl.create_default_context() if self._address.tls else None
        self._connection: Connection | None = None
        # The connection that is being made, while calls fail with what ails the last one.
        self._probe: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._tries = 0
        self._closed = False
        self._is_wrong_kind = False
        self._redirect: Redirect | None = None
        self._earlier_writes = 0
        self._new_future: Callable[[], asyncio.Future[Any]] = self._first_future

    async def open(self) -> None:
        """Connects now, whatever the back-off says. Raises Unavailable when that fails; calls will try again."""
        self._closed = False
        if self._probe is not None and self._connecting is not None:
            # Begun earlier: what it meets may not be there any more.
            await asyncio.wait([self._connecting])
        connection = self._connection
        if connection is None or connection.cause is not None:
            connection = self._use(self._connect())
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        if connection.cause is not None:
            raise (WrongKind if self._is_wrong_kind else Unavailable)(connection.cause)

    async def close(self) -> None:
        """Waits for the answers that are due, then closes. Later calls fail, until ``open``."""
        self._closed = True
        connection = self._connection
        if connection is None:
            return
        if connection.pending:
            # Answers come in order: when this one is here, so are all before it.
            last = self._new_future()
            connection.give(pack(("PING",)), last)
            await asyncio.wait([last])
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        # A connect that was broken off has left its connection, fallen, in the place of the old one.
        connection = self._connection or connection
        connection.fall(f"the connection to {self._label} was closed on purpose")
        await connection.wait_until_gone()
        self._earlier_writes += connection.writes
        self._connection = None
        self._connecting = None
        self._tries = 0
        self._new_future = self._first_future

    def leave(self, cause: str) -> None:
        """Gives the connection up; the next call makes another one."""
        if self._connection is not None:
            self._connection.fall(cause)

    @property
    def label(self) -> str:
        """How an operator knows it."""
        return self._label

    @property
    def server(self) -> str:
        """Which server this was, and in which life, when it last let us in."""
        return self._server

    @property
    def is_connected(self) -> bool:
        """Whether a call would be sent at once."""
        return self._connection is not None and self._connection.cause is None and self._connection.is_ready

    def call(self, *args: bytes | str | int) -> asyncio.Future[Any]:
        """Sends one command at the end of this turn of the event loop; the future brings the answer, in bytes.

        The future fails with ValkeyReplyError when Valkey refuses the command, with Unavailable when Valkey cannot be
        reached, does not answer in time, or has too many calls waiting. Awaiting several futures one after the other
        takes as long as ``asyncio.gather`` and costs a fifth of its CPU.
        """
        future = self._new_future()
        self._submit(pack(args), future)
        return future

    def fetch(self, keys: Sequence[bytes]) -> Awaitable[list[bytes | None]]:
        """The strings at these keys, at least one; sent when called. None also for what cannot be had now."""
        return self.call(b"MGET", *keys)

    async def unlink(self, keys: Sequence[bytes]) -> int:
        """Deletes keys, at least one; returns how many were there."""
        return int(await self.call(b"UNLINK", *keys))

    def publish(self, channel: bytes, message: bytes) -> Awaitable[int]:
        """Sent when called, not when awaited."""
        return self.call(self.publish_verb.encode(), channel, message)

    async def scan(self, pattern: bytes, *, keys_per_step: int) -> AsyncIterator[list[bytes]]:
        """All keys that match and are there throughout, some of them twice; in small steps, between which others are
        served.
        """
        cursor = b"0"
        while True:
            cursor, page = await self.call(b"SCAN", cursor, b"MATCH", pattern, b"COUNT", keys_per_step)
            if page:
                yield page
            if cursor == b"0":
                return

    async def ping(self) -> None:
        """Raises ``Unavailable`` unless everything can be asked for."""
        await self.call(b"PING")

    async def look_around(self) -> None:
        """Finds out which primaries there are now. Raises ``Unavailable`` when nobody says."""

    @property
    def primaries(self) -> "Sequence[Valkey]":
        """Each server that takes writes, to be asked by itself: for what is about servers, not about keys."""
        return [self]

    @property
    def parts(self) -> Iterable[int]:
        """Of which parts (see ``Keys``) the keys lie in this server, when it is one of ``primaries``."""
        return (0,)

    @property
    def shard(self) -> bytes:
        """What this server has in common with its replicas, and with no other server of a cluster."""
        return b""

    def answer_only_for(self, parts: Iterable[int] | None) -> None:
        """Of a repair: a cluster leaves calls alone that are about other parts. One server has no others."""

    def parted(self, things: Sequence[T], key_of: Callable[[T], bytes], *, most: int) -> Iterable[Sequence[T]]:
        """Things in portions that one call may be about, by a key of each."""
        return [things[at : at + most] for at in range(0, len(things), most)]

    def script(self, source: str | bytes) -> "Script":
        """A Lua script, to be kept and called often. Nothing is sent yet."""
        return Script(self, source)

    @property
    def writes(self) -> int:
        """How often commands were written so far: what a budget of round trips counts."""
        return self._earlier_writes + (0 if self._connection is None else self._connection.writes)

    def _submit(self, command: bytes, future: asyncio.Future[Any]) -> None:
        connection = self._connection
        if connection is None or len(connection.pending) >= connection.room:
            connection = self._admit(future)
            if connection is None:
                return
        connection.give(command, future)

    def _admit(self, future: asyncio.Future[Any]) -> Connection | None:
        """Off the hot path: a connection to be made for this call, or None with the call refused."""
        connection = self._connection
        if self._closed:
            refuse(future, f"the connection to {self._label} was closed on purpose")
        elif connection is None:
            return self._use(self._connect())
        elif connection.cause is None:
            refuse(future, f"{self._label} is overloaded: {len(connection.pending)} calls wait for an answer")
        elif self._probe is None and asyncio.get_running_loop().time() >= connection.retry_at:
            if not self._tries and not connection.is_silent:
                return self._use(self._connect())
            self._probe = self._connect()
            refuse(future, connection.cause)
        else:
            refuse(future, connection.cause)
        return None

    def _first_future(self) -> asyncio.Future[Any]:
        self._new_future = asyncio.get_running_loop().create_future
        return self._new_future()

    def _connect(self) -> Connection:
        """Starts to connect. Calls can be given to the connection at once; they leave when it is ready."""
        loop = asyncio.get_running_loop()
        connection = Connection(
            loop,
            label=self._label,
            timeout_seconds=self._options.timeout_seconds,
            retry_seconds=min(_FIRST_RETRY_SECONDS * 2 ** min(self._tries, 10), _MAX_RETRY_SECONDS),
            room=_MAX_PENDING,
            redirect=self._redirect,
        )
        # Counted now, and back to 0 when the connection is ready: a failed call may wake before its connect ends.
        self._tries += 1
        self._connecting = loop.create_task(self._make_ready(connection))
        return connection

    async def _make_ready(self, connection: Connection) -> None:
        cause = f"the connect to {self._label} was broken off"
        seconds = self._options.connect_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._dial(connection)
                await self._take_greeting(await connection.greet(self._greeting()))
            connection.begin()
            self._tries = 0
            return
        except ValkeyReplyError as error:
            cause = f"{self._label} refused the connection: {error.reply}"
        except Unavailable as error:
            cause = error.cause
        except TimeoutError:
            cause = f"{self._label} did not accept a connection within {seconds:g} seconds"
        except OSError as error:
            cause = f"{self._label} cannot be reached: {error.strerror or error}"
        finally:
            if not connection.is_ready:
                # Also when cancelled: a connection left half made would hold its calls for ever.
                connection.fall(cause)
            if connection is self._probe:
                self._probe = None
                self._use(connection)

    def _use(self, connection: Connection) -> Connection:
        """From now on calls go to this connection, or fail with what ails it."""
        if self._connection is not None:
            self._earlier_writes += self._connection.writes
        self._connection = connection
        return connection

    async def _take_greeting(self, answers: list[Any]) -> None:
        """Raises ``Unavailable`` when calls may not go to this server."""
        *_, text, _ = answers
        info = read_info(text)
        self._is_wrong_kind = is_of_cluster(info)
        if self._is_wrong_kind:
            raise Unavailable(
                f"{self._label} is one of a cluster: write valkey+cluster:// (for TLS valkeys+cluster://)"
                " in LINNET_VALKEY_URL"
            )
        await self._admit_history(info)

    async def _admit_history(self, info: dict[str, str]) -> None:
        if info.get("role") != "master":
            # Perhaps an old primary, and the address or Sentinel has not heard of the new one yet.
            raise Unavailable(f"{self._label} is a replica")
        server = f"{info.get('run_id')} {info.get('master_replid')}"
        if self._admit_server is not None:
            history = await self._admit_server(server)
            if history != self.history:
                before, self.history = self.history, history
                if before:
                    # What waits was meant for what was there before.
                    raise Unavailable(f"{self._label} holds another history than before")
        self._server = server

    async def _dial(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        address = self._address
        if address.socket_path is not None:
            await loop.create_unix_connection(lambda: connection, address.socket_path)
            return
        # Asked, or the name looked up, each time: a fail-over may have moved it.
        host, port = (
            (address.host, address.port) if address.sentinels is None else await find_primary(address.sentinels)
        )
        await loop.create_connection(lambda: connection, host, port, ssl=self._tls)

    def _greeting(self) -> list[Command]:
        address = self._address
        greeting: list[Command] = []
        if address.password is not None:
            login = (address.username, address.password) if address.username else (address.password,)
            greeting.append(("AUTH", *login))
        if address.database:
            greeting.append(("SELECT", address.database))
        greeting.append(("CLIENT", "SETNAME", "linnet"))
        greeting.append(("INFO", "server", "replication"))
        # The others are answered by a node that still loads its data. This one is not.
        greeting.append(("PING",))
        return greeting


def read_info(text: bytes) -> dict[str, str]:
    """What INFO says, by name."""
    lines = [line.partition(":") for line in text.decode(errors="replace").splitlines()]
    return {name: value.strip() for name, colon, value in lines if colon}


def is_of_cluster(info: dict[str, str]) -> bool:
    """Whether a server runs in cluster mode; those that do not say are taken for servers of their own."""
    return "cluster" in (info.get("server_mode"), info.get("redis_mode"))


class Script:
    """A Lua script, called by its hash and sent whole only to a node that does not know it."""

    __slots__ = ("_by_hash", "_by_source", "_valkey")

    def __init__(self, valkey: Valkey, source: str | bytes) -> None:
        self._valkey = valkey
        text = source.encode() if isinstance(source, str) else source
        # Valkey names scripts by this hash; nothing rests on its strength.
        self._by_hash: Command = (b"EVALSHA", hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())
        self._by_source: Command = (b"EVAL", text)

    def call(self, keys: Sequence[bytes], args: Sequence[bytes | int]) -> asyncio.Future[Any]:
        """Like ``Valkey.call``, and as cheap.

        A node that does not know the script (new, restarted, flushed) gets the same call with the source, unseen by
        the caller. Such a repeated call is carried out after calls made later.
        """
        operands = (len(keys), *keys, *args)
        future = ScriptFuture(loop=asyncio.get_running_loop())
        future.repeat = self._by_source + operands
        self._valkey._submit(pack(self._by_hash + operands), future)
        return future
