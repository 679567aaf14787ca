"""Tags that people follow."""

from collections.abc import Collection

from linnet.domain.followedtags import FollowedTag
from linnet.domain.timeline import Range
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range

_sql = load_queries("followedtags")


async def insert(db: Session, user_id: UserId, new: FollowedTag) -> bool:
    """False when it was there."""
    return bool(await db.run(_sql["insert"], user_id=user_id, tag=new.tag, display=new.display, followed_id=new.id))


async def delete(db: Session, user_id: UserId, tag: str) -> bool:
    """False when it was not there."""
    return bool(await db.run(_sql["delete"], user_id=user_id, tag=tag))


async def count(db: Reader, user_id: UserId) -> int:
    return int(await db.value(_sql["count"], user_id=user_id))


async def fetch(db: Reader, user_id: UserId, wanted: Range) -> list[FollowedTag]:
    """Whichever came last first."""
    return await fetch_range(db, FollowedTag, _sql["fetch"], _sql["fetch_above"], wanted, user_id=user_id)


async def fetch_among(db: Reader, user_id: UserId, tags: Collection[str]) -> list[FollowedTag]:
    """Those of these folded tags that somebody follows, in no order."""
    return await db.fetch(FollowedTag, _sql["fetch_among"], user_id=user_id, tags=list(tags))
