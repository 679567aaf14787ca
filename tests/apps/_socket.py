"""A WebSocket client that is just enough (RFC 6455): what it is told is read as it stands on the wire."""

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from linnet.ids import random_bytes

_DEADLINE_SECONDS = 120.0


class Socket:
    """Open, or refused with a status other than 101. ``protocol`` is what the server chose."""

    def __init__(self, url: str, path: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=_DEADLINE_SECONDS)
        self._file = self._socket.makefile("rb")
        lines = {
            "Host": parts.netloc,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(random_bytes(16)).decode(),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        self.status = int(self._file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def say(self, body: Any) -> None:
        """One text frame, as short as all of ours are."""
        text = json.dumps(body).encode()
        assert len(text) < 126
        mask = random_bytes(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))
        self._socket.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)

    def hear(self) -> Any:
        """The next text frame as JSON; waits for it."""
        while True:
            kind, length = self._file.read(2)
            if length == 126:
                length = int.from_bytes(self._file.read(2))
            elif length == 127:
                length = int.from_bytes(self._file.read(8))
            content = self._file.read(length)
            assert kind & 0x0F != 8, f"closed: {content!r}"
            if kind & 0x0F == 1:
                return json.loads(content)

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@contextmanager
def opened(url: str, path: str, **headers: str) -> Iterator[Socket]:
    made = Socket(url, path, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        yield made
    finally:
        made.close()
