"""A primary, a replica of it, and Sentinels that watch both: real servers, with quick timings, for fail-over.

    with watched_valkey(directory, sentinels=3) as valkey:
        Valkey(ValkeyOptions(url=valkey.url))       # follows whoever is the primary
        valkey.primary.kill()                       # or .pause(), .resume(); the same node can .start() again
        valkey.wait_for_failover()                  # Sentinel names another one, who has taken over

``replicated_valkey`` is the same without Sentinels: the test says who is the primary (``promote``, ``cut_off``).
Every server dies with this process, however it ends, and at the end of the block. Waiting is for a condition, and
gives up after a minute. ``python -m tests.support.sentinels`` starts them with three Sentinels and prints where they
listen, until it is interrupted.
"""

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from linnet.embedded.programs import find_programs
from linnet.errors import Unavailable

T = TypeVar("T")

SERVICE = "linnet"
DOWN_AFTER_MS = 500
PATIENCE_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Servers that are away meanwhile are asked again."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        with suppress(RedisError, OSError):
            if is_so():
                return
        assert time.monotonic() < give_up_at, f"waited in vain: {what}"
        time.sleep(0.01)


async def at_last(ask: Callable[[], Awaitable[T]]) -> T:
    """The first answer that is not ``Unavailable``."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await ask()
            except Unavailable:
                await asyncio.sleep(0.01)


async def until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Asks again and again."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not await is_so():
        assert time.monotonic() < give_up_at, f"waited in vain: {what}"
        await asyncio.sleep(0.01)


class Node:
    """One server at a port of its own, which it keeps when it is started again."""

    def __init__(self, name: str, directory: Path, port: int, arguments: list[str]) -> None:
        self.name, self.port = name, port
        self.url = f"valkey://127.0.0.1:{port}"
        self.directory = directory
        self.arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Not killed."""
        return self._process is not None

    def start(self) -> None:
        """Returns when it answers."""
        with (self.directory / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(find_programs().valkey_server), *self.arguments],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
            )
        wait_until(lambda: self._answers(), f"{self.name} answers")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} ended"
        return bool(self.call("PING"))

    def kill(self) -> None:
        """As ``kill -9``; does nothing to one that does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Returns when it has stopped to run; its connections stay open, and new ones are never answered."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def call(self, *command: str | int | bytes) -> Any:
        """One command on a connection of its own."""
        with Redis(port=self.port, socket_timeout=PATIENCE_SECONDS, retry=Retry(NoBackoff(), 0)) as client:
            return client.execute_command(*command)

    @property
    def replication(self) -> dict[str, Any]:
        """``INFO replication``."""
        found: dict[str, Any] = self.call("INFO", "replication")
        return found

    @property
    def is_primary(self) -> bool:
        return bool(self.replication["role"] == "master")


class Replicated:
    """Two nodes; at the beginning ``replica`` follows ``primary``."""

    def __init__(self, primary: Node, replica: Node) -> None:
        self.primary, self.replica = primary, replica

    def wait_until_replicated(self) -> None:
        """The replica has all that the primary has answered for until now."""
        offset = self.primary.replication["master_repl_offset"]
        wait_until(
            lambda: self.replica.replication.get("slave_repl_offset", -1) >= offset, "the replica has what it misses"
        )

    def cut_off(self) -> None:
        """From now on the replica hears nothing: it is what it was when it had everything, and a primary."""
        self.wait_until_replicated()
        self.promote()

    def promote(self) -> None:
        self.replica.call("REPLICAOF", "NO", "ONE")

    def take_back(self) -> None:
        """The dead primary is started again, empty, and follows its former replica: they have changed places."""
        self.primary.start()
        self.primary, self.replica = self.replica, self.primary
        self.follow()

    def follow(self) -> None:
        """The replica follows the primary; returns when it is in step."""
        self.replica.call("REPLICAOF", "127.0.0.1", self.primary.port)
        wait_until(lambda: self.replica.replication.get("master_link_status") == "up", "the replica is in step")


class Watched(Replicated):
    """Two nodes and their Sentinels."""

    def __init__(self, primary: Node, replica: Node, sentinels: list[Node]) -> None:
        super().__init__(primary, replica)
        self.sentinels = sentinels
        self.url = f"valkey+sentinel://{','.join(f'127.0.0.1:{node.port}' for node in sentinels)}/{SERVICE}"

    def find_primary(self) -> Node:
        """Whom the first Sentinel names."""
        _, port = self.sentinels[0].call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(node for node in (self.primary, self.replica) if node.port == int(port))

    def wait_for_failover(self) -> None:
        """All Sentinels name the former replica, and it is a primary."""
        wait_until(lambda: all(self._names_replica(node) for node in self.sentinels), "the Sentinels agree")
        wait_until(lambda: self.replica.is_primary, "the replica takes over")

    def _names_replica(self, sentinel: Node) -> bool:
        _, port = sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(port) == self.replica.port

    def wait_until_watched(self) -> None:
        """Every Sentinel knows the replica and the others: only then it can fail over."""
        wait_until(lambda: all(self._is_ready(node) for node in self.sentinels), "the Sentinels know each other")

    def _is_ready(self, sentinel: Node) -> bool:
        with Redis(port=sentinel.port, decode_responses=True, retry=Retry(NoBackoff(), 0)) as client:
            state = client.sentinel_master(SERVICE)
            replicas = client.sentinel_slaves(SERVICE)
        others = int(state["num-other-sentinels"])
        return others == len(self.sentinels) - 1 and any(
            found["flags"] == {"slave"} or found["flags"] == "slave" for found in replicas
        )


@contextmanager
def replicated_valkey(directory: Path, *settings: str) -> Iterator[Replicated]:
    """A primary and its replica, in step. ``settings`` are of both, as ``"--min-replicas-to-write", "1"``."""
    with ExitStack() as stack:
        primary, replica = _start_nodes(stack, directory, settings)
        yield Replicated(primary, replica)


@contextmanager
def watched_valkey(directory: Path, *settings: str, sentinels: int = 1) -> Iterator[Watched]:
    """A primary, its replica, and so many Sentinels, most of whom must agree."""
    with ExitStack() as stack:
        primary, replica = _start_nodes(stack, directory, settings)
        watchers = [
            _start_sentinel(stack, directory, f"sentinel{number}", primary, quorum=sentinels // 2 + 1)
            for number in range(sentinels)
        ]
        watched = Watched(primary, replica, watchers)
        watched.wait_until_watched()
        yield watched


def _start_nodes(stack: ExitStack, directory: Path, settings: tuple[str, ...]) -> tuple[Node, Node]:
    primary, replica = (_start_node(stack, directory, name, settings) for name in ("primary", "replica"))
    Replicated(primary, replica).follow()
    return primary, replica


def _start_node(stack: ExitStack, directory: Path, name: str, settings: tuple[str, ...]) -> Node:
    def arguments(port: int) -> list[str]:
        own = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""]
        own += ["--dbfilename", f"{name}.rdb", "--repl-ping-replica-period", "1"]
        # Without these two a replica looks once a second whether it is in step.
        own += ["--repl-diskless-sync-delay", "0", "--repl-diskless-load", "swapdb"]
        return [*own, *settings]

    return _start_at_free_port(stack, name, directory, arguments)


def _start_sentinel(stack: ExitStack, directory: Path, name: str, primary: Node, *, quorum: int) -> Node:
    def arguments(port: int) -> list[str]:
        path = directory / f"{name}.conf"
        path.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {directory}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} {quorum}\n"
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {SERVICE} 5000\n"
        )
        return [str(path), "--sentinel"]

    return _start_at_free_port(stack, name, directory, arguments)


def _start_at_free_port(
    stack: ExitStack, name: str, directory: Path, arguments: Callable[[int], list[str]], *, attempts: int = 5
) -> Node:
    for attempt in range(attempts):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port: int = probe.getsockname()[1]
        node = Node(name, directory, port, arguments(port))
        stack.callback(node.kill)
        try:
            node.start()
            return node
        except AssertionError:
            # Somebody else took the port meanwhile.
            node.kill()
            if attempt == attempts - 1:
                raise
    raise AssertionError("unreachable")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, watched_valkey(Path(directory), sentinels=3) as valkey:
        print(valkey.url, flush=True)
        for node in (valkey.primary, valkey.replica, *valkey.sentinels):
            print(f"{node.name}: port {node.port}, process {node.pid}", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
