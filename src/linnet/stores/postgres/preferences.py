"""Preferences: with what somebody's apps begin a post."""

from linnet.domain.preferences import Preferences
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("preferences")


async def find(db: Reader, user_id: UserId) -> Preferences:
    """Whoever never said anything has the usual ones."""
    return await db.find(Preferences, _sql["find"], user_id=user_id) or Preferences()


async def put(db: Reader, user_id: UserId, chosen: Preferences) -> None:
    await db.run(
        _sql["put"],
        user_id=user_id,
        visibility=chosen.visibility,
        sensitive=chosen.sensitive,
        language=chosen.language,
    )
