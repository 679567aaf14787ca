"""The stores of a chaos run: PostgreSQL, and a Valkey primary with a replica and three sentinels.

All are the bundled programs, started as children that do not outlive the run.
"""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote

import psycopg

from bench.chaos.ports import free_ports
from bench.chaos.waiting import until
from linnet.bench.processes import family_of
from linnet.embedded import Child, ChildSpec, RestartPolicy, StopStep, Supervisor, spawn
from linnet.embedded.account import service_account
from linnet.embedded.datadir import open_data_dir
from linnet.embedded.postgres import DATABASE, USER, Postgres
from linnet.embedded.programs import find_programs, programs_for
from linnet.embedded.sockets import open_sockets_directory, remove_sockets_directory

SERVICE = "linnet"
# As systemd would: soon, and always again.
RESTART = RestartPolicy(attempts=10_000, longest_delay_seconds=0.5)
_SENTINELS = 3
_QUORUM = 2
_DOWN_AFTER_MS = 1000
_REPLY_SECONDS = 10.0
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


class PostgresServer:
    """PostgreSQL under a supervisor."""

    def __init__(self, supervisor: Supervisor, url: str) -> None:
        self._supervisor = supervisor
        self.url = url

    @classmethod
    async def open(cls, stack: AsyncExitStack, directory: Path) -> "PostgresServer":
        data_dir = stack.enter_context(open_data_dir(directory))
        account = service_account(data_dir.owner_uid)
        programs = await asyncio.to_thread(programs_for, account)
        data_dir.make_directory(data_dir.logs, None)
        sockets = open_sockets_directory(data_dir, account)
        stack.callback(remove_sockets_directory, data_dir)
        postgres = Postgres(data_dir=data_dir, sockets=sockets, programs=programs, account=account, durable=True)
        supervisor = Supervisor("PostgreSQL", postgres.start, RESTART)
        stack.push_async_callback(supervisor.stop)
        await supervisor.start()
        return cls(supervisor, f"postgresql:///{DATABASE}?host={quote(str(sockets), safe='/')}&user={USER}")

    def pids(self) -> list[int]:
        return family_of(self._child.pid)

    async def restart(self, signal_number: signal.Signals) -> None:
        """SIGINT is a fast shutdown, SIGQUIT an immediate one. Returns when it is started again and answers."""
        old = self._child
        old.send(signal_number)
        await old.wait()
        await self.wait_ready()

    @property
    def _child(self) -> Child:
        assert self._supervisor.child is not None
        return self._supervisor.child

    async def wait_ready(self) -> None:
        """Until it answers, within a minute."""
        await until(lambda: asyncio.to_thread(_postgres_answers, self.url), what="PostgreSQL answers")


class ValkeyNode:
    """One Valkey. Started and stopped by hand: after a failover it must not come back before anybody noticed."""

    def __init__(self, directory: Path, port: int) -> None:
        self.port = port
        self._directory = directory
        self._child: Child | None = None

    async def start(self, *, replica_of: int | None = None) -> None:
        self._directory.mkdir(exist_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._directory),
            "save": "",
            "appendonly": "no",
            "repl-diskless-sync": "yes",
            "repl-diskless-sync-delay": "0",
            "maxmemory-policy": "noeviction",
            "repl-ping-replica-period": "1",
        }
        if replica_of is not None:
            settings["replicaof"] = f"127.0.0.1 {replica_of}"
        words = [word for name, value in settings.items() for word in (f"--{name}", *_words(value))]
        program = str(find_programs().valkey_server)
        self._child = spawn(
            ChildSpec(
                name=f"Valkey at {self.port}",
                argv=(program, *words),
                environment=_ENVIRONMENT,
                log_path=self._directory / "valkey.log",
                stop_steps=(StopStep(signal.SIGTERM, 10.0),),
            )
        )
        await until(lambda: _answers(self.port), what=f"the Valkey at {self.port} answers")

    async def kill(self) -> None:
        if self._child is not None:
            self._child.send(signal.SIGKILL)
            await self._child.wait()

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()


def _words(value: str) -> list[str]:
    return value.split() if value else [""]


