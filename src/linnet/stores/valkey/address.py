"""Where Valkey is, or who knows it: reads the address out of a URL. Does no I/O."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

_TCP_SCHEMES = ("redis", "valkey")
_TLS_SCHEMES = ("rediss", "valkeys")
_SENTINEL_SCHEMES = ("redis+sentinel", "valkey+sentinel")
_CLUSTER_SCHEMES = ("redis+cluster", "valkey+cluster")
_TLS_CLUSTER_SCHEMES = ("rediss+cluster", "valkeys+cluster")
_DEFAULT_PORT = 6379
_DEFAULT_SENTINEL_PORT = 26379
_DEFAULT_SERVICE = "mymaster"
_SENTINEL_SHAPE = "write valkey+sentinel://host:26379,host:26379/service?db=0"
_CLUSTER_SHAPE = "write valkey+cluster://host:6379,host:6379"
_HOST = re.compile(r"(?P<host>[^\[\]:@/\s]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?")


class Sentinels(msgspec.Struct, frozen=True):
    """Who says where the primary of ``service`` is, and how to log in to them."""

    nodes: tuple[tuple[str, int], ...]
    service: str
    username: str | None = None
    password: str | None = None


class Address(msgspec.Struct, frozen=True):
    """One node, and how to log in to it.

    ``socket_path`` is set for a Unix socket, ``sentinels`` when these are to be asked for host and port each time,
    ``seeds`` (some servers of a cluster) when these know the others, and ``host`` and ``port`` otherwise.
    """

    label: str
    socket_path: str | None = None
    host: str = ""
    port: int = _DEFAULT_PORT
    tls: bool = False
    username: str | None = None
    password: str | None = None
    database: int = 0
    sentinels: Sentinels | None = None
    seeds: tuple[tuple[str, int], ...] = ()

    def of_node(self, host: str, port: int) -> "Address":
        """Of one server of the cluster."""
        return msgspec.structs.replace(self, label=_label(host, port), host=host, port=port, seeds=())

    def __repr__(self) -> str:
        # The password must not reach a log by way of a traceback.
        return f"Address({self.label})"


def parse_address(url: str) -> Address:
    """Understands ``unix:///path?db=1``, ``redis://[user][:password@]host[:port][/db]``, and ``rediss://`` for TLS.

    ``valkey://`` and ``valkeys://`` mean the same as ``redis://`` and ``rediss://``. A primary that Sentinel names is
    ``valkey+sentinel://[user][:password@]host[:port][,host[:port]…][/service][?db=1]``, whose user and password are
    those of the primary; those of the Sentinels are ``sentinel_user`` and ``sentinel_password`` in the query. A cluster
    is ``valkey+cluster://[user][:password@]host[:port][,host[:port]…]``, or ``valkeys+cluster://`` for TLS; one of its
    servers that is there is enough. Raises ValueError with a sentence that never holds a password.
    """
    scheme = url.partition("://")[0]
    if scheme in _SENTINEL_SCHEMES:
        return _parse_sentinel_address(url)
    if scheme in _CLUSTER_SCHEMES or scheme in _TLS_CLUSTER_SCHEMES:
        return _parse_cluster_address(url, tls=scheme in _TLS_CLUSTER_SCHEMES)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the Valkey URL is not a URL with a valid host and port") from None
    username, password = _login(parts.username, parts.password)
    if parts.scheme == "unix":
        path = unquote(parts.path)
        if not path.strip("/"):
            raise ValueError("the Valkey URL names no socket (write unix:///run/valkey.sock)")
        return Address(
            label=f"unix:{path}",
            socket_path=path,
            username=username,
            password=password,
            database=_database(_last(parts.query, "db")),
        )
    if parts.scheme in _TCP_SCHEMES or parts.scheme in _TLS_SCHEMES:
        if not parts.hostname:
            raise ValueError("the Valkey URL names no host (write redis://host:6379/0)")
        port = port or _DEFAULT_PORT
        return Address(
            label=_label(parts.hostname, port),
            host=parts.hostname,
            port=port,
            tls=parts.scheme in _TLS_SCHEMES,
            username=username,
            password=password,
            database=_database(parts.path.strip("/") or _last(parts.query, "db")),
        )
    raise ValueError(
        "the Valkey URL must begin with unix://, redis://, rediss://, valkey://, valkeys://, valkey+sentinel://,"
        " valkey+cluster:// or valkeys+cluster://"
    )


def _parse_sentinel_address(url: str) -> Address:
    login, nodes, path, query = _split_list(url, _DEFAULT_SENTINEL_PORT, "Sentinel", _SENTINEL_SHAPE)
    username, password = login
    service = unquote(path.strip("/")) or _DEFAULT_SERVICE
    if "/" in service or not service.isprintable():
        raise ValueError(f"the Valkey URL names more than one service ({_SENTINEL_SHAPE})")
    sentinel_username, sentinel_password = _login(
        _last(query, "sentinel_user"), _last(query, "sentinel_password"), is_quoted=False
    )
    return Address(
        label=f"{service}, by Sentinel",
        username=username,
        password=password,
        database=_database(_last(query, "db")),
        sentinels=Sentinels(nodes, service, sentinel_username, sentinel_password),
    )


def _parse_cluster_address(url: str, *, tls: bool) -> Address:
    (username, password), seeds, path, query = _split_list(url, _DEFAULT_PORT, "server", _CLUSTER_SHAPE)
    if _database(path.strip("/") or _last(query, "db")):
        raise ValueError("a cluster of Valkey has the database 0 alone: leave it out of the Valkey URL")
    return Address(
        label=f"the cluster of {_label(*seeds[0])}", tls=tls, username=username, password=password, seeds=seeds
    )


def _split_list(
    url: str, default_port: int, what: str, shape: str
) -> tuple[tuple[str | None, str | None], tuple[tuple[str, int], ...], str, str]:
    """Login, hosts with ports, path and query of a URL with several hosts."""
    # Not by urlsplit: some releases of Python take no brackets in a list of hosts.
    location, _, query = url.partition("://")[2].partition("?")
    netloc, _, path = location.partition("/")
    userinfo, _, hosts = netloc.rpartition("@")
    raw_username, _, raw_password = userinfo.partition(":")
    login = _login(raw_username, raw_password)
    nodes: list[tuple[str, int]] = []
    for text in hosts.split(",") if hosts else ():
        found = _HOST.fullmatch(text)
        port = int((found and found["port"]) or default_port)
        if found is None or not 0 < port < 65536:
            raise ValueError(f"the Valkey URL names a {what} that is not a host and a port ({shape})")
        nodes.append((found["host"].strip("[]"), port))
    if not nodes:
        raise ValueError(f"the Valkey URL names no {what} ({shape})")
    return login, tuple(nodes), path, query


def _label(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _login(username: str | None, password: str | None, *, is_quoted: bool = True) -> tuple[str | None, str | None]:
    if username and not password:
        raise ValueError("the Valkey URL names a user without a password (write redis://user:password@host)")
    if not is_quoted:
        return username or None, password or None
    return unquote(username) if username else None, unquote(password) if password else None


def _last(query: str, name: str) -> str:
    return parse_qs(query).get(name, [""])[-1]


def _database(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise ValueError("the database in the Valkey URL is not a number")
    return int(text)
