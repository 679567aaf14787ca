"""Apps: programs that registered here to be let in by people. Of secrets and tokens there are digests."""

from linnet.domain.oauth import App
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("apps")


async def insert(db: Reader, app: App) -> None:
    await db.run(
        _sql["insert"],
        app_id=app.id,
        name=app.name,
        website=app.website,
        redirect_uris=app.redirect_uris,
        scopes=app.scopes,
        secret_hash=app.secret_hash,
    )


async def find(db: Reader, app_id: int) -> App | None:
    return await db.find(App, _sql["find"], app_id=app_id)


async def mark_used(db: Reader, app_id: int, *, now_ms: int) -> None:
    """It is not one that is forgotten after some days."""
    await db.run(_sql["mark_used"], app_id=app_id, now_ms=now_ms)


async def put_token(db: Reader, app: App, token_hash: bytes, *, now_ms: int) -> None:
    """Lets the app's own token in, unless that one was taken back since ``app`` was read."""
    await db.run(_sql["put_token"], app_id=app.id, tokens_count=app.tokens_count, token_hash=token_hash, now_ms=now_ms)


async def take_token(db: Reader, app_id: int, token_hash: bytes) -> None:
    """Takes the app's own token back; quiet when it is another's, or was taken before."""
    await db.run(_sql["take_token"], app_id=app_id, token_hash=token_hash)


async def delete_unused(db: Reader, *, before_id: int, page_size: int) -> int:
    """How many were deleted; run again while it is ``page_size``."""
    return await db.run(_sql["delete_unused"], before_id=before_id, page_size=page_size)
