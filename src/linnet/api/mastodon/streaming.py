"""Live updates: server-sent events for one stream, and a WebSocket for several, over linnet's own streams."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import CORS, error_answer, raw_answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.happenings import Happening
from linnet.api.mastodon.hearing import EVENTS, SILENT, Hearing, Name, is_of_crowd
from linnet.api.mastodon.params import Params
from linnet.api.params import parse_id
from linnet.domain.scopes import covers
from linnet.errors import Invalid, LinnetError, ListNotFound
from linnet.read.hydration.viewers import Viewer
from linnet.read.streams import StreamWish
from linnet.read.streams.serving import HEADERS
from linnet.read.timelines.lists import list_screen

log = structlog.get_logger()

WEBSOCKET_PATH: Final = "/api/v1/streaming"

_TAGGED: Final = frozenset(("hashtag", "hashtag:local"))
_SCOPES: Final = {"user:notification": "read:notifications"}
_SCOPE: Final = "read:statuses"
_MOST_FRAME_BYTES: Final = 4096


class _Frame(msgspec.Struct, frozen=True):
    stream: list[str]
    event: str
    payload: str


class _Wish(msgspec.Struct, frozen=True):
    type: str
    stream: str
    tag: str = ""
    list: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    error: str
    status: int


async def get_health(call: Call) -> Answer:
    """That streams are answered here."""
    return raw_answer(b"OK", media_type=b"text/plain")


def names_in(query: Params) -> list[Name]:
    """The streams that an address names."""
    return [_name_of(stream, query.text("tag"), query.text("list")) for stream in query.texts("stream")]


def _name_of(stream: str, tag: str, list_id: str) -> Name:
    if stream == "list":
        return (stream, list_id)
    return (stream, tag) if stream in _TAGGED else (stream,)


async def get_user(call: Call) -> Answer:
    """One's home timeline, and one's notifications."""
    return _Events(call, ("user",))


async def get_notifications(call: Call) -> Answer:
    """One's notifications alone."""
    return _Events(call, ("user:notification",))


async def get_public(call: Call) -> Answer:
    """Everyone's tweets."""
    return _Events(call, ("public",))


async def get_local(call: Call) -> Answer:
    """The same: all are from here."""
    return _Events(call, ("public:local",))


async def get_remote(call: Call) -> Answer:
    """None are from elsewhere."""
    return _Events(call, ("public:remote",))


async def get_direct(call: Call) -> Answer:
    """One's conversations, when something came in them."""
    return _Events(call, ("direct",))


async def get_tag(call: Call) -> Answer:
    """What carries a tag."""
    return _Events(call, _tagged("hashtag", call))


async def get_local_tag(call: Call) -> Answer:
    """The same."""
    return _Events(call, _tagged("hashtag:local", call))


async def get_list(call: Call) -> Answer:
    """What the members of one of one's lists write."""
    text = call.query().text("list")
    await list_screen(call.read, call.me, parse_id(text) or 0)
    return _Events(call, ("list", text))


def _tagged(stream: str, call: Call) -> Name:
    tag = call.query().text("tag")
    if not tag:
        raise Invalid.field("tag", "Which tag?")
    return (stream, tag)


class _Events(Answer):
    """An answer that goes on until its client has enough."""

    __slots__ = ("_call", "_name")

    def __init__(self, call: Call, name: Name) -> None:
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
        lock = asyncio.Lock()

        async def write(chunk: bytes) -> None:
            async with lock, asyncio.timeout(streams.options.send_seconds):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

        async def say(name: Name, one: Happening) -> None:
            await write(_event(one))

        async def beat() -> None:
            await write(b":thump\n\n")

        hearing = Hearing(call, stream)
        try:
            await hearing.add(self._name)
            await send({"type": "http.response.start", "status": 200, "headers": self.headers})
            # From here on it is heard, and the client knows.
            await write(b":)\n\n")
            await hearing.tell(say, beat)
            if not leaving.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, LinnetError) as error:
            # The answer was not ended, so the connection is cut.
            log.info("a stream of an app ended", cause=str(error))
        finally:
            leaving.cancel()
            streams.close(stream)


