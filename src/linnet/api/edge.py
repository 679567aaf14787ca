"""Around every request: its id, headers that every answer has, and how long it took.

Plain ASGI around the whole application, so that it also sees what no route answers.
"""

import re
from collections.abc import Iterable
from itertools import count
from typing import Any, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from linnet.api.limits import MORE_HEADERS
from linnet.api.metrics import UNMATCHED, count_request
from linnet.clock import Clock
from linnet.ids import random_bytes

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# What a client that went away before its answer is counted as; nobody is sent it.
_GONE = 499


class Edge:
    """A request keeps a sane ``X-Request-Id`` or is given one; the answer and every line of the log carry it."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._seconds = clock.steady_seconds
        # An id must differ from all others and need not be secret: a counter does, and asks nobody.
        self._process = random_bytes(6).hex().encode()
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
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

        tokens = bind_contextvars(request_id=request_id.decode())
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            reset_contextvars(**tokens)
            # The router leaves the template in the scope, a plain path for routes without parameters.
            route: str = scope.get("path_template", UNMATCHED)
            count_request(method, route, status, self._seconds() - started)

    def _id_of(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        for name, value in headers:
            if name == b"x-request-id":
                if _SANE_ID.fullmatch(value):
                    return value
                break
        return b"%b-%x" % (self._process, next(self._numbers))
