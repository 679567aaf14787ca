"""What the pages work with, handed over by ``bootstrap``."""

import msgspec

from linnet.domain.addresses import Proxies
from linnet.read.deps import ReadDeps
from linnet.read.hydration.viewers import Viewers
from linnet.read.streams import Streams
from linnet.stores.valkey.limits import Limits
from linnet.write.actions.passwords import Passwords
from linnet.write.deps import WriteDeps


class WebOptions(msgspec.Struct, frozen=True):
    """``public_url`` is where people reach this server; empty: wherever they asked."""

    public_url: str = ""
    max_body_bytes: int = 64 * 1024
    logs_requests: bool = False

    @property
    def is_behind_tls(self) -> bool:
        """Whether people come over TLS, whatever carries the request to this process."""
        return self.public_url.startswith("https://")


class WebServices(msgspec.Struct, frozen=True):
    """One per process. ``limits`` None: nobody is limited."""

    read: ReadDeps
    write: WriteDeps
    viewers: Viewers
    streams: Streams
    passwords: Passwords
    options: WebOptions = WebOptions()
    limits: Limits | None = None
    proxies: Proxies = Proxies(())
