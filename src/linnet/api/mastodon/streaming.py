"""Live updates: server-sent events for one stream, and a WebSocket for several, over linnet's own streams."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, suppress
from typing import Any, Final

import msgspec
import structlog

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import CORS, error_answer, raw_answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.happenings import Happening, happenings
from linnet.domain.scopes import covers
from linnet.errors import LinnetError
from linnet.read.hydration.viewers import Viewer
from linnet.read.streams import StreamWish
from linnet.read.streams.serving import HEADERS

log = structlog.get_logger()

WEBSOCKET_PATH: Final = "/api/v1/streaming"

# Which happenings a stream has in it, and which scope opens it.
_EVENTS: Final = {
    "user": frozenset(("update", "delete", "notification")),
    "user:notification": frozenset(("notification",)),
    # Of these nothing ever happens here.
    "direct": frozenset[str](),
}
_SCOPES: Final = {"user": "read:statuses", "user:notification": "read:notifications", "direct": "read:statuses"}
_MOST_FRAME_BYTES: Final = 4096


class _Frame(msgspec.Struct, frozen=True):
    stream: list[str]
    event: str
    payload: str


class _Wish(msgspec.Struct, frozen=True):
    type: str
    stream: str


class _Refusal(msgspec.Struct, frozen=True):
    error: str
    status: int


async def get_health(call: Call) -> Answer:
    """That streams are answered here."""
    return raw_answer(b"OK", media_type=b"text/plain")


async def get_user(call: Call) -> Answer:
    """One's home timeline, and one's notifications."""
    return _Events(call, "user")


async def get_notifications(call: Call) -> Answer:
    """One's notifications alone."""
    return _Events(call, "user:notification")


class _Events(Answer):
    """An answer that goes on until its client has enough."""

    __slots__ = ("_call", "_name")

    def __init__(self, call: Call, name: str) -> None:
        super().__init__(200, b"", [*HEADERS, *CORS])
        self._call = call
        self._name = name

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        call, streams = self._call, self._call.services.streams
        if scope.get("method") == "HEAD":
            await super().__call__(scope, receive, send)
            return
        try:
            stream = await streams.open(call.actor, StreamWish())
        except LinnetError as error:
            # Nothing was sent yet, so it can be said.
            await error_answer(error)(scope, receive, send)
            return
        leaving = asyncio.create_task(_end_with_client(stream.end, receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.headers})
            # From here on it is heard, and the client knows.
            await send({"type": "http.response.body", "body": b":)\n\n", "more_body": True})
            async with aclosing(happenings(call, stream)) as heard:
                async for one in heard:
                    chunk = _event(one) if one.event in (*_EVENTS[self._name], "beat") else b""
                    if chunk:
                        async with asyncio.timeout(streams.options.send_seconds):
                            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if not leaving.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, LinnetError) as error:
            # The answer was not ended, so the connection is cut.
            log.info("a stream of an app ended", cause=str(error))
        finally:
            leaving.cancel()
            streams.close(stream)


def _event(happening: Happening) -> bytes:
    if happening.event == "beat":
        return b":thump\n\n"
    return f"event: {happening.event}\ndata: {happening.payload}\n\n".encode()


async def _end_with_client(end: Any, receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    end()


async def serve_socket(call: Call, viewer: Viewer, first: Iterable[str], receive: Any, send: Any) -> None:
    """A WebSocket that was accepted, until one side has enough. ``first``: streams that its address named.

    A client that names none says later which it wants to hear.
    """
    streams = call.services.streams
    names: set[str] = set()
    try:
        stream = await streams.open(viewer, StreamWish())
    except LinnetError:
        await send({"type": "websocket.close", "code": 1013})
        return
    lock = asyncio.Lock()

    async def say(frame: msgspec.Struct) -> None:
        # Two tasks say something, and each frame has to be whole.
        async with lock, asyncio.timeout(streams.options.send_seconds):
            await send({"type": "websocket.send", "text": msgspec.json.encode(frame).decode()})

    async def subscribe(name: str, *, wanted: bool) -> None:
        refusal = _refusal(viewer, name)
        if refusal is not None:
            await say(refusal)
        elif wanted:
            names.add(name)
        else:
            names.discard(name)

    async def listen() -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            text = message.get("text") or ""
            try:
                wish = msgspec.json.decode(text[:_MOST_FRAME_BYTES], type=_Wish)
            except (msgspec.DecodeError, msgspec.ValidationError):
                continue
            if wish.type in ("subscribe", "unsubscribe"):
                await subscribe(wish.stream, wanted=wish.type == "subscribe")
        stream.end()

    async def tell() -> None:
        async with aclosing(happenings(call, stream)) as heard:
            await _tell(heard, names, say)

    listening = asyncio.create_task(listen())
    try:
        for name in first:
            await subscribe(name, wanted=True)
        await tell()
        if not listening.done():
            await send({"type": "websocket.close", "code": 1001})
    except (TimeoutError, LinnetError) as error:
        log.info("a socket of an app ended", cause=str(error))
        with suppress(Exception):
            await send({"type": "websocket.close", "code": 1011})
    finally:
        listening.cancel()
        streams.close(stream)


async def _tell(heard: AsyncIterator[Happening], names: set[str], say: Any) -> None:
    async for one in heard:
        for name in sorted(names):
            if one.event in _EVENTS[name]:
                await say(_Frame([name], one.event, one.payload))


def _refusal(viewer: Viewer, name: str) -> _Refusal | None:
    """Why somebody does not hear a stream; None: they do."""
    if name not in _EVENTS:
        return _Refusal("Unknown stream type", 400)
    if viewer.grant is not None and not covers(viewer.grant.scopes, _SCOPES[name]):
        return _Refusal("Access token does not have the required scopes", 401)
    return None


ROUTES = (
    Route("GET", f"{WEBSOCKET_PATH}/health", get_health, access="everyone"),
    Route("GET", f"{WEBSOCKET_PATH}/user", get_user, ("read:statuses",)),
    Route("GET", f"{WEBSOCKET_PATH}/user/notification", get_notifications, ("read:notifications",)),
)
