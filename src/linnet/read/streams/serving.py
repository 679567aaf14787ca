"""A stream and its client: each ends with the other. Plain ASGI, for whichever edge has found out who looks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from linnet.read.hydration.viewers import Viewer
from linnet.read.streams.stream import Stream, StreamWish
from linnet.read.streams.streams import Streams

log = structlog.get_logger()

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = (
    (b"content-type", MEDIA_TYPE.encode()),
    (b"cache-control", b"no-store"),
    # Proxies that gather an answer before they pass it on would pass nothing on.
    (b"x-accel-buffering", b"no"),
)

# What ASGI says of them; each framework has types of its own.
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


async def serve_stream(streams: Streams, viewer: Viewer, wish: StreamWish, receive: Receive, send: Send) -> None:
    """Answers with a stream until it ends, or its client does. Raises what ``Streams.open`` does, with nothing sent."""
    stream = await streams.open(viewer, wish)
    try:
        await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS]})
        leaving = asyncio.create_task(_end_with_client(stream, receive))
        try:
            await _pass_on(stream, send, send_seconds=streams.options.send_seconds)
            if not leaving.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            # The answer was not ended, so the connection is cut.
            log.info("a stream's client reads too slowly", user_id=viewer.user_id)
        except Exception as error:
            # The answer has begun: there is no other any more.
            log.error("a stream failed", user_id=viewer.user_id, exc_info=error)
        finally:
            leaving.cancel()
    finally:
        streams.close(stream)


async def _pass_on(stream: Stream, send: Send, *, send_seconds: float) -> None:
    async for chunk in stream:
        # Takes its time when the kernel has its hands full of what the client has not read.
        async with asyncio.timeout(send_seconds):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _end_with_client(stream: Stream, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()
