"""Ports for servers that are killed and come back to the same place."""

import random
import socket
from pathlib import Path

_LOWEST = 12_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """Nobody listens there, and the kernel gives none of them to a connection that somebody opens.

    It would take one of those below as soon as its server is dead, and the server could not come back.
    """
    try:
        highest = int(_RANGE.read_text().split()[0]) - 1
    except OSError:
        highest = 32_767
    # Not seeded: two runs at the same time must not meet.
    chance = random.SystemRandom()
    found: list[int] = []
    while len(found) < count:
        port = chance.randint(_LOWEST, max(highest, _LOWEST + 10_000))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
