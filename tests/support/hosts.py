"""Hosts on one switch, which a test may cut off from it: network namespaces of this machine.

A host is a thread that has left this process's network for one of its own; what it starts is on that host as well.
Nothing of it has a name in the system. A namespace, its interfaces and its wires are gone with the last thread or
process in it, so nothing is left behind, however a test ends.

Who is cut off is told nothing, and neither is anybody else: interfaces stay up, and what is sent vanishes.
"""

import ctypes
import os
import socket
import struct
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, ParamSpec, TypeVar

from tests.support.replica import Ground

T = TypeVar("T")
P = ParamSpec("P")

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

# Of <linux/rtnetlink.h>, <linux/if_link.h> and <linux/veth.h>.
_NEW_LINK, _NEW_ADDRESS = 16, 20
_REQUEST, _ACKNOWLEDGE, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x200, 0x400
_NAME, _MASTER, _LINK_INFO, _NAMESPACE = 3, 10, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_ADDRESS, _LOCAL = 1, 2
_UP = 0x1
_LOOPBACK = 1
_WIRE = "wire"


class NoHosts(Exception):
    """This machine does not let us make networks, and says why."""


class Host:
    """A machine of its own, as far as the network goes."""

    def __init__(self) -> None:
        self.address = ""
        self._ground = Ground()
        try:
            self.namespace = self._ground.run(_leave())
        except BaseException:
            self._ground.close()
            raise
        self._clients = ThreadPoolExecutor(8, initializer=_enter, initargs=(self.namespace,))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What starts processes: they die with the host."""
        return self._ground.run(work)

    def start(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for what does not wait for anything."""

        async def call() -> T:
            return work(*args, **kwargs)

        return self._ground.run(call())

    def begin(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """For who asks something from this host. Up to eight at once."""
        return self._clients.submit(work, *args, **kwargs)

    def ask(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.begin(work, *args, **kwargs).result()

    def close(self) -> None:
        self._clients.shutdown()
        self._ground.close()
        os.close(self.namespace)


class Network:
    """All hosts, and the switch between them."""

    def __init__(self) -> None:
        self._hosts: list[Host] = []
        self._ports: dict[Host, int] = {}

    def open(self) -> None:
        self._switch = self._add()
        self._bridge = self._switch.start(_make_bridge)

    def add(self) -> Host:
        """A host on the switch."""
        host = self._add()
        number = len(self._ports) + 1
        port = f"port{number}"
        self._ports[host] = self._switch.start(_make_wire, port, host.namespace)
        host.address = f"10.0.0.{number}"
        host.start(_take_wire, host.address)
        self.join(host)
        return host

    def cut(self, host: Host) -> None:
        """From now on nothing reaches it, and nothing that it sends reaches anybody."""
        self._switch.start(_set_link, self._ports[host], _number(_MASTER, 0))

    def join(self, host: Host) -> None:
        self._switch.start(_set_link, self._ports[host], _number(_MASTER, self._bridge))

    def close(self) -> None:
        for host in reversed(self._hosts):
            host.close()

    def _add(self) -> Host:
        host = Host()
        self._hosts.append(host)
        return host


@contextmanager
def open_network() -> Iterator[Network]:
    """Without hosts yet; all that run on them have to end before it does. Raises ``NoHosts``."""
    with ExitStack() as stack:
        network = Network()
        stack.callback(network.close)
        network.open()
        yield network


# What is done by a thread of the host


async def _leave() -> int:
    """The calling thread leaves its network for a new one; gives the file that leads there."""
    if _LIBC.unshare(_CLONE_NEWNET) != 0:
        raise NoHosts(f"unshare: {os.strerror(ctypes.get_errno())}")
    _set_link(_LOOPBACK)
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET) != 0:
        raise NoHosts(f"setns: {os.strerror(ctypes.get_errno())}")


def _make_bridge() -> int:
    kind = _attribute(_LINK_INFO, _text(_INFO_KIND, "bridge"))
    _ask_kernel(_NEW_LINK, _CREATE | _EXCLUSIVE, _link() + _text(_NAME, "switch") + kind)
    index = socket.if_nametoindex("switch")
    _set_link(index)
    return index


def _make_wire(port: str, namespace: int) -> int:
    """From a port of the switch to a host."""
    peer = _attribute(_VETH_PEER, _link() + _text(_NAME, _WIRE) + _number(_NAMESPACE, namespace))
    kind = _attribute(_LINK_INFO, _text(_INFO_KIND, "veth") + _attribute(_INFO_DATA, peer))
    _ask_kernel(_NEW_LINK, _CREATE | _EXCLUSIVE, _link() + _text(_NAME, port) + kind)
    return socket.if_nametoindex(port)


def _take_wire(address: str) -> None:
    index = socket.if_nametoindex(_WIRE)
    _set_link(index)
    packed = socket.inet_aton(address)
    head = struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, index)
    body = head + _attribute(_LOCAL, packed) + _attribute(_ADDRESS, packed)
    _ask_kernel(_NEW_ADDRESS, _CREATE | _EXCLUSIVE, body)


def _set_link(index: int, attributes: bytes = b"") -> None:
    """It is up from now on, with these."""
    _ask_kernel(_NEW_LINK, 0, _link(index, flags=_UP) + attributes)


# The words of rtnetlink


def _link(index: int = 0, *, flags: int = 0) -> bytes:
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)


def _attribute(kind: int, data: bytes) -> bytes:
    length = 4 + len(data)
    return struct.pack("=HH", length, kind) + data + bytes(-length % 4)


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _number(kind: int, number: int) -> bytes:
    return _attribute(kind, struct.pack("=I", number))


def _ask_kernel(kind: int, flags: int, body: bytes) -> None:
    """About the network of the calling thread."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.sendall(struct.pack("=IHHII", 16 + len(body), kind, flags | _REQUEST | _ACKNOWLEDGE, 1, 0) + body)
        answer = kernel.recv(65536)
    # A head as ours was, then the error.
    code: int = struct.unpack_from("=i", answer, 16)[0]
    if code:
        raise NoHosts(f"rtnetlink: {os.strerror(-code)}")
