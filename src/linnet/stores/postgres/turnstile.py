"""Who may use a connection, and who waits for one: in order, in a bounded line, and with a share for what writes.

Everything that a request asks of PostgreSQL passes here first, so that the pool behind never has more takers than
connections. Requests that write get only a part of the places: however many of them wait for each other's locks, the
rest is left to those that read.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from prometheus_client import Gauge

from linnet.errors import Unavailable

WAITING = Gauge(
    "linnet_database_pool_waiting", "Requests that wait for a connection.", ["share"], multiprocess_mode="livesum"
)

_writing: ContextVar[bool] = ContextVar("writing", default=False)


@contextmanager
def writing() -> Iterator[None]:
    """What runs in the block counts as one that writes, whatever it asks of the database."""
    token = _writing.set(True)
    try:
        yield
    finally:
        _writing.reset(token)


class Pass:
    """The right to one connection."""

    __slots__ = ("writes",)

    def __init__(self, *, writes: bool) -> None:
        self.writes = writes


class _Line:
    """One of the two lines. Whoever was let in or gave up is taken out when it is their turn."""

    def __init__(self, share: str, longest: int) -> None:
        self.waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.length = 0
        self.longest = longest
        self.gauge = WAITING.labels(share)

    def first(self) -> int | None:
        """The number of who is next, or None."""
        while self.waiting and self.waiting[0][1].done():
            self.waiting.popleft()
        return self.waiting[0][0] if self.waiting else None


class Turnstile:
    """``places`` in all, of which ``write_places`` may be taken by those that write. Not for two event loops."""

    def __init__(self, places: int, write_places: int, max_waiting: int) -> None:
        self._free = places
        self._free_for_writes = min(places, write_places)
        self._reads = _Line("read", max_waiting)
        self._writes = _Line("write", max_waiting)
        self._arrivals = 0

    async def enter(self, patience_seconds: float) -> Pass:
        """Raises ``Unavailable`` at once when the line is too long, and later when nobody leaves in time."""
        granted = Pass(writes=_writing.get())
        line = self._writes if granted.writes else self._reads
        # Nobody is overtaken by those who come later, except who waits for a share that is used up.
        if self._has_place(writes=granted.writes) and line.first() is None:
            self._grant(writes=granted.writes)
            return granted
        if line.length >= line.longest:
            raise Unavailable(f"PostgreSQL: {line.length} wait for a connection already")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        line.waiting.append((self._arrivals, turn))
        line.length += 1
        line.gauge.inc()
        try:
            async with asyncio.timeout(patience_seconds):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            # Let in and told to go in the same moment: the place is somebody else's.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(granted)
            if isinstance(error, TimeoutError):
                cause = f"PostgreSQL: couldn't get a connection after {patience_seconds:.2f} sec"
                raise Unavailable(cause) from None
            raise
        finally:
            line.length -= 1
            line.gauge.dec()
        return granted

    def leave(self, granted: Pass) -> None:
        """Gives the place back; whoever waits longest and may have it gets it."""
        self._free += 1
        self._free_for_writes += granted.writes
        while (line := self._next()) is not None:
            _, turn = line.waiting.popleft()
            self._grant(writes=line is self._writes)
            turn.set_result(None)

    def refuse_all(self, cause: str) -> None:
        """Everybody who waits is told so now."""
        for line in (self._reads, self._writes):
            for _, turn in line.waiting:
                if not turn.done():
                    turn.set_exception(Unavailable(cause))
            line.waiting.clear()

    def _has_place(self, *, writes: bool) -> bool:
        return self._free > 0 and (not writes or self._free_for_writes > 0)

    def _grant(self, *, writes: bool) -> None:
        self._free -= 1
        self._free_for_writes -= writes

    def _next(self) -> _Line | None:
        found: _Line | None = None
        first = self._arrivals + 1
        for line in (self._reads, self._writes):
            number = line.first()
            if number is not None and number < first and self._has_place(writes=line is self._writes):
                found, first = line, number
        return found
