"""How a message is written that only a subscriber can read, and how a push service knows who sends it.

RFC 8291 (``aes128gcm``), the draft before it that older apps read (``aesgcm``), and RFC 8292 (VAPID). Only here are
primitives of cryptography put together; what must be random is given.
"""

import base64
import binascii
import struct
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUTH_BYTES: Final = 16
SALT_BYTES: Final = 16
SEED_BYTES: Final = 48
_RECORD_BYTES: Final = 4096
MAX_PLAIN_BYTES: Final = 3000
"""What fits into one record of 4096 bytes, with room: services and older apps take less than that."""

_CURVE: Final = ec.SECP256R1()
# Of P-256: private keys are from 1 to one below it.
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Encrypted(msgspec.Struct, frozen=True):
    """A body, and the headers that it needs to be read."""

    body: bytes
    headers: dict[str, str]


def encode64(raw: bytes) -> str:
    """Base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode64(text: str) -> bytes:
    """Of either alphabet, padded or not. Raises ``ValueError``."""
    plain = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
    try:
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("this is no Base64") from error
    return raw


def key_from(seed: bytes) -> ec.EllipticCurvePrivateKey:
    """A private key from ``SEED_BYTES`` of chance: with so many more bits than it has, none is likelier than others."""
    return ec.derive_private_key(int.from_bytes(seed) % (_ORDER - 1) + 1, _CURVE)


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The 65 bytes by which others know it."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def is_public_key(raw: bytes) -> bool:
    """Whether it is a point of the curve, as 65 bytes."""
    if len(raw) != 65:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, raw)
    except ValueError:
        return False
    return True


def encrypt(plain: bytes, *, to: bytes, auth: bytes, key: ec.EllipticCurvePrivateKey, salt: bytes) -> Encrypted:
    """RFC 8291. ``to`` is the subscriber's public key; ``key`` and ``salt`` are for this message alone."""
    _check(plain)
    mine = public_bytes(key)
    first = _hkdf(auth, _agree(key, to), b"WebPush: info\0" + to + mine, 32)
    sealed = _seal(
        _hkdf(salt, first, b"Content-Encoding: aes128gcm\0", 16),
        _hkdf(salt, first, b"Content-Encoding: nonce\0", 12),
        plain + b"\x02",
    )
    head = salt + struct.pack(">IB", _RECORD_BYTES, len(mine)) + mine
    return Encrypted(head + sealed, {"Content-Encoding": "aes128gcm"})


def encrypt_as_drafted(
    plain: bytes, *, to: bytes, auth: bytes, key: ec.EllipticCurvePrivateKey, salt: bytes
) -> Encrypted:
    """draft-ietf-webpush-encryption-04, which says in headers what the RFC says in the body."""
    _check(plain)
    mine = public_bytes(key)
    first = _hkdf(auth, _agree(key, to), b"Content-Encoding: auth\0", 32)
    context = b"P-256\0" + struct.pack(">H", len(to)) + to + struct.pack(">H", len(mine)) + mine
    sealed = _seal(
        _hkdf(salt, first, b"Content-Encoding: aesgcm\0" + context, 16),
        _hkdf(salt, first, b"Content-Encoding: nonce\0" + context, 12),
        b"\0\0" + plain,
    )
    return Encrypted(
        sealed,
        {
            "Content-Encoding": "aesgcm",
            "Encryption": f"salt={encode64(salt)}",
            "Crypto-Key": f"dh={encode64(mine)}",
        },
    )


def sign(key: ec.EllipticCurvePrivateKey, *, audience: str, subject: str, expires_s: int) -> str:
    """A token of RFC 8292 (a JWT by ES256). ``audience`` is the push service's origin, ``expires_s`` a Unix time."""
    claims = {"aud": audience, "exp": expires_s, "sub": subject}
    parts = [encode64(msgspec.json.encode(part)) for part in ({"typ": "JWT", "alg": "ES256"}, claims)]
    said = ".".join(parts)
    r, s = decode_dss_signature(key.sign(said.encode(), ec.ECDSA(SHA256())))
    return f"{said}.{encode64(r.to_bytes(32) + s.to_bytes(32))}"


def hide(key: ec.EllipticCurvePrivateKey, text: str, *, bound_to: bytes, nonce: bytes) -> bytes:
    """What is kept, and not as it is: ``reveal`` gives it back, with the same key and for the same row."""
    return nonce + AESGCM(_hiding_key(key)).encrypt(nonce, text.encode(), bound_to)


def reveal(key: ec.EllipticCurvePrivateKey, hidden: bytes, *, bound_to: bytes) -> str | None:
    """None for what was hidden by another key, or for another row."""
    try:
        return AESGCM(_hiding_key(key)).decrypt(hidden[:12], hidden[12:], bound_to).decode()
    except (InvalidTag, ValueError):
        return None


def _hiding_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    secret = key.private_numbers().private_value.to_bytes(32)
    return _hkdf(b"", secret, b"linnet: tokens of subscriptions", 32)


def _check(plain: bytes) -> None:
    if len(plain) > MAX_PLAIN_BYTES:
        raise ValueError(f"A message has at most {MAX_PLAIN_BYTES} bytes.")


def _agree(key: ec.EllipticCurvePrivateKey, to: bytes) -> bytes:
    return key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, to))


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def _seal(key: bytes, nonce: bytes, plain: bytes) -> bytes:
    return AESGCM(key).encrypt(nonce, plain, None)
