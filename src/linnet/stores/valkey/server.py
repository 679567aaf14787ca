"""One server of a cluster, seen from ``linnet.stores.valkey.cluster``."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from linnet.errors import Unavailable
from linnet.stores.valkey.address import Address
from linnet.stores.valkey.client import Admit, Valkey, ValkeyOptions, is_of_cluster, read_info
from linnet.stores.valkey.connection import Command, Connection
from linnet.stores.valkey.layout import Primary, by_slot

if TYPE_CHECKING:
    import asyncio

    from linnet.stores.valkey.cluster import Cluster

T = TypeVar("T")


class Server(Valkey):
    """A primary. ``primary`` says which slots it has; None as long as it is known only because another named it."""

    def __init__(self, cluster: "Cluster", options: ValkeyOptions, admit: Admit | None, address: Address) -> None:
        super().__init__(options, admit, address=address)
        self.primary: Primary | None = None
        self.host, self.port = address.host, address.port
        self._cluster = cluster
        self._shard = b""
        self._redirect = lambda future, error: cluster.send_on(self, future, error)

    @property
    def parts(self) -> Iterable[int]:
        return () if self.primary is None else self.primary.parts()

    @property
    def shard(self) -> bytes:
        return self._shard

    def parted(self, things: Sequence[T], key_of: Callable[[T], bytes], *, most: int) -> Iterable[Sequence[T]]:
        return by_slot(things, key_of, most=most)

    def _admit(self, future: "asyncio.Future[Any]") -> Connection | None:
        # Whatever ails it: it may have been replaced.
        self._cluster.doubt_layout()
        return super()._admit(future)

    def _greeting(self) -> list[Command]:
        *first, info, ping = super()._greeting()
        return [*first, ("CLUSTER", "MYID"), ("CLUSTER", "MYSHARDID"), info, ping]

    async def _take_greeting(self, answers: list[Any]) -> None:
        *_, node_id, shard, text, _ = answers
        info = read_info(text)
        if info.get("role") != "master":
            self._cluster.doubt_layout()
            raise Unavailable(f"{self._label} is a replica")
        self._shard = bytes.fromhex(shard.decode())[:8]
        server = f"{node_id.decode()} {info.get('run_id')} {info.get('master_replid')}"
        if self._admit_server is not None:
            self._cluster.take_history(await self._admit_server(server), self._label)
        self._server = server


class Scout(Valkey):
    """Any server, asked about the cluster and nothing else."""

    def __init__(self, options: ValkeyOptions, address: Address) -> None:
        super().__init__(options, address=address)

    async def _take_greeting(self, answers: list[Any]) -> None:
        *_, text, _ = answers
        self._is_wrong_kind = not is_of_cluster(read_info(text))
        if self._is_wrong_kind:
            raise Unavailable(
                f"{self._label} is not one of a cluster: write valkey:// (or valkeys://) in LINNET_VALKEY_URL"
            )
