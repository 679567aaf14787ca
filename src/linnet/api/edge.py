"""Around every request: its id, headers that every answer has, its line in the log, its trace, and how long it took.

Plain ASGI around the whole application, so that it also sees what no route answers.
"""

import re
from collections.abc import Iterable
from itertools import count
from typing import Any, cast

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from linnet import logcontext, spans
from linnet.api.limits import MORE_HEADERS
from linnet.api.metrics import UNMATCHED, count_request, known_method
from linnet.clock import Clock
from linnet.domain.addresses import Proxies
from linnet.ids import random_bytes
from linnet.spans import Span

log = structlog.get_logger()

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# What a client that went away before its answer is counted as; nobody is sent it.
_GONE = 499


class Edge:
    """A request keeps a sane ``X-Request-Id`` or is given one; the answer and every line of the log carry it.

    ``logs_requests``: each request is a line, which names no address, neither whose it is nor which was asked for. A
    ``traceparent`` is believed of the proxies that are trusted: others could have everything of theirs traced.
    """

    def __init__(
        self, app: ASGIApp, clock: Clock, *, proxies: Proxies | None = None, logs_requests: bool = False
    ) -> None:
        self._app = app
        self._seconds = clock.steady_seconds
        self._proxies = proxies or Proxies()
        self._logs_requests = logs_requests
        # An id must differ from all others and need not be secret: a counter does, and asks nobody.
        self._process = random_bytes(6).hex().encode()
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
        elif spans.listener is None:
            await self._answer(scope, receive, send, spans.SILENCE)
        else:
            with spans.whole(known_method(scope["method"]), kind="server", parent=self._parent_of(scope)) as span:
                await self._answer(scope, receive, send, span)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send, span: Span) -> None:
        started = self._seconds()
        method: str = scope["method"]
        request_id = self._id_of(scope["headers"])
        added = [(b"x-content-type-options", b"nosniff"), (b"x-request-id", request_id)]
        status = _GONE
        answered = cast(dict[str, Any], scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *added, *answered.get(MORE_HEADERS, ())]
            await send(message)

        said = {"request_id": request_id.decode()}
        if span.trace_id:
            said["trace_id"] = span.trace_id
        token = logcontext.begin(said)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            # The router leaves the template in the scope, a plain path for routes without parameters.
            route: str = answered.get("path_template", UNMATCHED)
            seconds = self._seconds() - started
            count_request(method, route, status, seconds)
            if self._logs_requests:
                milliseconds = round(1000 * seconds, 1)
                log.info("request", method=known_method(method), route=route, status=status, milliseconds=milliseconds)
            if span is not spans.SILENCE:
                _tell(span, known_method(method), route, status, request_id.decode())
            logcontext.end(token)

    def _parent_of(self, scope: HTTPScope) -> str | None:
        client = scope["client"]
        if not self._proxies.is_trusted(client[0] if client else ""):
            return None
        return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)

    def _id_of(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        for name, value in headers:
            if name == b"x-request-id":
                if _SANE_ID.fullmatch(value):
                    return value
                break
        return b"%b-%x" % (self._process, next(self._numbers))


def _tell(span: Span, method: str, route: str, status: int, request_id: str) -> None:
    span.rename(f"{method} {route}")
    span.note(
        http__request__method=method,
        http__route=route,
        http__response__status_code=status,
        linnet__request_id=request_id,
    )
    if status >= 500:
        span.fail()
