"""Answers as ASGI applications.

The bytes of an ``Answer`` are JSON already when it is made; it costs a fraction of what a ``litestar.Response`` does.
"""

from typing import Any

import msgspec
from litestar.types import Receive, Scope, Send

from linnet.read.views.pages import Page, page_json

Header = tuple[bytes, bytes]

# What one person may see is nobody's to keep, not even the browser's after a log-out.
_NO_STORE: Header = (b"cache-control", b"no-store")
_JSON: Header = (b"content-type", b"application/json")

_encoder = msgspec.json.Encoder()


class Answer:
    """A whole answer. To a HEAD request it is sent without its body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: list[Header]) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        # Litestar's word for a scope covers WebSockets too, which have no method.
        body = b"" if scope.get("method") == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body, "more_body": False})


def json_answer(body: bytes, status: int = 200, *more_headers: Header) -> Answer:
    """An answer that is JSON already."""
    length = (b"content-length", b"%d" % len(body))
    return Answer(status, body, [_JSON, _NO_STORE, length, *more_headers])


def view_answer(view: Any, status: int = 200, *more_headers: Header) -> Answer:
    """A view, encoded."""
    return json_answer(_encoder.encode(view), status, *more_headers)


def page_answer(page: Page) -> Answer:
    return json_answer(page_json(page))


def no_content() -> Answer:
    return Answer(204, b"", [_NO_STORE])


def text_answer(body: bytes, content_type: str, *more_headers: Header, cache_control: bytes = b"no-store") -> Answer:
    """Text of any kind."""
    length = (b"content-length", b"%d" % len(body))
    return Answer(
        200, body, [(b"content-type", content_type.encode()), (b"cache-control", cache_control), length, *more_headers]
    )
