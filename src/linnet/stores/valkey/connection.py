"""One connection to one Valkey node, from its first byte to its fall. Every hot read and every push crosses it.

Commands are sent in the order of the calls and answered in that order, so a queue of futures is all the bookkeeping
there is. Commands given in one turn of the event loop leave in one write. A connection that has fallen stays down:
``linnet.stores.valkey.client`` makes the next one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import hiredis

from linnet import spans
from linnet.errors import LinnetError, Unavailable

Command = tuple[bytes | str | int, ...]
# Two to three times as fast as joining by hand. hiredis declares its argument as a tuple of one, and no result.
pack = cast(Callable[[Command], bytes], hiredis.pack_command)

# How finely a time-out is measured. A command is given up between one and 1 + 1/8 time-outs after it was written.
_LOOKS_PER_TIMEOUT: Final = 8

# The node as a whole does not serve now (it starts, or it has become a replica): the connection is given up, so that
# the next one asks for the address anew, a second later.
_NODE_CANNOT: Final = frozenset({"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "BUSY"})
# This command cannot be done now, through no fault of the command; others may be.
_COMMAND_CANNOT: Final = frozenset({"OOM", "MISCONF", "NOREPLICAS", "TRYAGAIN"})
_AWAY_SECONDS: Final = 1.0

# The server is not the one for this key, any more or not yet; it says which is.
_ELSEWHERE: Final = frozenset({"MOVED", "ASK"})

_INCOMPLETE: Final = object()


class ValkeyReplyError(LinnetError):
    """Something went wrong on our side."""

    # Valkey refused one command: a bug in the command, or a script that says no. The connection is fine.
    code = "valkey_reply"

    def __init__(self, reply: str) -> None:
        self.reply = reply
        super().__init__()

    @property
    def word(self) -> str:
        """The reply's first word, Valkey's own error code: ``ERR``, ``WRONGTYPE``, ``NOSCRIPT``."""
        return self.reply.partition(" ")[0]

    def __str__(self) -> str:
        return f"Valkey: {self.reply}"


class ScriptFuture(asyncio.Future[Any]):
    """The answer to come of a script called by its hash. ``repeat`` is the same call with the script's source in it."""

    # No __init__: a second one in Python would be a tenth of what a call costs.
    __slots__ = ("repeat",)
    repeat: Command | None


class RoutedFuture(ScriptFuture):
    """The answer to come from whichever server of a cluster has the slot. ``command`` is what is sent, packed.

    ``history`` is that in which the call was made; ``hops``: how often it was sent on.
    """

    __slots__ = ("command", "history", "hops", "slot")
    command: bytes
    history: int | None
    hops: int
    slot: int


Redirect = Callable[[RoutedFuture, "ValkeyReplyError"], None]
"""Takes a call that its server sent on (MOVED, ASK)."""


def refuse(future: asyncio.Future[Any], cause: str) -> None:
    """Ends a call with Unavailable, unless its caller has already left."""
    if not future.done():
        future.set_exception(Unavailable(cause))
        # Thousands may fail at once, and their callers often look at the first only. asyncio would log all the
        # others as "never retrieved".
        future.exception()


