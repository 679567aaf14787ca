"""Sessions beside the truth: token → session, so that a request need not ask PostgreSQL who it is."""

import msgspec

from linnet.domain.user import Session
from linnet.ids import SessionId, UserId
from linnet.stores.valkey.client import Valkey
from linnet.stores.valkey.keys import Keys

_ENDED = b"-"
_SECONDS_TO_LIVE = 600
# Longer than a session that was read just before it ended can take to be filled in.
_ENDED_SECONDS_TO_LIVE = 3600


class CachedSession(msgspec.Struct, frozen=True):
    """``ended``: known to be over. ``scopes``: it is an app's, which may do so much; None: a log-in."""

    id: SessionId
    user_id: UserId
    ended: bool = False
    app_id: int = 0
    scopes: str | None = None


async def find(valkey: Valkey, keys: Keys, user_id: UserId, token_hash: bytes) -> CachedSession | None:
    """None when nothing is known."""
    value: bytes | None = await valkey.call(b"GET", keys.session(user_id, token_hash))
    if value is None:
        return None
    if value == _ENDED:
        return CachedSession(SessionId(0), user_id, ended=True)
    session_id = SessionId(int.from_bytes(value[:8], "big"))
    if len(value) == 8:
        return CachedSession(session_id, user_id)
    return CachedSession(
        session_id, user_id, app_id=int.from_bytes(value[8:16], "big"), scopes=value[16:].decode("ascii")
    )


async def put(valkey: Valkey, keys: Keys, token_hash: bytes, session: Session) -> None:
    """Fills in what the truth said. Never over the note that the session ended.

    What an app may do stands behind the id, so that it is never taken for a log-in.
    """
    value = session.id.to_bytes(8, "big")
    if session.scopes is not None:
        value += (session.app_id or 0).to_bytes(8, "big") + session.scopes.encode("ascii")
    await valkey.call(b"SET", keys.session(session.user_id, token_hash), value, b"NX", b"EX", _SECONDS_TO_LIVE)


async def end(valkey: Valkey, keys: Keys, user_id: UserId, token_hashes: list[bytes]) -> None:
    """Notes that sessions are over, for every process at once."""
    for call in [
        valkey.call(b"SET", keys.session(user_id, token_hash), _ENDED, b"EX", _ENDED_SECONDS_TO_LIVE)
        for token_hash in token_hashes
    ]:
        await call
