"""The key by which push services know this installation (RFC 8292).

Made once, by whoever needs it first, and kept among the facts about the installation: so every process of every host
has the same, and a backup and a move bring it along. Devices subscribe to this key: with another one they would be
told nothing any more.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from linnet.domain.webpush import SEED_BYTES, decode64, encode64, key_from, public_bytes
from linnet.ids import random_bytes
from linnet.stores.postgres.leases import settle_fact
from linnet.stores.postgres.pool import Database

_FACT: Final = "push_key_seed"


class PushKey:
    """One per process: asked for once, then remembered."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._key: ec.EllipticCurvePrivateKey | None = None

    async def private(self) -> ec.EllipticCurvePrivateKey:
        if self._key is None:
            seed = await settle_fact(self._db, _FACT, encode64(random_bytes(SEED_BYTES)))
            self._key = key_from(decode64(seed))
        return self._key

    async def public(self) -> str:
        """As apps are told it."""
        return encode64(public_bytes(await self.private()))
