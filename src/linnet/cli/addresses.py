"""Looks whether an address can be listened at, before anything heavy is started for it."""

import errno
import os
import socket
import threading

from linnet.cli.failures import Failure

# A linnet that was killed a moment ago may still hold the port.
_TRIES = 20
_PAUSE_SECONDS = 0.05


def refuse_taken_address(host: str, port: int, *, option: str) -> str:
    """The numeric form of ``host``, if it can be listened at; otherwise a ``Failure`` that names ``option``."""
    family, address = _resolve(host)
    problem = 0
    for _ in range(_TRIES):
        problem = _try_to_bind(family, address, port)
        if problem != errno.EADDRINUSE:
            break
        threading.Event().wait(_PAUSE_SECONDS)
    if problem == 0:
        return address
    if problem == errno.EADDRINUSE:
        raise Failure(f"port {port} of {host} is in use by another program: choose another one with {option}.")
    if problem in (errno.EACCES, errno.EPERM):
        raise Failure(f"this user may not listen at port {port}: choose one from 1024 on with {option}.")
    if problem == errno.EADDRNOTAVAIL:
        raise Failure(f"{host} is not an address of this machine.")
    raise Failure(f"cannot listen at port {port} of {host}: {os.strerror(problem)}.")


def url_of(host: str, port: int) -> str:
    """Where a browser on this machine finds what listens there."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{reachable}:{port}"


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host or "0.0.0.0", None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise Failure(f"there is no address for the host {host!r}.") from error
    # Of a name with several addresses, such as localhost, the one every client tries.
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, str(address[0])


def _try_to_bind(family: socket.AddressFamily, address: str, port: int) -> int:
    """The error's number, 0 for none. Not with SO_REUSEPORT: that would let us in beside another linnet."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            # Two sockets may bind with SO_REUSEADDR as long as none listens.
            probe.listen(1)
        except OSError as error:
            return error.errno or errno.EIO
    return 0
