"""What the interface works with, handed over by ``bootstrap``."""

from collections.abc import Awaitable, Callable

import msgspec

from linnet.domain.addresses import Proxies
from linnet.read.deps import ReadDeps
from linnet.read.hydration.viewers import Viewers
from linnet.read.streams import Streams
from linnet.stores.valkey.limits import Limits
from linnet.write.actions.passwords import Passwords
from linnet.write.deps import WriteDeps


class ApiOptions(msgspec.Struct, frozen=True):
    """``public_url`` is where people reach this server, without a slash at the end; empty: wherever they asked."""

    public_url: str = ""
    version: str = "0"
    max_body_bytes: int = 64 * 1024
    body_timeout_seconds: float = 20.0
    upload_timeout_seconds: float = 60.0
    docs_enabled: bool = True
    logs_requests: bool = False


class Check(msgspec.Struct, frozen=True):
    """One thing that must be in order. ``sentence`` says what is not, for anybody to read."""

    name: str
    ok: bool
    sentence: str = ""


class Readiness(msgspec.Struct, frozen=True):
    """Whether this process can serve now, and why not. ``degraded``: it can, more slowly, for want of these."""

    ready: bool
    checks: list[Check]
    degraded: list[str] = []


class ApiServices(msgspec.Struct, frozen=True):
    """One per process. ``render_metrics`` returns the Prometheus text and its content type.

    Without ``limits`` nobody is held to any.
    """

    read: ReadDeps
    write: WriteDeps
    viewers: Viewers
    streams: Streams
    passwords: Passwords
    readiness: Callable[[], Awaitable[Readiness]]
    render_metrics: Callable[[], Awaitable[tuple[bytes, str]]]
    options: ApiOptions = ApiOptions()
    limits: Limits | None = None
    proxies: Proxies = Proxies()
