"""How large the place is: exact while it is small, and about so large when counting would take long."""

import msgspec

from linnet.stores.postgres.pool import Database
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("instance")

# So many rows are counted in milliseconds.
_FEW = 20_000


class Size(msgspec.Struct, frozen=True):
    """How many people, tweets, and people who were here lately."""

    users: int
    tweets: int
    active: int


class _Estimate(msgspec.Struct, frozen=True):
    users: int
    tweets: int


async def count(db: Database, *, active_since_ms: int) -> Size:
    """What PostgreSQL has never looked at is counted too, for as long as a statement may take."""
    async with db.session() as session:
        about = await session.find(_Estimate, _sql["find_size"]) or _Estimate(0, 0)
        users = about.users if about.users > _FEW else int(await session.value(_sql["count_people"]))
        tweets = about.tweets if about.tweets > _FEW else int(await session.value(_sql["count_tweets"]))
        percent = min(100.0, 100.0 * _FEW / max(users, 1))
        active = int(await session.value(_sql["count_active"], percent=percent, since_ms=active_since_ms))
    return Size(users, tweets, min(users, round(active * 100 / percent)))
