"""Messages are written as the RFCs say, and addresses are read as nobody else would like to."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from linnet.domain.notification import KINDS
from linnet.domain.push import (
    ALERT_OF,
    ALERTS,
    PushOptions,
    body_of,
    check_endpoint,
    check_keys,
    is_public,
    title_of,
)
from linnet.domain.webpush import (
    MAX_PLAIN_BYTES,
    decode64,
    encode64,
    encrypt,
    encrypt_as_drafted,
    hide,
    key_from,
    public_bytes,
    reveal,
    sign,
)
from linnet.errors import Invalid
from linnet.ids import random_bytes
from tests.support.pushing import Subscriber

# RFC 8291, section 5 and appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SENDER_PUBLIC = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
RECEIVER = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
RECEIVER_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decode64(text)), ec.SECP256R1())


def test_the_example_of_the_rfc_comes_out_byte_by_byte() -> None:
    sender = private(SENDER)
    assert encode64(public_bytes(sender)) == SENDER_PUBLIC
    written = encrypt(PLAIN, to=decode64(RECEIVER_PUBLIC), auth=decode64(AUTH), key=sender, salt=decode64(SALT))
    assert encode64(written.body) == BODY
    assert written.headers == {"Content-Encoding": "aes128gcm"}
    reader = Subscriber(private(RECEIVER), decode64(AUTH))
    assert reader.p256dh == RECEIVER_PUBLIC
    assert reader.decrypt(decode64(BODY), {"content-encoding": "aes128gcm"}) == PLAIN


@given(st.binary(max_size=MAX_PLAIN_BYTES), st.booleans())
def test_who_subscribed_reads_it_and_nobody_else(plain: bytes, standard: bool) -> None:
    reader, other = Subscriber(), Subscriber()
    write = encrypt if standard else encrypt_as_drafted
    written = write(plain, to=reader.public, auth=reader.auth, key=key_from(random_bytes(48)), salt=random_bytes(16))
    headers = {name.lower(): value for name, value in written.headers.items()}
    assert reader.decrypt(written.body, headers) == plain
    assert len(written.body) <= 4096
    other.public = reader.public
    with pytest.raises(InvalidTag):
        other.decrypt(written.body, headers)


def test_what_does_not_fit_into_one_record_is_not_written() -> None:
    reader = Subscriber()
    for write in (encrypt, encrypt_as_drafted):
        with pytest.raises(ValueError):
            write(b"x" * (MAX_PLAIN_BYTES + 1), to=reader.public, auth=reader.auth, key=private(SENDER), salt=bytes(16))


def test_a_library_that_knows_tokens_takes_ours() -> None:
    key = key_from(random_bytes(48))
    signed = sign(key, audience="https://push.example", subject="mailto:op@example.org", expires_s=1_900_000_000)
    known = ECKey.import_key(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": encode64(public_bytes(key)[1:33]),
            "y": encode64(public_bytes(key)[33:]),
        }
    )
    token = jwt.decode(signed, known, algorithms=["ES256"])
    assert token.header == {"typ": "JWT", "alg": "ES256"}
    assert token.claims == {"aud": "https://push.example", "exp": 1_900_000_000, "sub": "mailto:op@example.org"}


def test_what_is_hidden_for_one_row_is_not_for_another() -> None:
    key = key_from(random_bytes(48))
    hidden = hide(key, "a token", bound_to=b"1/2", nonce=random_bytes(12))
    assert b"token" not in hidden
    assert reveal(key, hidden, bound_to=b"1/2") == "a token"
    assert reveal(key, hidden, bound_to=b"1/3") is None
    assert reveal(key_from(random_bytes(48)), hidden, bound_to=b"1/2") is None
    assert reveal(key, b"", bound_to=b"1/2") is None


@given(st.binary(max_size=80))
def test_every_spelling_of_base64_is_read(raw: bytes) -> None:
    for text in (
        encode64(raw),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    ):
        assert decode64(text) == raw


NEAR = (
    *(
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
    ),
    *("100.64.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "not an address", ""),
)
FAR = ("1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8")


@pytest.mark.parametrize("address", NEAR)
def test_what_is_near_is_not_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", FAR)
def test_what_is_far_is(address: str) -> None:
    assert is_public(address)


TAKEN = (
    "https://push.example/abc",
    "https://push.example:443/abc?d=e",
    "https://push.example:8443/",
    "https://8.8.8.8/abc",
    "https://[2606:4700::1111]/abc",
    "https://xn--bcher-kva.example/",
)
NOT_TAKEN = (
    *("", "push", "//push.example/x", "http://push.example/x", "ftp://push.example/x", "file:///etc/passwd"),
    *("https://", "https:///x", "https://push.example:22/", "https://push.example:6379/", "https://push.example:0/"),
    *(
        "https://push.example:99999/",
        "https://push.example:x/",
        "https://me:secret@push.example/",
        "https://localhost/",
    ),
    *("https://push/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://10.0.0.1/"),
    *("https://169.254.169.254/latest/meta-data", "https://push.example/a b", "https://push.example/\r\nX: y"),
    *("https://bücher.example/", "https://push.example\\@127.0.0.1/", "https://[::1", "javascript:alert(1)//."),
    "https://push.example/" + "x" * 2000,
)


@pytest.mark.parametrize("endpoint", TAKEN)
def test_addresses_of_push_services_are_taken(endpoint: str) -> None:
    assert check_endpoint(endpoint, PushOptions()) == endpoint


@pytest.mark.parametrize("endpoint", NOT_TAKEN)
def test_what_is_no_address_of_a_push_service_is_refused(endpoint: str) -> None:
    with pytest.raises(Invalid):
        check_endpoint(endpoint, PushOptions())


def test_a_private_place_may_have_its_service_beside_it() -> None:
    private_place = PushOptions(allows_private=True)
    for endpoint in ("http://127.0.0.1:8080/x", "https://push:4430/x", *TAKEN):
        assert check_endpoint(endpoint, private_place) == endpoint
    for endpoint in ("ftp://127.0.0.1/", "http://", "http://a:b@c/", "http://c/ d"):
        with pytest.raises(Invalid):
            check_endpoint(endpoint, private_place)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", AUTH),
        (RECEIVER_PUBLIC, ""),
        (RECEIVER_PUBLIC[:-4], AUTH),
        (encode64(b"\x04" + b"\x01" * 64), AUTH),
        (encode64(b"\x04" + bytes(64)), AUTH),
        (RECEIVER_PUBLIC, encode64(bytes(15))),
        (RECEIVER_PUBLIC, "ü" * 22),
        ("!" * 87, AUTH),
    ],
)
def test_keys_that_are_none_are_refused(p256dh: str, auth: str) -> None:
    with pytest.raises(Invalid):
        check_keys(p256dh, auth)


def test_every_kind_of_notification_has_an_alert_and_a_line() -> None:
    assert set(ALERT_OF) == set(KINDS)
    assert set(ALERT_OF.values()) <= set(ALERTS)
    assert len({title_of(kind, "Ada", others=0) for kind in KINDS}) == len(KINDS)
    assert title_of("liked", "Ada", others=1) == "Ada and 1 other liked your tweet"
    assert title_of("liked", "Ada", others=41) == "Ada and 41 others liked your tweet"
    for kind in KINDS:
        assert len(title_of(kind, "n" * 200, others=10**6)) < 150


def test_a_body_is_the_beginning_of_a_text() -> None:
    assert body_of("a\n b") == "a b"
    long = body_of("é" * 500)
    assert (len(long), long[-1]) == (140, "…")
    assert len(json.dumps(body_of("\U0001f426" * 500), ensure_ascii=False).encode()) < 600
