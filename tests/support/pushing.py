"""Both ends of web push beside the sender: a push service that listens and does as it is told, and a device that reads.

The device is written from the texts of the RFCs, by another road than the sender: each key is derived by HMAC here.
"""

import hmac
import http.server
import json
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from linnet.domain.push import ALERTS, Wishes
from linnet.domain.user import Session
from linnet.domain.webpush import decode64, encode64, key_from
from linnet.ids import SessionId, random_bytes, token_hash
from linnet.stores.postgres import sessions
from linnet.write.actions.pushes import Device, subscribe
from tests.support.world import World


def _derive(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF for at most 32 bytes (RFC 5869)."""
    first = hmac.digest(salt, secret, sha256)
    return hmac.digest(first, info + b"\x01", sha256)[:length]


class Sent(msgspec.Struct, frozen=True):
    """One message as a service got it; names of headers in small letters."""

    path: str
    headers: dict[str, str]
    body: bytes


class Subscriber:
    """A device's keys."""

    def __init__(self, private: ec.EllipticCurvePrivateKey | None = None, auth: bytes | None = None) -> None:
        self.private = private or key_from(random_bytes(48))
        self.auth = auth or random_bytes(16)
        self.public = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def p256dh(self) -> str:
        return encode64(self.public)

    @property
    def secret(self) -> str:
        return encode64(self.auth)

    def read(self, sent: Sent) -> dict[str, Any]:
        """The message. Raises when it is not for this device."""
        found: dict[str, Any] = json.loads(self.decrypt(sent.body, sent.headers))
        return found

    def decrypt(self, body: bytes, headers: dict[str, str]) -> bytes:
        if headers["content-encoding"] == "aes128gcm":
            return self._decrypt_standard(body)
        return self._decrypt_draft(body, headers)

    def _decrypt_standard(self, body: bytes) -> bytes:
        salt, (record, length) = body[:16], struct.unpack(">IB", body[16:21])
        theirs, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= record, "one record"
        first = _derive(self.auth, self._agree(theirs), b"WebPush: info\0" + self.public + theirs, 32)
        key = _derive(salt, first, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derive(salt, first, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert plain[-1:] == b"\x02", "it is the last record"
        return plain[:-1]

    def _decrypt_draft(self, body: bytes, headers: dict[str, str]) -> bytes:
        assert headers["content-encoding"] == "aesgcm"
        salt = decode64(headers["encryption"].removeprefix("salt="))
        keys = dict(part.split("=", 1) for part in headers["crypto-key"].split(";"))
        theirs = decode64(keys["dh"])
        first = _derive(self.auth, self._agree(theirs), b"Content-Encoding: auth\0", 32)
        context = b"P-256\0\0\x41" + self.public + b"\0\x41" + theirs
        key = _derive(salt, first, b"Content-Encoding: aesgcm\0" + context, 16)
        nonce = _derive(salt, first, b"Content-Encoding: nonce\0" + context, 12)
        plain = AESGCM(key).decrypt(nonce, body, None)
        padding = int.from_bytes(plain[:2])
        return plain[2 + padding :]

    def _agree(self, theirs: bytes) -> bytes:
        return self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))


Answering = Callable[[http.server.BaseHTTPRequestHandler], None]


def says(status: int, **headers: str) -> Answering:
    """An answer without a body; ``retry_after`` is the header ``Retry-After``."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-").title(), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


class PushServer:
    """Listens on loopback. ``answers`` are used up one by one, then everything is taken (201)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sent: list[Sent] = []
        self.answers: list[Answering] = []
        self.connections = 0
        # Those who hang wait for it.
        self.ends = threading.Event()
        self._changed = threading.Condition()

    def note(self, sent: Sent) -> Answering:
        with self._changed:
            self.sent.append(sent)
            self._changed.notify_all()
            return self.answers.pop(0) if self.answers else says(201)

    def wait_for(self, count: int) -> list[Sent]:
        """Those that came, at least so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sent) >= count, 60), f"{len(self.sent)} of {count} came"
            return list(self.sent)


@contextmanager
def open_push_server(certificate: Path | None = None) -> Iterator[PushServer]:
    """``certificate`` has a key in it, too: then it speaks TLS as ``localhost``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # A connection that is kept open must not keep its thread.
        timeout = 30

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.note(Sent(self.path, headers, body))(self)

        def log_message(self, format: str, *args: Any) -> None:
            return

    class Listener(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def process_request(self, request: Any, client_address: Any) -> None:
            server.connections += 1
            super().process_request(request, client_address)

        def handle_error(self, request: Any, client_address: Any) -> None:
            return

    listener = Listener(("127.0.0.1", 0), Handler)
    scheme, host = "http", "127.0.0.1"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
        scheme, host = "https", "localhost"
    server = PushServer(f"{scheme}://{host}:{listener.server_port}")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ends.set()
        listener.shutdown()
        listener.server_close()
        thread.join()


async def subscribed(world: World, name: str, endpoint: str) -> Subscriber:
    """A new log-in of somebody's, with a device that is told of everything."""
    session_id, user_id, device = SessionId(world.write.ids.mint()), world.ids[name], Subscriber()
    session = Session(session_id, user_id, "a phone", world.write.clock.now_ms())
    await sessions.insert(world.db, session, token_hash=token_hash(str(session_id)))
    where = Device(endpoint, device.p256dh, device.secret, standard=True)
    wishes = Wishes(frozenset(ALERTS), "all")
    await subscribe(world.write, user_id, session_id, where, wishes, token="T", base_url="https://linnet.test")
    return device
