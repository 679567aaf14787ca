"""The HTTP that clients of a chaos run speak: kept connections and a time limit.

A kept connection may end just as a request goes out. Then, as browsers and libraries do (RFC 9112, 9.3.1), a request
that does no harm twice is sent once more on a new one; ``asked_again`` says how often. Nothing else is tried twice.
"""

import asyncio

import msgspec

_TIMEOUT_SECONDS = 15.0
_MOST_IDLE = 64


class Answer(msgspec.Struct, frozen=True):
    """What came back. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class HttpClient:
    """Of one server on the loopback. As many connections as there are requests at once; the caller bounds these."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []
        self.asked_again = 0

    async def ask(
        self, method: str, path: str, token: str, body: bytes = b"", *, headers: tuple[tuple[str, str], ...] = ()
    ) -> Answer:
        """Raises ``OSError`` or ``EOFError`` when the connection does not last, ``TimeoutError`` after some seconds."""
        lines = [f"{method} {path} HTTP/1.1", "Host: chaos", f"Authorization: Bearer {token}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body or method == "POST":
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        request = "\r\n".join((*lines, "", "")).encode() + body
        is_repeatable = method != "POST" or any(name == "Idempotency-Key" for name, _ in headers)
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            if (kept := self._kept_connection()) is not None:
                try:
                    return await self._send(kept, request)
                except (OSError, EOFError) as error:
                    has_begun = isinstance(error, asyncio.IncompleteReadError) and bool(error.partial)
                    if has_begun or not is_repeatable:
                        raise
                    self.asked_again += 1
            return await self._send(await asyncio.open_connection("127.0.0.1", self._port), request)

    async def _send(self, connection: _Connection, request: bytes) -> Answer:
        try:
            connection[1].write(request)
            answer = await _read(connection[0])
        except BaseException:
            connection[1].transport.abort()
            raise
        if answer.headers.get("connection", "").lower() == "close" or len(self._idle) >= _MOST_IDLE:
            connection[1].close()
        else:
            self._idle.append(connection)
        return answer

    def _kept_connection(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            # One that was closed meanwhile is no failure of anybody's.
            if not connection[0].at_eof() and not connection[1].is_closing():
                return connection
            connection[1].close()
        return None

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in head[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    status = int(head[0].split(" ", 2)[1])
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, headers, await _read_chunks(reader))
    length = int(headers.get("content-length", "0"))
    return Answer(status, headers, await reader.readexactly(length) if length else b"")


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body
