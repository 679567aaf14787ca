"""A way to PostgreSQL that can be closed: what is on it stands still, as if the server, or the network, did.

Nobody is told: connections stay open, new ones are taken, and no byte comes through until the way is open again; then
all that was sent arrives. A thread of its own carries, for tests that ask real processes.
"""

import os
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Strait:
    """``url`` is the database beyond."""

    def __init__(self, database_url: str, port: int = 0) -> None:
        words = {name: str(value) for name, value in conninfo_to_dict(database_url).items()}
        self._socket = str(Path(words["host"]) / f".s.PGSQL.{words.get('port', '5432')}")
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self._others: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._bell, self._ring = os.pipe()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._open = threading.Event()
        self._open.set()
        self._ended = False
        self._stands_still = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="strait", daemon=True)
        self._thread.start()
        self.url = make_conninfo(database_url, host="127.0.0.1", port=self._listener.getsockname()[1])

    @property
    def holds_something(self) -> bool:
        """Whether somebody waits to be let over."""
        with selectors.DefaultSelector() as looking:
            for each in (self._listener, *self._others):
                looking.register(each, selectors.EVENT_READ)
            return not self._open.is_set() and bool(looking.select(0))

    @property
    def crossings(self) -> int:
        """How many connections lead over it."""
        return len(self._others) // 2

    def close_way(self) -> None:
        """Once it returns nothing comes through."""
        self._stands_still.clear()
        self._open.clear()
        os.write(self._ring, b".")
        assert self._stands_still.wait(60)

    def open_way(self) -> None:
        self._open.set()

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.close_way()
        try:
            yield
        finally:
            self.open_way()

    def end(self) -> None:
        """All connections fall, and new ones are refused."""
        if self._ended:
            return
        self._ended = True
        self._open.set()
        os.write(self._ring, b".")
        self._thread.join(60)
        for each in (*self._others, self._listener):
            each.close()
        self._selector.close()
        os.close(self._bell)
        os.close(self._ring)

    def _carry(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select():
                if not self._open.is_set():
                    break
                if key.fileobj is self._listener:
                    self._take_over()
                elif isinstance(key.fileobj, socket.socket):
                    self._pass_on(key.fileobj)
                else:
                    os.read(self._bell, 1)
            if not self._open.is_set():
                self._stands_still.set()
                self._open.wait()

    def _take_over(self) -> None:
        near, _ = self._listener.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._socket)
        for one, other in ((near, far), (far, near)):
            self._others[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, one: socket.socket) -> None:
        other = self._others.get(one)
        if other is None:
            # Ended by the other side a moment ago.
            return
        with suppress(OSError):
            if data := one.recv(65536):
                other.sendall(data)
                return
        for each in (one, other):
            del self._others[each]
            self._selector.unregister(each)
            each.close()


@contextmanager
def open_strait(database_url: str, port: int = 0) -> Iterator[Strait]:
    strait = Strait(database_url, port)
    try:
        yield strait
    finally:
        strait.end()
