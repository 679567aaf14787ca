"""How a web process ends: first it says so to those who choose where requests go, then it finishes what it has.

``EARLY`` is sent by its main process. From then on it answers as ever, but says with each answer that the connection
ends there, and that it is not ready: balancers and clients go elsewhere. Sent again, it says that new connections are
for others, where the socket is shared with others. After a while comes the signal to end, and its streams are told at
once: they would otherwise be waited for until the process is killed.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from litestar.types import ASGIApp, Message, Receive, Scope, Send

EARLY = signal.SIGUSR1


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Inside the block a signal to end is obeyed on the spot.

    For a process that is starting: it has answered nobody, and what it waits for may be long in coming.
    """
    servers_own = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in servers_own:
        signal.signal(number, lambda number, frame: os._exit(0))
    try:
        yield
    finally:
        for number, handler in servers_own.items():
            signal.signal(number, handler)


def call_on_stop(stop: Callable[[], None]) -> None:
    """Calls ``stop`` in the running event loop when this process is told to end, before the server's own handlers.

    The server lets open answers finish before it tells the application of the end: for streams the wrong order.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        _put_before(number, lambda: loop.call_soon_threadsafe(stop))


def _put_before(number: signal.Signals, stop: Callable[[], object]) -> None:
    servers_own = signal.getsignal(number)

    def handle(signal_number: int, frame: FrameType | None) -> None:
        stop()
        if callable(servers_own):
            servers_own(signal_number, frame)

    signal.signal(number, handle)


class Ending:
    """Whether this process was told that it ends soon."""

    def __init__(self) -> None:
        self.is_near = False

    def listen(self) -> None:
        """From now on ``EARLY`` is heard. To be called in the event loop."""
        asyncio.get_running_loop().add_signal_handler(EARLY, self._come_near)

    def _come_near(self) -> None:
        if self.is_near:
            _listen_no_more()
        self.is_near = True

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, ending its connections when the end is near."""

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, _last(send) if self.is_near else send)

        return application


def _last(send: Send) -> Send:
    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return send_last


def _listen_no_more() -> None:
    """Puts sockets that nobody connects to in the place of those that this process listens at.

    The server has no word for it, and does not notice: no connection comes any more. The sockets themselves live on
    where others have them; connections wait there for whoever accepts them.
    """
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            given = socket.socket(fileno=os.dup(int(name)))
            with given:
                if given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
                        deaf.setblocking(False)
                        os.dup2(deaf.fileno(), int(name), inheritable=False)