class Connection(asyncio.Protocol):
    """Give it to the event loop's ``create_connection``, then ``greet`` and ``begin``. ``give`` may be used from the
    start.

    ``pending`` holds the futures of all calls without an answer, written or not; ``outgoing`` the commands of those
    not yet written. ``room`` is how long ``pending`` may grow; it is 0 once the connection has fallen, so that the
    hot path needs one comparison for both.
    """

    __slots__ = (
        "_gone",
        "_label",
        "_look_handle",
        "_looks",
        "_loop",
        "_reader",
        "_redirect",
        "_retry_seconds",
        "_timeout_seconds",
        "_transport",
        "_written",
        "cause",
        "is_ready",
        "is_silent",
        "outgoing",
        "pending",
        "retry_at",
        "room",
        "writes",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        label: str,
        timeout_seconds: float,
        retry_seconds: float,
        room: int,
        redirect: Redirect | None = None,
    ) -> None:
        """``retry_seconds`` is how long to leave the node alone if this connection falls before it is ready.

        ``redirect`` takes the calls that the node sends on; without it they fail.
        """
        self.pending: deque[asyncio.Future[Any]] = deque()
        self.outgoing: list[bytes] = []
        self.room = room
        self.writes = 0
        # Why it fell, and the loop's time from when on another may be tried. None while it stands.
        self.cause: str | None = None
        self.retry_at = 0.0
        self._loop = loop
        self._label = label
        self._redirect = redirect
        self._timeout_seconds = timeout_seconds
        self._retry_seconds = retry_seconds
        self._transport: asyncio.WriteTransport | None = None
        self._gone: asyncio.Future[None] = loop.create_future()
        self.is_ready = False
        # It fell because no answer came: whoever waits for the next connect may wait in vain as long again.
        self.is_silent = False
        self._reader = hiredis.Reader(replyError=ValkeyReplyError, errors="replace", notEnoughData=_INCOMPLETE)
        self._written = 0
        self._looks: deque[int] = deque(maxlen=_LOOKS_PER_TIMEOUT)
        self._look_handle: asyncio.TimerHandle | None = None

    # Out

    def give(self, command: bytes, future: asyncio.Future[Any]) -> None:
        """Queues a packed command; it leaves at the end of this turn of the loop. The caller has checked ``room``."""
        outgoing = self.outgoing
        if not outgoing and self.is_ready:
            self._loop.call_soon(self._write)
        outgoing.append(command)
        self.pending.append(future)

    def _write(self) -> None:
        outgoing = self.outgoing
        if not outgoing or self._transport is None:
            return
        self.writes += 1
        self._written += len(outgoing)
        if spans.listener is not None:
            # Answers come in order: with the last one of these the round trip is over. It is told as a part of what
            # asked first in this turn.
            end = spans.listener.begin("valkey", linnet__commands=len(outgoing))
            self.pending[-1].add_done_callback(lambda _: end())
        self._transport.write(b"".join(outgoing))
        outgoing.clear()
        if self._look_handle is None:
            self._look_again()

    async def greet(self, commands: Sequence[Command]) -> list[Any]:
        """Sends ``commands`` ahead of everything that was given before, and returns the answers.

        What was given goes when the caller says ``begin``. Raises ValkeyReplyError or Unavailable when one is refused;
        the caller then lets the connection fall.
        """
        assert self._transport is not None, "greet comes after connection_made"
        futures = [self._loop.create_future() for _ in commands]
        self.pending.extendleft(reversed(futures))
        self._written += len(futures)
        self._transport.write(b"".join(pack(command) for command in commands))
        return await asyncio.gather(*futures)

    def begin(self) -> None:
        """Lets go what was given, unless the connection has fallen."""
        if self.cause is None:
            self.is_ready = True
            self._write()

    # In

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: uvloop's transports do what asyncio's WriteTransport does without being one.
        self._transport = cast(asyncio.WriteTransport, transport)
        if self.cause is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        next_future = self.pending.popleft
        next_reply = self._reader.gets
        try:
            self._reader.feed(data)
            while (reply := next_reply()) is not _INCOMPLETE:
                future = next_future()
                if reply.__class__ is ValkeyReplyError:
                    self._take_error(future, reply)
                    continue
                try:
                    future.set_result(reply)
                except asyncio.InvalidStateError:
                    continue  # The caller was cancelled. Its answer is used up all the same, so the order holds.
        except (hiredis.ProtocolError, IndexError) as error:
            # An IndexError also ends the loop after a fall in it, when the queue has been emptied: no news then.
            self.fall(f"{self._label} sent something that is not an answer ({error})")

    def _take_error(self, future: asyncio.Future[Any], error: ValkeyReplyError) -> None:
        word = error.word
        if word in _NODE_CANNOT:
            cause = f"{self._label} cannot serve now: {error.reply}"
            refuse(future, cause)
            self.fall(cause, retry_after_seconds=_AWAY_SECONDS)
        elif word in _COMMAND_CANNOT:
            refuse(future, f"{self._label} cannot do this now: {error.reply}")
        elif future.done():
            pass
        elif word == "NOSCRIPT" and isinstance(future, ScriptFuture) and future.repeat:
            # Once, so that a script which itself answers NOSCRIPT does not run for ever.
            command, future.repeat = pack(future.repeat), None
            if isinstance(future, RoutedFuture):
                # Whoever it is sent on to need not know the script.
                future.command = command
            self.give(command, future)
        elif word in _ELSEWHERE and self._redirect is not None and isinstance(future, RoutedFuture):
            self._redirect(future, error)
        else:
            future.set_exception(error)

    # The end

    def fall(self, cause: str, *, retry_after_seconds: float = 0.0) -> None:
        """Gives the connection up and fails every pending call, written or not. None is ever repeated.

        Only the first cause counts. The next try may follow at once, unless the caller says otherwise or this one was
        never ready.
        """
        if self.cause is not None:
            return
        self.cause = cause
        wait = retry_after_seconds if self.is_ready else max(retry_after_seconds, self._retry_seconds)
        self.retry_at = self._loop.time() + wait
        self.room = 0
        if self._look_handle is not None:
            self._look_handle.cancel()
            self._look_handle = None
        self.outgoing.clear()
        for future in self.pending:
            refuse(future, cause)
        self.pending.clear()
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.fall(f"{self._label} closed the connection" + (f" ({exc})" if exc else ""))
        if not self._gone.done():
            self._gone.set_result(None)

    async def wait_until_gone(self) -> None:
        """Returns when a fallen connection's socket is closed."""
        if self._transport is not None:
            await self._gone

    # Time-outs

    def _look_again(self) -> None:
        self._look_handle = self._loop.call_later(self._timeout_seconds / _LOOKS_PER_TIMEOUT, self._look)

    def _look(self) -> None:
        """Falls when a command that was written eight looks ago has no answer yet.

        There is no timer per call, only these looks while answers are due. Counting looks instead of seconds keeps a
        process that was itself held up (a long computation, a stopped machine) from blaming the node: the looks it
        missed do not count.
        """
        due = len(self.pending) - len(self.outgoing)
        if due == 0:
            self._look_handle = None
            return
        looks = self._looks
        if len(looks) == _LOOKS_PER_TIMEOUT and looks[0] > self._written - due:
            self.is_silent = True
            self.fall(f"{self._label} did not answer within {self._timeout_seconds:g} seconds")
            return
        looks.append(self._written)
        self._look_again()
