"""Speaks to push services (RFC 8030), whose addresses were chosen by whoever subscribed: nobody we know.

So an address is looked up here, and a connection is made to what was looked at and to nothing else: what a name means a
moment later does not matter. No redirect is followed, no proxy or other setting of the environment is asked, and of an
answer no more is read than its head and a little.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from typing import Any, Final

import certifi
import httpcore
import msgspec

from linnet.clock import Clock
from linnet.domain.push import is_public

_LONGEST_SECONDS: Final = 10.0
_MOST_READ_BYTES: Final = 4096


class Reply(msgspec.Struct, frozen=True):
    """``retry_after_seconds``: when to come again, if it was said."""

    status: int
    retry_after_seconds: float | None = None


class Refused(Exception):
    """The address is none that this server may speak to."""


class Unreachable(Exception):
    """There was no answer, or none in time."""


class PushService:
    """One per process. Keeps some connections open for the next message."""

    def __init__(self, clock: Clock, *, allows_private: bool, tls: ssl.SSLContext | None = None) -> None:
        self._clock = clock
        self._allows_private = allows_private
        self._tls = tls
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def post(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        """Raises ``Refused`` or ``Unreachable``."""
        pool = self._open()
        try:
            async with (
                asyncio.timeout(_LONGEST_SECONDS),
                pool.stream(
                    "POST",
                    endpoint,
                    headers=[*headers.items(), ("Content-Length", str(len(body))), ("User-Agent", "linnet")],
                    content=body,
                ) as response,
            ):
                said = {name.lower(): value for name, value in response.headers}
                read = 0
                async for chunk in response.aiter_stream():
                    read += len(chunk)
                    if read > _MOST_READ_BYTES:
                        # Leaving closes the connection with the rest.
                        break
                return Reply(response.status, self._retry_after(said.get(b"retry-after")))
        except Refused:
            raise
        except (TimeoutError, OSError, httpcore.TimeoutException, httpcore.NetworkError) as error:
            raise Unreachable(type(error).__name__) from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, ssl.SSLError, ValueError) as error:
            # What spoke was no push service, or the address is one that nothing can be asked at.
            raise Unreachable(type(error).__name__) from error

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None

    def _open(self) -> httpcore.AsyncConnectionPool:
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=self._tls or ssl.create_default_context(cafile=certifi.where()),
                max_connections=64,
                max_keepalive_connections=16,
                keepalive_expiry=30.0,
                network_backend=_Careful(allows_private=self._allows_private),
            )
        return self._pool

    def _retry_after(self, raw: bytes | None) -> float | None:
        if raw is None:
            return None
        text = raw.decode("latin-1").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self._clock.now_ms() / 1000)
        except (TypeError, ValueError, OverflowError):
            return None


class _Careful(httpcore.AsyncNetworkBackend):
    """Connects to addresses of the internet alone, and to the very ones that were looked at."""

    def __init__(self, *, allows_private: bool) -> None:
        self._allows_private = allows_private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """As its base class has it. Raises ``Refused``."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        if not self._allows_private and not all(map(is_public, addresses)):
            # Also where only some are: whoever says so has no good reason.
            raise Refused
        failed: Exception | None = None
        for address in addresses[:4]:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except httpcore.ConnectError as error:
                failed = error
        raise failed or httpcore.ConnectError("the name has no address")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise Refused

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
