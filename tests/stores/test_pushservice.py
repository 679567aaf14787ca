"""A push service is a stranger: whatever it is and does, we say our word, wait a while, and go on."""

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from linnet.clock import ManualClock
from linnet.stores import pushservice
from linnet.stores.pushservice import PushService, Refused, Reply, Unreachable
from tests.support.pushing import PushServer, open_push_server, says

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[PushServer]:
    with open_push_server() as server:
        yield server


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    """One of a place that may speak to its own machine."""
    service = PushService(ManualClock(round(NOW.timestamp() * 1000)), allows_private=True)
    yield service
    await service.close()


@pytest.fixture
async def careful() -> AsyncIterator[PushService]:
    """One of a place on the internet."""
    service = PushService(ManualClock(0), allows_private=False)
    yield service
    await service.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of ``localhost``, by nobody but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = tmp_path / "service.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    )
    return path


async def test_a_message_arrives_as_it_was_sent_over_a_connection_that_is_kept(
    server: PushServer, service: PushService
) -> None:
    for number in range(3):
        assert await service.post(f"{server.url}/a?b={number}", {"TTL": "60"}, b"\x00message") == Reply(201)
    assert [sent.path for sent in server.sent] == ["/a?b=0", "/a?b=1", "/a?b=2"]
    assert all(sent.body == b"\x00message" and sent.headers["ttl"] == "60" for sent in server.sent)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 40, 999_999_999.0),
    ],
)
async def test_when_to_come_again_is_read_in_both_spellings(
    server: PushServer, service: PushService, said: str, seconds: float | None
) -> None:
    server.answers.append(says(429, retry_after=said))
    assert await service.post(server.url, {}, b"") == Reply(429, seconds)


async def test_no_redirect_is_followed(server: PushServer, service: PushService) -> None:
    for status in (301, 302, 303, 307, 308):
        server.answers.append(says(status, location=f"{server.url}/elsewhere"))
        assert await service.post(f"{server.url}/here", {}, b"x") == Reply(status)
    assert {sent.path for sent in server.sent} == {"/here"}


async def test_of_a_huge_answer_a_little_is_read(server: PushServer, service: PushService) -> None:
    sent_bytes = 0

    def huge(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent_bytes
        handler.send_response(201)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        for _ in range(100_000):
            handler.wfile.write(b"x" * 65536)
            sent_bytes += 65536

    server.answers.append(huge)
    assert await service.post(server.url, {}, b"x") == Reply(201)
    assert await service.post(server.url, {}, b"y") == Reply(201), "by another connection"
    assert sent_bytes < 64 * 1024 * 1024


async def test_who_hangs_is_left(server: PushServer, service: PushService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushservice, "_LONGEST_SECONDS", 0.2)

    def hang(handler: BaseHTTPRequestHandler) -> None:
        server.ends.wait(30)

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        # Each byte in time, and no end.
        handler.wfile.write(b"HTTP/1.1 201 Created\r\nX: ")
        while not server.ends.wait(0.02):
            handler.wfile.write(b"x")

    for way in (hang, trickle):
        server.answers.append(way)
        with pytest.raises(Unreachable):
            await service.post(server.url, {}, b"x")
    monkeypatch.undo()
    assert await service.post(server.url, {}, b"y") == Reply(201)


async def test_what_is_no_answer_is_none(server: PushServer, service: PushService) -> None:
    def babble(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"220 mail.example ESMTP\r\n")
        handler.close_connection = True

    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)

    def endless_head(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 201 Created\r\n" + b"X: " + b"x" * 1_000_000)
        server.ends.wait(30)

    for way in (babble, hang_up, endless_head):
        server.answers.append(way)
        with pytest.raises(Unreachable):
            await service.post(server.url, {}, b"x")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(Unreachable):
        await service.post(f"http://127.0.0.1:{port}/", {}, b"x")
    with pytest.raises(Unreachable):
        await service.post("http://no.such.name.invalid/", {}, b"x")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "0", "0.0.0.0"]
)
async def test_nobody_near_is_asked_however_they_are_spelt(server: PushServer, careful: PushService, host: str) -> None:
    port = server.url.rpartition(":")[2]
    for scheme in ("http", "https"):
        with pytest.raises((Refused, Unreachable)) as refused:
            await careful.post(f"{scheme}://{host}:{port}/", {}, b"x")
        # Some systems do not know all spellings: then nobody is asked either.
        assert refused.type is Refused or host in ("[::ffff:127.0.0.1]", "0")
    assert server.connections == 0


async def test_a_name_that_leads_far_and_near_is_refused_and_is_asked_for_once(
    server: PushServer, careful: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.url.rpartition(":")[2])
    answers: list[list[str]] = [["8.8.8.8", "127.0.0.1"], ["127.0.0.1"], []]
    asked: list[str] = []

    def look_up(host: str, port: Any, *args: Any, **more: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", look_up)
        for _ in range(2):
            with pytest.raises(Refused):
                await careful.post(f"https://rebinding.example:{port}/", {}, b"x")
        with pytest.raises(Unreachable):
            await careful.post(f"https://rebinding.example:{port}/", {}, b"x")
    assert asked == ["rebinding.example"] * 3
    assert server.connections == 0


async def test_what_was_looked_at_is_what_is_connected_to(
    server: PushServer, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.url.rpartition(":")[2])
    resolved: list[str] = []
    ask = socket.getaddrinfo

    def look_up(host: str, port: Any, *args: Any, **more: Any) -> list[Any]:
        resolved.append(host)
        if host == "moving.example" and len(resolved) == 1:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        assert host == "127.0.0.1", "a name is looked up once"
        return ask(host, port, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", look_up)
        assert await service.post(f"http://moving.example:{port}/", {}, b"x") == Reply(201)
    assert server.sent[0].headers["host"] == f"moving.example:{port}", "and it is the name that is asked"


async def test_over_tls_a_service_has_to_be_who_it_says(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    with open_push_server(certificate) as server:
        known = PushService(ManualClock(0), allows_private=True, tls=trusting)
        assert await known.post(server.url, {}, b"x") == Reply(201)
        with pytest.raises(Unreachable):
            # Another name than that of the certificate.
            await known.post(server.url.replace("localhost", "127.0.0.1"), {}, b"x")
        await known.close()
        stranger = PushService(ManualClock(0), allows_private=True)
        with pytest.raises(Unreachable):
            await stranger.post(server.url, {}, b"x")
        await stranger.close()
        assert len(server.sent) == 1


async def test_nothing_of_the_environment_is_asked(
    server: PushServer, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await service.post(server.url, {}, b"x") == Reply(201)
