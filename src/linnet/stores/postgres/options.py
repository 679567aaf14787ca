"""How to reach PostgreSQL, and how long to wait for it."""

from typing import Any

import msgspec

from linnet.stores.postgres.watch import WatchOptions


class PostgresOptions(msgspec.Struct, frozen=True):
    """How to reach PostgreSQL and how long to wait for it.

    Requests that write have ``write_share`` of the connections; ``max_waiting`` bounds each of the lines for one.
    """

    url: str
    pool_size: int = 8
    write_share: float = 0.625
    pool_timeout_seconds: float = 2.0
    max_waiting: int = 256
    statement_timeout_seconds: float = 10.0
    connect_timeout_seconds: int = 5
    watch: WatchOptions = WatchOptions()

    @property
    def write_connections(self) -> int:
        return max(1, int(self.pool_size * self.write_share))

    @property
    def server_settings(self) -> str:
        """What each connection asks the server for, in the words of libpq.

        Locks are waited for less long than a statement may take, so that it is known which of the two was too slow. And
        the server is to notice as well when nobody is there any more: such a transaction holds its locks until then. A
        host that was cut off says nothing to it for as long as it is alive, and is taken for gone after 8 seconds.
        """
        statement_ms = round(self.statement_timeout_seconds * 1000)
        return (
            f"-c statement_timeout={statement_ms} -c lock_timeout={max(1, round(statement_ms * 0.8))}"
            " -c idle_in_transaction_session_timeout=60000 -c client_connection_check_interval=1000"
            " -c tcp_keepalives_idle=2 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
            " -c tcp_user_timeout=8000"
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """How each connection is made."""
        return {
            "autocommit": True,
            "connect_timeout": self.connect_timeout_seconds,
            # A server that can be reached no more says so to nobody: without these a query would wait for hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            "options": self.server_settings,
        }
