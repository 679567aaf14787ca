"""A few read-only pages over HTTP for those who watch a process that serves nobody else.

It runs in the event loop of the process on purpose: a loop that hangs must not look alive.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import msgspec

_REQUEST_TIMEOUT_SECONDS = 5.0
_MAX_HEADER_BYTES = 16 * 1024


class Page(msgspec.Struct, frozen=True):
    """An answer."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Pages = Mapping[str, Callable[[], Awaitable[Page]]]
"""By path."""


@asynccontextmanager
async def serve_pages(pages: Pages, *, host: str, port: int) -> AsyncIterator[int]:
    """Serves inside the block; gives the port. Raises ``OSError`` when the address cannot be had."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client that is slow or gone is its own problem.
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_TIMEOUT_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_encode(await _find_page(pages, head), with_body=not head.startswith(b"HEAD ")))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, host, port, limit=_MAX_HEADER_BYTES)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def _find_page(pages: Pages, head: bytes) -> Page:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1")
    if path not in pages:
        return Page(404, b"There is nothing here.\n")
    if method not in (b"GET", b"HEAD"):
        return Page(405, b"This can only be read.\n")
    return await pages[path]()


_REASONS = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


def _encode(page: Page, *, with_body: bool) -> bytes:
    head = (
        f"HTTP/1.1 {page.status} {_REASONS[page.status]}\r\n"
        f"Content-Type: {page.content_type}\r\nContent-Length: {len(page.body)}\r\n"
        + ("Allow: GET, HEAD\r\n" if page.status == 405 else "")
        + "Connection: close\r\n\r\n"
    )
    return head.encode() + (page.body if with_body else b"")
