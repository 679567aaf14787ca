"""Sessions: who is logged in where. Tokens are kept hashed."""

from collections.abc import Collection

from linnet.domain.user import Session as LoginSession
from linnet.ids import SessionId, UserId
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("sessions")


async def insert(db: Reader, session: LoginSession, *, token_hash: bytes) -> None:
    await db.run(
        _sql["insert"],
        user_id=session.user_id,
        session_id=session.id,
        token_hash=token_hash,
        device=session.device,
        now_ms=session.last_used_ms,
        app_id=session.app_id,
        scopes=session.scopes,
    )


def _session(
    session_id: int, user_id: int, device: str, last_used_ms: int, app_id: int | None, scopes: str | None
) -> LoginSession:
    return LoginSession(SessionId(session_id), UserId(user_id), device, last_used_ms, app_id, scopes)


async def find_by_token(db: Reader, *, user_id: UserId, token_hash: bytes, unused_since_ms: int) -> LoginSession | None:
    """None when it ended, or was last used at ``unused_since_ms`` or before."""
    return await db.find(
        _session,
        _sql["find_by_token"],
        user_id=user_id,
        token_hash=token_hash,
        unused_since_ms=unused_since_ms,
    )


async def fetch_by_user(db: Reader, user_id: UserId, *, unused_since_ms: int, page_size: int) -> list[LoginSession]:
    """Newest first."""
    return await db.fetch(
        _session, _sql["fetch_by_user"], user_id=user_id, unused_since_ms=unused_since_ms, page_size=page_size
    )


async def lock_living(db: Reader, user_id: UserId, session_id: SessionId, *, unused_since_ms: int) -> bool:
    """Whether the session is not over; until the transaction ends it will not be."""
    found = await db.value(_sql["lock_living"], user_id=user_id, session_id=session_id, unused_since_ms=unused_since_ms)
    return found is not None


async def fetch_living_ids(
    db: Reader, *, user_ids: Collection[UserId], session_ids: Collection[SessionId], unused_since_ms: int
) -> set[int]:
    """Which of these users' sessions are not over."""
    return set(
        await db.fetch(
            int,
            _sql["fetch_living_ids"],
            user_ids=list(user_ids),
            session_ids=list(session_ids),
            unused_since_ms=unused_since_ms,
        )
    )


async def delete(db: Reader, user_id: UserId, session_id: SessionId) -> list[bytes]:
    """The ended session's token hash, or nothing."""
    return await db.fetch(bytes, _sql["delete"], user_id=user_id, session_id=session_id)


async def delete_of_app(db: Reader, user_id: UserId, app_id: int, *, token_hash: bytes) -> list[bytes]:
    """The token's hash if it was that app's and ended now, or nothing."""
    return await db.fetch(bytes, _sql["delete_of_app"], user_id=user_id, app_id=app_id, token_hash=token_hash)


async def delete_others(db: Reader, user_id: UserId, session_id: SessionId) -> list[bytes]:
    """The token hashes of all sessions but this one, which ended."""
    return await db.fetch(bytes, _sql["delete_others"], user_id=user_id, session_id=session_id)


async def touch(db: Reader, user_id: UserId, session_id: SessionId, used_ms: int, *, not_after_ms: int) -> None:
    """Notes a use, unless one after ``not_after_ms`` is stored already: by whichever process."""
    await db.run(_sql["touch"], user_id=user_id, session_id=session_id, used_ms=used_ms, not_after_ms=not_after_ms)


async def delete_expired(db: Reader, *, unused_since_ms: int, page_size: int) -> int:
    """How many were deleted; run again while it is ``page_size``."""
    return await db.run(_sql["delete_expired"], unused_since_ms=unused_since_ms, page_size=page_size)
