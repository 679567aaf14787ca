"""Whose request it is, as far as the network can tell: an address, as rate limits count it.

Everybody can write an ``X-Forwarded-For`` header. It is believed only as far as proxies that the operator trusts have
written it: from the right, where the nearest proxy adds, up to the first address that is no trusted proxy.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN = b"?"
"""A peer without an address that can be read, as on a Unix socket. All of them are counted as one."""

NO_ADDRESS = "unix"
"""In a list of trusted proxies: peers without an address."""

# A header may be long; whoever is behind more proxies than this is taken for the farthest of these.
_MAX_HOPS = 32
_REMEMBERED = 8192
_LONGEST = 100
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}")


def parse_proxies(text: str) -> tuple[str, ...]:
    """Addresses, networks and ``unix``, parted by commas or blanks. Raises ``ValueError`` with what they must be."""
    words = tuple(text.replace(",", " ").split())
    for word in words:
        if word != NO_ADDRESS:
            try:
                ip_network(word)
            except ValueError:
                raise ValueError("addresses or networks like 10.0.0.0/8, fd00::/8 or unix, parted by commas") from None
    return words


class Proxies:
    """The proxies that may say for whom they ask."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        words = tuple(trusted)
        self._trusts_unknown = NO_ADDRESS in words
        self._networks: tuple[Network, ...] = tuple(ip_network(word) for word in words if word != NO_ADDRESS)

    def find_client(self, peer: str, forwarded: Sequence[str]) -> bytes:
        """The client as it is counted, from the peer's address and all ``X-Forwarded-For`` headers in order.

        A part of a header that is no address ends the search: the client is then whoever wrote it.
        """
        nearest = read_address(peer)
        if not (self._networks or self._trusts_unknown) or not self._trusts(nearest):
            return counted_as(nearest)
        for hop in reversed(",".join(forwarded).rsplit(",", _MAX_HOPS)):
            address = read_address(hop)
            if address is None:
                break
            nearest = address
            if not self._trusts(address):
                break
        return counted_as(nearest)

    def is_trusted(self, peer: str) -> bool:
        """Whether what this peer says of a request is believed."""
        return (bool(self._networks) or self._trusts_unknown) and self._trusts(read_address(peer))

    def _trusts(self, address: Address | None) -> bool:
        if address is None:
            return self._trusts_unknown
        return any(address in network for network in self._networks)


def read_address(text: str) -> Address | None:
    """An address, with or without a port. IPv4 inside IPv6 is IPv4: a listener on both sees it that way."""
    # What is remembered is written by strangers, so it must be small.
    return _read_address(text.strip()) if len(text) <= _LONGEST else None


@lru_cache(maxsize=_REMEMBERED)
def _read_address(text: str) -> Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=_REMEMBERED)
def counted_as(address: Address | None) -> bytes:
    """4 bytes for IPv4. For IPv6 its /64, which is what a single customer is given at least: 9 bytes."""
    if address is None:
        return UNKNOWN
    return address.packed if isinstance(address, IPv4Address) else b"6" + address.packed[:8]


def base_of(configured: str, *, host: str, scheme: str) -> str:
    """Where people reach this server, without a slash at the end: as configured, or as they asked for it."""
    if configured:
        return configured.rstrip("/")
    # Of a WebSocket the scheme is another one.
    return f"{scheme.replace('ws', 'http')}://{host if _HOST.fullmatch(host) else 'localhost'}"
