"""Where a Valkey node is: reads the address out of a URL. Does no I/O."""

from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

_TCP_SCHEMES = ("redis", "valkey")
_TLS_SCHEMES = ("rediss", "valkeys")
_DEFAULT_PORT = 6379


class Address(msgspec.Struct, frozen=True):
    """One node, and how to log in to it. ``socket_path`` is set for a Unix socket, ``host`` and ``port`` otherwise."""

    label: str
    socket_path: str | None = None
    host: str = ""
    port: int = _DEFAULT_PORT
    tls: bool = False
    username: str | None = None
    password: str | None = None
    database: int = 0

    def __repr__(self) -> str:
        # The password must not reach a log by way of a traceback.
        return f"Address({self.label})"


def parse_address(url: str) -> Address:
    """Understands ``unix:///path?db=1``, ``redis://[user][:password@]host[:port][/db]``, and ``rediss://`` for TLS.

    ``valkey://`` and ``valkeys://`` mean the same as ``redis://`` and ``rediss://``. Raises ValueError with a sentence
    that never holds the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the Valkey URL is not a URL with a valid host and port") from None
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if username and not password:
        raise ValueError("the Valkey URL names a user without a password (write redis://user:password@host)")

    if parts.scheme == "unix":
        path = unquote(parts.path)
        if not path.strip("/"):
            raise ValueError("the Valkey URL names no socket (write unix:///run/valkey.sock)")
        return Address(
            label=f"unix:{path}",
            socket_path=path,
            username=username,
            password=password,
            database=_database(parse_qs(parts.query).get("db", [""])[-1]),
        )
    if parts.scheme in _TCP_SCHEMES or parts.scheme in _TLS_SCHEMES:
        if not parts.hostname:
            raise ValueError("the Valkey URL names no host (write redis://host:6379/0)")
        port = port or _DEFAULT_PORT
        return Address(
            label=f"[{parts.hostname}]:{port}" if ":" in parts.hostname else f"{parts.hostname}:{port}",
            host=parts.hostname,
            port=port,
            tls=parts.scheme in _TLS_SCHEMES,
            username=username,
            password=password,
            database=_database(parts.path.strip("/") or parse_qs(parts.query).get("db", [""])[-1]),
        )
    raise ValueError("the Valkey URL must begin with unix://, redis://, rediss://, valkey:// or valkeys://")


def _database(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise ValueError("the database in the Valkey URL is not a number")
    return int(text)
