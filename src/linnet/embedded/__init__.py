"""Starts, watches and stops the bundled PostgreSQL and Valkey, and any other child of ``linnet serve``.

Beside the path of a tweet: it gives the stores their two addresses and knows nothing of what is in them.
"""

from linnet.embedded.children import Child, ChildSpec, StopStep, spawn
from linnet.embedded.errors import EmbeddedError
from linnet.embedded.servers import EmbeddedOptions, EmbeddedServers, ServerUrls, find_running
from linnet.embedded.supervision import RestartPolicy, Supervisor

__all__ = [
    "Child",
    "ChildSpec",
    "EmbeddedError",
    "EmbeddedOptions",
    "EmbeddedServers",
    "RestartPolicy",
    "ServerUrls",
    "StopStep",
    "Supervisor",
    "find_running",
    "spawn",
]
