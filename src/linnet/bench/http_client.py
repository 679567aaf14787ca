"""A small HTTP client for load: one request at a time on each kept-alive connection, with as little Python as it takes.

A client that costs as much as the server measures itself. This one speaks only to linnet, on the loopback.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import msgspec

_TIMEOUT_SECONDS = 30.0


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    body: bytes


def get(path: str, token: str | None = None) -> bytes:
    """A request, ready to be sent any number of times."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{_authorization(token)}\r\n".encode()


def post(path: str, token: str | None, body: bytes) -> bytes:
    """A request with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\n{_authorization(token)}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def empty(method: str, path: str, token: str) -> bytes:
    """A request of any method, without a body."""
    return f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{_authorization(token)}Content-Length: 0\r\n\r\n".encode()


def _authorization(token: str | None) -> str:
    return "" if token is None else f"Authorization: Bearer {token}\r\n"


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._received = b""
        self._needed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(f"the server closed the connection: {exc}"))
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        if len(self._received) < self._needed:
            return
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._received[:head_end].lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        self._needed = head_end + 4 + length
        if len(self._received) < self._needed:
            return
        answer = Answer(int(head[9:12]), self._received[head_end + 4 : self._needed])
        self._received, self._needed = self._received[self._needed :], 0
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    def send(self, request: bytes) -> "asyncio.Future[Answer]":
        if self._transport is None:
            raise ConnectionError("the connection is closed")
        self._waiting = self._loop.create_future()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Client:
    """A bounded number of connections; a request that finds none free waits for one."""

    def __init__(self, connections: list[_Connection]) -> None:
        self._free: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()
        for connection in connections:
            self._free.put_nowait(connection)

    async def send(self, request: bytes) -> Answer:
        """Raises ``TimeoutError`` or ``ConnectionError``."""
        connection = await self._free.get()
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await connection.send(request)
        finally:
            self._free.put_nowait(connection)


@asynccontextmanager
async def open_client(port: int, *, connections: int) -> AsyncIterator[Client]:
    """A client of the server at this port of the loopback."""
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(_Connection, "127.0.0.1", port))[1] for _ in range(connections)]
    try:
        yield Client(opened)
    finally:
        for connection in opened:
            connection.close()
