"""One server or a cluster, as the URL says."""

from linnet.stores.valkey.address import parse_address
from linnet.stores.valkey.client import Admit, Valkey, ValkeyOptions
from linnet.stores.valkey.cluster import Cluster


def is_cluster_url(url: str) -> bool:
    """Raises ValueError when it cannot be read."""
    return bool(parse_address(url).seeds)


def make_valkey(options: ValkeyOptions, admit: Admit | None = None) -> Valkey:
    """Not connected yet; see ``Valkey`` and ``Cluster``. Raises ValueError when the URL cannot be read."""
    return Cluster(options, admit) if is_cluster_url(options.url) else Valkey(options, admit)