def _event(happening: Happening) -> bytes:
    return f"event: {happening.event}\ndata: {happening.payload}\n\n".encode()


async def _end_with_client(end: Any, receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    end()


async def serve_socket(call: Call, viewer: Viewer, first: Iterable[Name], receive: Any, send: Any) -> None:
    """A WebSocket that was accepted, until one side has enough. ``first``: streams that its address named.

    A client that names none says later which it wants to hear.
    """
    streams = call.services.streams
    try:
        stream = await streams.open(viewer, StreamWish())
    except LinnetError:
        await send({"type": "websocket.close", "code": 1013})
        return
    lock = asyncio.Lock()
    hearing = Hearing(call, stream)

    async def say(frame: msgspec.Struct) -> None:
        # Several tasks say something, and each frame has to be whole.
        async with lock, asyncio.timeout(streams.options.send_seconds):
            await send({"type": "websocket.send", "text": msgspec.json.encode(frame).decode()})

    async def say_one(name: Name, one: Happening) -> None:
        await say(_Frame(list(name), one.event, one.payload))

    async def keep_quiet() -> None:
        """A socket has beats of its own."""

    async def subscribe(name: Name, *, wanted: bool) -> None:
        refusal = _refusal(viewer, name)
        if refusal is not None:
            await say(refusal)
        elif wanted:
            try:
                await hearing.add(name)
            except ListNotFound:
                await say(_Refusal("Record not found", 404))
        else:
            hearing.remove(name)

    async def listen() -> None:
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                text = message.get("text") or ""
                try:
                    wish = msgspec.json.decode(text[:_MOST_FRAME_BYTES], type=_Wish)
                except (msgspec.DecodeError, msgspec.ValidationError):
                    continue
                if wish.type in ("subscribe", "unsubscribe"):
                    await subscribe(_name_of(wish.stream, wish.tag, wish.list), wanted=wish.type == "subscribe")
        finally:
            stream.end()

    listening = asyncio.create_task(listen())
    try:
        for name in first:
            await subscribe(name, wanted=True)
        await hearing.tell(say_one, keep_quiet)
        if not listening.done():
            await send({"type": "websocket.close", "code": 1001})
    except (TimeoutError, LinnetError) as error:
        log.info("a socket of an app ended", cause=str(error))
        with suppress(Exception):
            await send({"type": "websocket.close", "code": 1011})
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        streams.close(stream)


def _refusal(viewer: Viewer, name: Name) -> _Refusal | None:
    """Why somebody does not hear a stream; None: they do."""
    if name[0] in _TAGGED and not name[1]:
        return _Refusal("Missing tag name parameter", 400)
    if name[0] not in EVENTS and name[0] not in SILENT and not is_of_crowd(name):
        return _Refusal("Unknown stream type", 400)
    if viewer.grant is not None and not covers(viewer.grant.scopes, _SCOPES.get(name[0], _SCOPE)):
        return _Refusal("Access token does not have the required scopes", 401)
    return None


_READ: Final = ("read:statuses",)

ROUTES = (
    Route("GET", f"{WEBSOCKET_PATH}/health", get_health, access="everyone"),
    Route("GET", f"{WEBSOCKET_PATH}/user", get_user, _READ),
    Route("GET", f"{WEBSOCKET_PATH}/user/notification", get_notifications, ("read:notifications",)),
    Route("GET", f"{WEBSOCKET_PATH}/public", get_public, _READ),
    Route("GET", f"{WEBSOCKET_PATH}/public/local", get_local, _READ),
    Route("GET", f"{WEBSOCKET_PATH}/public/remote", get_remote, _READ, has="empty"),
    Route("GET", f"{WEBSOCKET_PATH}/hashtag", get_tag, _READ),
    Route("GET", f"{WEBSOCKET_PATH}/hashtag/local", get_local_tag, _READ),
    Route("GET", f"{WEBSOCKET_PATH}/list", get_list, _READ),
    Route("GET", f"{WEBSOCKET_PATH}/direct", get_direct, _READ),
)