class ValkeyTrio:
    """Two nodes, one of them the primary, and the sentinels that decide which."""

    def __init__(self, nodes: list[ValkeyNode], sentinel_ports: list[int]) -> None:
        self.nodes = nodes
        self.sentinel_ports = sentinel_ports

    @classmethod
    async def open(cls, stack: AsyncExitStack, directory: Path) -> "ValkeyTrio":
        directory.mkdir(exist_ok=True)
        ports = free_ports(2 + _SENTINELS)
        nodes = [ValkeyNode(directory / f"node{number}", port) for number, port in enumerate(ports[:2], 1)]
        for node in nodes:
            stack.push_async_callback(node.stop)
        await nodes[0].start()
        await nodes[1].start(replica_of=nodes[0].port)
        for number, port in enumerate(ports[2:], 1):
            supervisor = Supervisor.of_program(_sentinel(directory / f"sentinel{number}", port, nodes[0].port), RESTART)
            stack.push_async_callback(supervisor.stop)
            await supervisor.start()
        trio = cls(nodes, ports[2:])
        await trio.wait_agreed()
        return trio

    def url(self, ports: Sequence[int] | None = None) -> str:
        """The setting that finds the primary by asking sentinels, at these ports or at their own."""
        places = ",".join(f"127.0.0.1:{port}" for port in ports or self.sentinel_ports)
        return f"valkey+sentinel://{places}/{SERVICE}"

    async def primary(self) -> ValkeyNode:
        """Whom most sentinels call the primary, as soon as they call somebody that."""
        found: list[ValkeyNode] = []

        async def is_named() -> bool:
            node = await self._find_primary()
            found.extend([node] if node else [])
            return node is not None

        await until(is_named, what="the sentinels name a primary")
        return found[0]

    async def _find_primary(self) -> ValkeyNode | None:
        said = [await _primary_port(port) for port in self.sentinel_ports]
        winner = max(set(said), key=said.count)
        return next((node for node in self.nodes if node.port == winner), None)

    async def kill_primary(self) -> ValkeyNode:
        """Kills it and waits until another one is the primary for all sentinels; returns the one that was killed."""
        old = await self.primary()
        await old.kill()

        async def is_followed() -> bool:
            said = [await _primary_port(port) for port in self.sentinel_ports]
            return not {old.port, None} & set(said)

        await until(is_followed, what="all sentinels name another primary")
        return old

    async def take_back(self, node: ValkeyNode) -> None:
        """Starts one that was killed as the replica of the other, and waits until it has everything."""
        await node.start(replica_of=(await self.primary()).port)
        await self.wait_agreed()

    async def flush(self) -> None:
        await ask_valkey((await self.primary()).port, "FLUSHALL")

    async def wait_agreed(self) -> None:
        """Until the replica of whom the sentinels name has everything, and all sentinels know it and each other."""

        async def agree() -> bool:
            try:
                replication = await ask_valkey((await self.primary()).port, "INFO", "replication")
                known = [await _known_to(port) for port in self.sentinel_ports]
            except (OSError, EOFError, TimeoutError):
                return False
            return "state=online" in replication and all(each == (1, _SENTINELS - 1) for each in known)

        await until(agree, what="the sentinels know both Valkeys and each other")


def _sentinel(directory: Path, port: int, primary_port: int) -> ChildSpec:
    directory.mkdir()
    file = directory / "sentinel.conf"
    file.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {directory}\n"
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary_port} {_QUORUM}\n"
        f"sentinel down-after-milliseconds {SERVICE} {_DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {SERVICE} 5000\n"
    )
    return ChildSpec(
        name=f"sentinel at {port}",
        argv=(str(find_programs().valkey_server), str(file), "--sentinel"),
        environment=_ENVIRONMENT,
        log_path=directory / "sentinel.log",
        stop_steps=(StopStep(signal.SIGTERM, 5.0),),
    )


async def _primary_port(sentinel_port: int) -> int | None:
    try:
        answer = await ask_valkey(sentinel_port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
    except (OSError, EOFError, TimeoutError):
        return None
    lines = answer.split("\r\n")
    return int(lines[-1]) if lines[-1].isdigit() else None


async def _known_to(sentinel_port: int) -> tuple[int, int]:
    """How many replicas and other sentinels one knows."""
    answer = (await ask_valkey(sentinel_port, "SENTINEL", "MASTER", SERVICE)).split("\r\n")
    fields = dict(zip(answer[::2], answer[1::2], strict=False))
    return int(fields.get("num-slaves", "0")), int(fields.get("num-other-sentinels", "0"))


async def ask_valkey(port: int, *words: str) -> str:
    """One command on a connection of its own. Lists come as their items, one a line. Raises OSError or EOFError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        encoded = [word.encode() for word in words]
        writer.write(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded))
        async with asyncio.timeout(_REPLY_SECONDS):
            return await _reply(reader)
    finally:
        writer.transport.abort()


async def _reply(reader: asyncio.StreamReader) -> str:
    line = (await reader.readuntil(b"\r\n"))[:-2].decode()
    kind, rest = line[0], line[1:]
    if kind == "$" and rest != "-1":
        return (await reader.readexactly(int(rest) + 2))[:-2].decode("utf-8", "replace")
    if kind == "*" and rest != "-1":
        return "\r\n".join([await _reply(reader) for _ in range(int(rest))])
    return rest


async def _answers(port: int) -> bool:
    try:
        return await ask_valkey(port, "PING") == "PONG"
    except (OSError, EOFError, TimeoutError):
        return False


def _postgres_answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            connection.execute("select 1")
    except psycopg.OperationalError:
        return False
    return True
