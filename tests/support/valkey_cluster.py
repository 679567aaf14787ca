"""A cluster of Valkey: three primaries with a replica each, real servers of the bundled program.

    with valkey_cluster(directory) as cluster:
        open_valkey(ValkeyOptions(url=cluster.url))
        cluster.move_slot(slot, cluster.shards[1])       # key by key, as it always was done
        cluster.give_slots(first, last, cluster.shards[1])   # at once, as since Valkey 9
        cluster.fail_over(cluster.shards[0])             # the primary dies, its replica takes over

Nobody fails over by itself: servers wait a minute before they believe that another one is gone, so that a busy machine
is no fail-over. Every server dies with this process, however it ends, and at the end of the block. ``python -m
tests.support.valkey_cluster`` starts one and prints where it listens, until it is interrupted.
"""

import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from redis.exceptions import ResponseError

from tests.support.sentinels import Node, wait_until

SLOTS = 16384
NODE_TIMEOUT_MS = 60_000


class Shard:
    """A primary and its replica."""

    def __init__(self, primary: Node, replica: Node) -> None:
        self.primary, self.replica = primary, replica

    @property
    def node_id(self) -> str:
        return node_id(self.primary)

    def wait_until_replicated(self) -> None:
        """The replica has all that the primary has answered for until now."""
        offset = self.primary.replication["master_repl_offset"]
        wait_until(
            lambda: self.replica.replication.get("slave_repl_offset", -1) >= offset, "the replica has what it misses"
        )


class ValkeyCluster:
    """``spare`` is a primary of the cluster without slots, if there is one."""

    def __init__(self, shards: list[Shard], spare: Node | None) -> None:
        self.shards, self.spare = shards, spare

    @property
    def nodes(self) -> list[Node]:
        found = [node for shard in self.shards for node in (shard.primary, shard.replica)]
        return found if self.spare is None else [*found, self.spare]

    @property
    def url(self) -> str:
        # All of them: which are there is for the tests to say.
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"valkey+cluster://{hosts}"

    def owner_of(self, slot: int) -> Node:
        """As the servers see it; all of them must agree."""
        return next(node for node in self.nodes if node.is_running and owns(node, slot))

    def shard_of(self, slot: int) -> Shard:
        owner = self.owner_of(slot)
        shard = next(shard for shard in self.shards if owner in (shard.primary, shard.replica))
        if owner is shard.replica:
            # They failed over by themselves.
            shard.primary, shard.replica = shard.replica, shard.primary
        return shard

    def wait_until_agreed(self, slot: int, owner: Node) -> None:
        """All servers know who has the slot."""
        owner_id = node_id(owner)

        def agree() -> bool:
            return all(_owner_id(node, slot) == owner_id for node in self.nodes if node.is_running)

        wait_until(agree, f"all know that slot {slot} is of {owner.name}")

    def begin_move(self, slot: int, target: Node) -> Node:
        """From now on keys of the slot may go to ``target`` one by one. Returns who has had it."""
        source = self.owner_of(slot)
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", node_id(source))
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", node_id(target))
        return source

    def move_keys(self, slot: int, source: Node, target: Node, *, most: int = 0) -> int:
        """Moves keys, all or so many; returns how many."""
        keys = source.call("CLUSTER", "GETKEYSINSLOT", slot, most or 1_000_000)
        for key in keys:
            source.call("MIGRATE", "127.0.0.1", target.port, key, 0, 60_000)
        return len(keys)

    def end_move(self, slot: int, source: Node, target: Node) -> None:
        """The slot is the target's."""
        for node in (target, source):
            node.call("CLUSTER", "SETSLOT", slot, "NODE", node_id(target))
        self.wait_until_agreed(slot, target)

    def move_slot(self, slot: int, target: Node) -> None:
        """Key by key, from beginning to end; others may write to it meanwhile."""
        source = self.begin_move(slot, target)
        while True:
            while self.move_keys(slot, source, target):
                pass
            # Written since the last look: it refuses as long as it has one.
            with suppress(ResponseError):
                self.end_move(slot, source, target)
                return

    def give_slots(self, first: int, last: int, target: Node) -> None:
        """All at once, as servers since Valkey 9 do it by themselves."""
        source = self.owner_of(first)
        source.call("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", first, last, "NODE", node_id(target))
        self.wait_until_agreed(first, target)
        self.wait_until_agreed(last, target)

    def fail_over(self, shard: Shard) -> None:
        """The primary is killed and its replica takes over, with what it has."""
        shard.primary.kill()
        self.promote(shard)

    def promote(self, shard: Shard) -> None:
        """The replica takes over, whatever the primary says."""
        shard.replica.call("CLUSTER", "FAILOVER", "TAKEOVER")
        wait_until(lambda: shard.replica.is_primary, "the replica takes over")
        shard.primary, shard.replica = shard.replica, shard.primary
        self._wait_until_known(shard)

    def cut_off(self, shard: Shard) -> None:
        """From now on the replica hears nothing of its primary: it is what it was when it had everything."""
        shard.wait_until_replicated()
        # It knocks again and again, with a password that the primary does not know.
        shard.replica.call("CONFIG", "SET", "masterauth", "wrong")
        shard.primary.call("CLIENT", "KILL", "TYPE", "replica")
        wait_until(lambda: shard.replica.replication.get("master_link_status") == "down", "it is cut off")

    def take_back(self, shard: Shard) -> None:
        """The dead server is started again, and becomes the replica of who replaced it."""
        shard.primary.call("CONFIG", "SET", "masterauth", "")
        shard.replica.start()
        wait_until(lambda: shard.replica.replication.get("master_link_status") == "up", "it is in step again")

    def mend(self) -> None:
        """Empty, every primary has its replica in step again, and the spare one has no slots."""
        for shard in self.shards:
            if not shard.replica.is_running:
                self.take_back(shard)
            elif shard.replica.is_primary:
                # It was replaced, and has lost its slots by now.
                shard.replica.call("FLUSHALL")
                shard.replica.call("CLUSTER", "REPLICATE", shard.node_id)
        for node in self.nodes:
            node.call("CONFIG", "SET", "masterauth", "")
            if node.is_primary:
                node.call("FLUSHALL")
        if self.spare is not None:
            for first, last in _ranges(self.spare, node_id(self.spare)):
                self.give_slots(first, last, self.shards[0].primary)
        wait_until(
            lambda: all(shard.replica.replication.get("master_link_status") == "up" for shard in self.shards),
            "all are in step",
        )

    def _wait_until_known(self, shard: Shard) -> None:
        primary_id = shard.node_id

        def is_known() -> bool:
            return all(
                primary_id in {line.split()[0] for line in cluster_nodes(node) if "master" in line.split()[2]}
                for node in self.nodes
                if node.is_running and node is not shard.replica
            )

        wait_until(is_known, "the others know who is the primary")


