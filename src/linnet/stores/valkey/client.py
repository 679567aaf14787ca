"""The Valkey client of the hot path: one shared connection per node, pipelined by itself.

A command costs a few microseconds of CPU, because all commands of one turn of the event loop share a write, a read
and a wake-up. Everything rare (topology, pub/sub) uses redis-py.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from linnet.errors import Unavailable
from linnet.stores.valkey.address import parse_address
from linnet.stores.valkey.connection import Command, Connection, ScriptFuture, ValkeyReplyError, pack, refuse
from linnet.stores.valkey.primary import find_primary

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


class Valkey:
    """One node. Shared by everything in one event loop; not for use from two loops or threads.

    A lost connection is made again by the next call, at once the first time, then at most every 50 ms, doubling to
    1 s. In between calls fail fast; while a connect is under way they wait for it. A call that fails with Unavailable
    may have been carried out: only the caller knows whether it may be repeated.
    """

    def __init__(self, options: ValkeyOptions) -> None:
        """Does no I/O. Raises ValueError with a sentence when the URL cannot be read."""
        self._options = options
        self._address = parse_address(options.url)
        self._label = f"Valkey at {self._address.label}"
        self._tls = ssl.create_default_context() if self._address.tls else None
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._tries = 0
        self._closed = False
        self._earlier_writes = 0
        self._new_future: Callable[[], asyncio.Future[Any]] = self._first_future

    async def open(self) -> None:
        """Connects now, whatever the back-off says. Raises Unavailable when that fails; calls will try again."""
        self._closed = False
        connection = self._connection
        if connection is None or connection.cause is not None:
            connection = self._connect()
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        if connection.cause is not None:
            raise Unavailable(connection.cause)

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
        connection.fall(f"the connection to {self._label} was closed on purpose")
        await connection.wait_until_gone()
        self._connection = None
        self._connecting = None
        self._earlier_writes += connection.writes
        self._tries = 0
        self._new_future = self._first_future

    def call(self, *args: bytes | str | int) -> asyncio.Future[Any]:
        """Sends one command at the end of this turn of the event loop; the future brings the answer, in bytes.

        The future fails with ValkeyReplyError when Valkey refuses the command, with Unavailable when Valkey cannot be
        reached, does not answer in time, or has too many calls waiting. Awaiting several futures one after the other
        takes as long as ``asyncio.gather`` and costs a fifth of its CPU.
        """
        future = self._new_future()
        self._submit(pack(args), future)
        return future

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
            return self._connect()
        elif connection.cause is None:
            refuse(future, f"{self._label} is overloaded: {len(connection.pending)} calls wait for an answer")
        elif asyncio.get_running_loop().time() >= connection.retry_at:
            return self._connect()
        else:
            refuse(future, connection.cause)
        return None

    def _first_future(self) -> asyncio.Future[Any]:
        self._new_future = asyncio.get_running_loop().create_future
        return self._new_future()

    def _connect(self) -> Connection:
        """Starts to connect. Calls can be given to the connection at once; they leave when it is ready."""
        loop = asyncio.get_running_loop()
        if self._connection is not None:
            self._earlier_writes += self._connection.writes
        self._connection = Connection(
            loop,
            label=self._label,
            timeout_seconds=self._options.timeout_seconds,
            retry_seconds=min(_FIRST_RETRY_SECONDS * 2 ** min(self._tries, 10), _MAX_RETRY_SECONDS),
            room=_MAX_PENDING,
        )
        # Counted now, and back to 0 when the connection is ready: a failed call may wake before its connect ends.
        self._tries += 1
        self._connecting = loop.create_task(self._make_ready(self._connection))
        return self._connection

    async def _make_ready(self, connection: Connection) -> None:
        cause = f"the connect to {self._label} was broken off"
        seconds = self._options.connect_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._dial(connection)
                *_, role, _ = await connection.greet(self._greeting())
            if role[0] != b"master":
                # Perhaps an old primary, and the address or Sentinel has not heard of the new one yet.
                raise Unavailable(f"{self._label} is a replica")
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
        greeting.append(("ROLE",))
        # The others are answered by a node that still loads its data. This one is not.
        greeting.append(("PING",))
        return greeting


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
