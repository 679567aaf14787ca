"""Notifications one by one: the same rows as ``notifications.py`` groups, for clients that group them themselves."""

from collections.abc import Collection

import msgspec

from linnet.domain.notification import NotificationKind
from linnet.domain.timeline import Range
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range

_sql = load_queries("causes")


class CauseRow(msgspec.Struct, frozen=True):
    """``actor_id`` did it; ``id`` orders a user's notifications, ``group_id`` is the tweet it is about, or the day."""

    id: int
    kind: NotificationKind
    group_id: int
    actor_id: UserId


async def fetch(db: Reader, user_id: UserId, wanted: Range, *, kinds: Collection[NotificationKind]) -> list[CauseRow]:
    """Newest first, of people whom the user may meet."""
    return await fetch_range(
        db, CauseRow, _sql["fetch_below"], _sql["fetch_above"], wanted, user_id=user_id, kinds=list(kinds)
    )