def node_id(node: Node) -> str:
    return str(node.call("CLUSTER", "MYID"), "ascii")


def cluster_nodes(node: Node) -> list[str]:
    """How one of them sees the others."""
    text: bytes = node.call("CLUSTER", "NODES")
    return text.decode().splitlines()


def owns(node: Node, slot: int) -> bool:
    return _owner_id(node, slot) == node_id(node)


def _owner_id(node: Node, slot: int) -> str:
    for line in cluster_nodes(node):
        found = line.partition(" ")[0]
        if any(first <= slot <= last for first, last in _ranges(node, found, line)):
            return found
    return ""


def _ranges(node: Node, of_id: str, line: str = "") -> list[tuple[int, int]]:
    """Which slots a primary has, as a node sees it."""
    line = line or next(line for line in cluster_nodes(node) if line.startswith(of_id))
    _, _, flags, _, _, _, _, _, *slots = line.split(" ")
    if "master" not in flags.split(","):
        return []
    parts = [slot.partition("-") for slot in slots if not slot.startswith("[")]
    return [(int(first), int(last or first)) for first, _, last in parts]


@contextmanager
def valkey_cluster(
    directory: Path, *settings: str, spare: bool = False, node_timeout_ms: int = NODE_TIMEOUT_MS
) -> Iterator[ValkeyCluster]:
    """Three shards of two servers each, in step; ``spare``: and a primary without slots."""
    with ExitStack() as stack:
        names = [*(f"{role}{number}" for number in range(3) for role in ("primary", "replica")), *(["spare"] * spare)]
        nodes = [_start(stack, directory, name, settings, node_timeout_ms) for name in names]
        primaries, replicas = nodes[0:6:2], nodes[1:6:2]
        for number, node in enumerate(primaries):
            first, end = SLOTS * number // 3, SLOTS * (number + 1) // 3
            node.call("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        for number, node in enumerate(nodes):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in nodes[1:]:
            nodes[0].call("CLUSTER", "MEET", "127.0.0.1", node.port, _bus_port(node))
        wait_until(lambda: all(len(cluster_nodes(node)) == len(nodes) for node in nodes), "they have met")
        wait_until(lambda: all(b"cluster_state:ok" in node.call("CLUSTER", "INFO") for node in nodes), "all is served")
        for primary, replica in zip(primaries, replicas, strict=True):
            replica.call("CLUSTER", "REPLICATE", node_id(primary))
        shards = [Shard(primary, replica) for primary, replica in zip(primaries, replicas, strict=True)]
        wait_until(
            lambda: all(replica.replication.get("master_link_status") == "up" for replica in replicas),
            "all are in step",
        )
        wait_until(lambda: all(_count_replicas(node) == 3 for node in nodes), "all know the replicas")
        yield ValkeyCluster(shards, nodes[6] if spare else None)


def _count_replicas(node: Node) -> int:
    return sum("slave" in line.split(" ")[2].split(",") for line in cluster_nodes(node))


def _bus_port(node: Node) -> int:
    return int(node.arguments[node.arguments.index("--cluster-port") + 1])


def _start(stack: ExitStack, directory: Path, name: str, settings: Sequence[str], node_timeout_ms: int) -> Node:
    for attempt in range(5):
        port, bus_port = _free_ports()
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""]
        arguments += ["--dbfilename", f"{name}.rdb", "--repl-diskless-sync-delay", "0"]
        arguments += ["--cluster-enabled", "yes", "--cluster-config-file", f"{name}-{port}.conf"]
        arguments += ["--cluster-port", str(bus_port), "--cluster-node-timeout", str(node_timeout_ms)]
        arguments += ["--cluster-require-full-coverage", "no", "--cluster-allow-replica-migration", "no"]
        node = Node(name, directory, port, [*arguments, *settings])
        stack.callback(node.kill)
        try:
            node.start()
            return node
        except AssertionError:
            # Somebody else took a port meanwhile.
            node.kill()
            if attempt == 4:
                raise
    raise AssertionError("unreachable")


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return int(one.getsockname()[1]), int(two.getsockname()[1])


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, valkey_cluster(Path(directory)) as cluster:
        print(cluster.url, flush=True)
        for node in cluster.nodes:
            print(f"{node.name}: port {node.port}, process {node.pid}", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
