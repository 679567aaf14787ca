"""Tags that people show on their pages."""

from linnet.domain.featured import MAX_FEATURED, FeaturedTag
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("featured")

_LOOKED_AT = 1000


async def lock(db: Session, user_id: UserId) -> bool:
    """Makes others wait who would change what this user shows. False for somebody who is leaving."""
    return bool(await db.run(_sql["lock"], user_id=user_id))


async def insert(db: Session, user_id: UserId, new: FeaturedTag) -> None:
    """Nothing happens when it is there."""
    await db.run(_sql["insert"], user_id=user_id, tag=new.tag, display=new.display, featured_id=new.id)


async def delete(db: Session, user_id: UserId, featured_id: int) -> bool:
    """False when it was not there."""
    return bool(await db.run(_sql["delete"], user_id=user_id, featured_id=featured_id))


async def fetch(db: Reader, user_id: UserId) -> list[FeaturedTag]:
    """What somebody shows, in the order in which it was chosen."""
    return await db.fetch(FeaturedTag, _sql["fetch"], user_id=user_id, page_size=MAX_FEATURED)


async def fetch_used(db: Reader, user_id: UserId, *, page_size: int) -> list[str]:
    """The tags that somebody uses most of late, folded."""
    return await db.fetch(str, _sql["fetch_used"], user_id=user_id, looked_at=_LOOKED_AT, page_size=page_size)
