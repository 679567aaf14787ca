"""Ids and randomness.

An id is a 63-bit number, ``milliseconds << 16 | worker << 6 | sequence``: the sort key of every timeline, so that one
number says both which and when. A process mints under a *lease*: a worker number that no other live process holds,
and a bound in time below which nobody minted under that number before and beyond which this process must not mint.
"""

import base64
import hashlib
import secrets
from typing import NewType

import msgspec

from linnet.clock import Clock

UserId = NewType("UserId", int)
TweetId = NewType("TweetId", int)
SessionId = NewType("SessionId", int)
AttachmentId = NewType("AttachmentId", int)

SECRET_BYTES = 24
APP_SECRET_BYTES = 27
"""Of what apps are given. Longer, so that whoever knows only the tokens of log-ins takes it for no token at all."""
_TOKEN_CHARS = (43, 47)

WORKER_BITS = 10
SEQUENCE_BITS = 6
TIME_SHIFT = WORKER_BITS + SEQUENCE_BITS
WORKERS = 1 << WORKER_BITS
IDS_PER_MS = 1 << SEQUENCE_BITS
MAX_ID = (1 << 63) - 1


class Lease(msgspec.Struct, frozen=True):
    """The right to mint under ``worker`` for milliseconds in ``[from_ms, until_ms)``."""

    worker: int
    from_ms: int
    until_ms: int


class LeaseExhausted(Exception):
    """The lease's milliseconds are used up: whoever renews it has not been heard of."""


class IdSource:
    """Mints ids. Never repeats one: not when the clock goes back, not beyond 64 in one millisecond, not across leases.

    When the clock goes back or a millisecond is full, the source runs on in its own time, a little ahead of the clock.
    It is synchronous and belongs to one event loop.
    """

    def __init__(self, clock: Clock, lease: Lease) -> None:
        self._clock = clock
        self._lease = lease
        self._ms = lease.from_ms - 1
        self._sequence = IDS_PER_MS - 1

    @property
    def lease(self) -> Lease:
        return self._lease

    @property
    def minted_ms(self) -> int:
        """The last millisecond used. A renewal must reach beyond it."""
        return self._ms

    def renew(self, lease: Lease) -> None:
        """Goes on under another lease, or under the same worker for longer."""
        if lease.worker != self._lease.worker or lease.from_ms > self._ms:
            self._ms = max(self._ms, lease.from_ms - 1)
            self._sequence = IDS_PER_MS - 1
        self._lease = lease

    def mint(self) -> int:
        """A new id, larger than every id this source minted before."""
        now = self._clock.now_ms()
        if now > self._ms:
            ms, sequence = now, 0
        elif self._sequence + 1 < IDS_PER_MS:
            ms, sequence = self._ms, self._sequence + 1
        else:
            ms, sequence = self._ms + 1, 0
        if ms >= self._lease.until_ms:
            raise LeaseExhausted(
                f"worker number {self._lease.worker} is leased until {self._lease.until_ms} ms, not {ms}"
            )
        self._ms, self._sequence = ms, sequence
        return ms << TIME_SHIFT | self._lease.worker << SEQUENCE_BITS | sequence


def unix_ms_of(some_id: int) -> int:
    """When an id was minted."""
    return some_id >> TIME_SHIFT


def first_id_at(unix_ms: int) -> int:
    """The smallest id of a millisecond: a bound in time, as a bound of ids."""
    return max(unix_ms, 0) << TIME_SHIFT


def random_bytes(count: int) -> bytes:
    """Unguessable bytes."""
    return secrets.token_bytes(count)


def mint_token(owner_id: int, *, secret_bytes: int = SECRET_BYTES) -> str:
    """A session token: names its owner, so that the lookup goes to the owner's rows, then 24 secret bytes or more."""
    return pack_token(owner_id, secrets.token_bytes(secret_bytes))


def pack_token(owner_id: int, secret: bytes) -> str:
    """The token of an owner that has this secret in it."""
    return base64.urlsafe_b64encode(owner_id.to_bytes(8, "big") + secret).rstrip(b"=").decode()


def token_owner(token: str) -> UserId | None:
    """Whose token this claims to be, or None when it cannot be one of ours."""
    if len(token) not in _TOKEN_CHARS or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except ValueError:
        return None
    owner = int.from_bytes(raw[:8], "big")
    return UserId(owner) if 0 < owner <= MAX_ID else None


def token_hash(token: str) -> bytes:
    """What the stores keep of a token."""
    return hashlib.sha256(token.encode()).digest()
