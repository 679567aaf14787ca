"""How many requests a web process works on at once, and what becomes of those beyond: told at once to come back.

Without a bound a flood would be taken in whole, and everybody wait for everybody. Requests that write have a bound of
their own, and a share of the database's connections: whatever happens to them, people can still read. Looked at before
anything else, so that turning a request away costs next to nothing. Streams and those who watch the process are let
through; streams have bounds of their own.
"""

from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from prometheus_client import Counter

from linnet.api.problems import MEDIA_TYPE, headers_of, problem_of
from linnet.errors import Unavailable
from linnet.stores.postgres.turnstile import writing

SHED = Counter("linnet_requests_shed", "Requests that were turned away since too many were under way.", ["kind"])

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_FREE = frozenset({"/api/stream", "/stream", "/metrics", "/health/live", "/health/ready"}) | {
    "/api/v1/streaming/user",
    "/api/v1/streaming/user/notification",
}


class SheddingOptions(msgspec.Struct, frozen=True):
    """The most requests of a kind that one process has under way; ``most_reads`` bounds bodies on their way, too."""

    most_reads: int = 2048
    most_writes: int = 256


class Shedding:
    """One per process."""

    def __init__(self, options: SheddingOptions) -> None:
        self._options = options
        self._reads = 0
        self._writes = 0
        self._bodies = 0

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, for no more requests at once than it can take."""

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
            elif scope["method"] not in _READING:
                await self._write(app, scope, receive, send)
            elif scope["path"] in _FREE:
                await app(scope, receive, send)
            elif self._reads >= self._options.most_reads:
                await _refuse(send, "read")
            else:
                self._reads += 1
                try:
                    await app(scope, receive, send)
                finally:
                    self._reads -= 1

        return application

    async def _write(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if self._writes >= self._options.most_writes:
            await _refuse(send, "write")
        elif self._bodies >= self._options.most_reads:
            await _refuse(send, "body")
        else:
            write = _Write(self, receive)
            if not _has_body(scope):
                write.begin()
            try:
                with writing():
                    await app(scope, write.receive, send)
            finally:
                write.end()

    def count(self, *, writes: int = 0, bodies: int = 0) -> None:
        """For requests that write, which say themselves how far they are."""
        self._writes += writes
        self._bodies += bodies

    @property
    def is_full(self) -> bool:
        """Whether no other request may write now."""
        return self._writes >= self._options.most_writes


class _Write:
    """A request that writes. It takes a place once its body is there: who sends slowly must not keep others out."""

    __slots__ = ("_begun", "_receive", "_shedding")

    def __init__(self, shedding: Shedding, receive: Receive) -> None:
        self._shedding = shedding
        self._receive = receive
        self._begun = False
        shedding.count(bodies=1)

    async def receive(self) -> Any:
        """Raises ``Unavailable`` with the end of the body when all places were taken meanwhile."""
        event = await self._receive()
        if not self._begun and not event.get("more_body", False):
            if self._shedding.is_full:
                SHED.labels("write").inc()
                raise Unavailable("too many requests that write are under way")
            self.begin()
        return event

    def begin(self) -> None:
        self._begun = True
        self._shedding.count(writes=1, bodies=-1)

    def end(self) -> None:
        self._shedding.count(**({"writes": -1} if self._begun else {"bodies": -1}))


def _has_body(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False


_ERROR = Unavailable("too many requests are under way")
_BODY = msgspec.json.encode(problem_of(_ERROR))
_HEADERS = [
    (b"content-type", MEDIA_TYPE.encode()),
    (b"content-length", b"%d" % len(_BODY)),
    (b"cache-control", b"no-store"),
    *((name.lower().encode(), value.encode()) for name, value in headers_of(_ERROR).items()),
]


async def _refuse(send: Send, kind: str) -> None:
    SHED.labels(kind).inc()
    await send({"type": "http.response.start", "status": 503, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY, "more_body": False})
