"""What is let through when a process has as many requests under way as it takes."""

from typing import Any, cast

import pytest
from litestar.types import HTTPScope, Message, Receive, Scope, Send

from linnet.bootstrap.shedding import Shedding, SheddingOptions


async def status_of(path: str, method: str = "GET") -> int:
    """What a process answers that takes no request at all."""
    statuses: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    shedding = Shedding(SheddingOptions(most_reads=0, most_writes=0)).around(app)
    # All that it looks at.
    scope = cast(HTTPScope, {"type": "http", "method": method, "path": path, "headers": []})
    await shedding(scope, receive, send)
    [status] = statuses
    return status


@pytest.mark.parametrize("path", ["/api/stream", "/stream", "/metrics", "/health/live", "/health/ready"])
async def test_streams_and_those_who_watch_are_let_through(path: str) -> None:
    assert await status_of(path) == 200


@pytest.mark.parametrize(
    "path", ["/", "/api/timelines/home", "/api/users/by-username/stream", "/@metrics", "/health/other", "/a/stream"]
)
async def test_nobody_else_is_whatever_their_path_looks_like(path: str) -> None:
    assert await status_of(path) == 503


async def test_a_stream_cannot_be_written_to() -> None:
    assert await status_of("/api/stream", "POST") == 503
