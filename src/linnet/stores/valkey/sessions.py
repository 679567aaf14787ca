"""Sessions beside the truth: token → session, so that a request need not ask PostgreSQL who it is."""

import msgspec

from linnet.ids import SessionId, UserId
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys

_ENDED = b"-"
_SECONDS_TO_LIVE = 600
# Longer than a session that was read just before it ended can take to be filled in.
_ENDED_SECONDS_TO_LIVE = 3600


class CachedSession(msgspec.Struct, frozen=True):
    """``ended``: known to be over."""

    id: SessionId
    user_id: UserId
    ended: bool = False


async def find(valkey: Valkey, keys: Keys, user_id: UserId, token_hash: bytes) -> CachedSession | None:
    """None when nothing is known."""
    value: bytes | None = await valkey.call(b"GET", keys.session(user_id, token_hash))
    if value is None:
        return None
    if value == _ENDED:
        return CachedSession(SessionId(0), user_id, ended=True)
    return CachedSession(SessionId(int.from_bytes(value, "big")), user_id)


async def put(valkey: Valkey, keys: Keys, user_id: UserId, token_hash: bytes, session_id: SessionId) -> None:
    """Fills in what the truth said. Never over the note that the session ended."""
    await valkey.call(
        b"SET", keys.session(user_id, token_hash), session_id.to_bytes(8, "big"), b"NX", b"EX", _SECONDS_TO_LIVE
    )


async def end(valkey: Valkey, keys: Keys, user_id: UserId, token_hashes: list[bytes]) -> None:
    """Notes that sessions are over, for every process at once."""
    for call in [
        valkey.call(b"SET", keys.session(user_id, token_hash), _ENDED, b"EX", _ENDED_SECONDS_TO_LIVE)
        for token_hash in token_hashes
    ]:
        await call
