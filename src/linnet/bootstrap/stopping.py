"""Telling a web process at once that it is to end: its streams would otherwise be waited for until it is killed."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType


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
