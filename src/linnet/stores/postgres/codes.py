"""Authorization codes: what a person granted an app, until the app fetches its token. Kept hashed."""

from linnet.domain.oauth import Code
from linnet.ids import SessionId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("codes")


async def lock_user(db: Session, user_id: UserId) -> bool:
    """Whether the account is there. Changing its password and leaving wait until the transaction ends."""
    return await db.value(_sql["lock_user"], user_id=user_id) is not None


async def insert(db: Session, code: Code, *, code_hash: bytes) -> None:
    await db.run(
        _sql["insert"],
        user_id=code.user_id,
        code_hash=code_hash,
        app_id=code.app_id,
        redirect_uri=code.redirect_uri,
        scopes=code.scopes,
        challenge=code.challenge,
        expires_ms=code.expires_ms,
    )


async def lock(db: Session, user_id: UserId, code_hash: bytes) -> Code | None:
    """Whoever comes with the same code waits until the transaction ends."""
    return await db.find(Code, _sql["lock"], user_id=user_id, code_hash=code_hash)


async def redeem(db: Session, user_id: UserId, code_hash: bytes, session_id: SessionId) -> None:
    """Notes what became of it."""
    await db.run(_sql["redeem"], user_id=user_id, code_hash=code_hash, session_id=session_id)


async def delete(db: Session, user_id: UserId, code_hash: bytes) -> None:
    """It is good for nothing."""
    await db.run(_sql["delete"], user_id=user_id, code_hash=code_hash)


async def delete_all(db: Session, user_id: UserId) -> None:
    """Nothing that was granted before is redeemed any more."""
    await db.run(_sql["delete_all"], user_id=user_id)


async def delete_expired(db: Reader, *, before_ms: int, page_size: int) -> int:
    """How many were deleted; run again while it is ``page_size``."""
    return await db.run(_sql["delete_expired"], before_ms=before_ms, page_size=page_size)
