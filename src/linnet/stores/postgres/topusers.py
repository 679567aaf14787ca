"""Records of top users: whose tweets are pulled, and from which id to which."""

from collections.abc import Sequence

import msgspec

from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("topusers")


class TopUser(msgspec.Struct, frozen=True):
    """``since_id`` None: pulled already, pushed still. ``until_id`` set: on the way out."""

    user_id: UserId
    since_id: int | None
    until_id: int | None

    def covers(self, tweet_id: int) -> bool:
        """Whether this tweet need not be pushed, because every reader of its author pulls it."""
        return (
            self.since_id is not None
            and self.since_id <= tweet_id
            and (self.until_id is None or tweet_id < self.until_id)
        )


async def find(db: Reader, user_id: UserId) -> TopUser | None:
    return await db.find(TopUser, _sql["find"], user_id=user_id)


async def fetch(db: Reader, user_ids: Sequence[int]) -> dict[UserId, TopUser]:
    """The records there are, by user."""
    return {row.user_id: row for row in await db.fetch(TopUser, _sql["fetch"], user_ids=list(user_ids))}


async def fetch_page(db: Reader, *, after_user_id: int, page_size: int) -> list[TopUser]:
    """By user id, ascending."""
    return await db.fetch(TopUser, _sql["fetch_page"], after_user_id=after_user_id, page_size=page_size)


async def insert(db: Reader, user_id: UserId) -> None:
    await db.run(_sql["insert"], user_id=user_id)


async def start(db: Reader, user_id: UserId, *, since_id: int) -> None:
    await db.run(_sql["start"], user_id=user_id, since_id=since_id)


async def reopen(db: Reader, user_id: UserId) -> None:
    await db.run(_sql["reopen"], user_id=user_id)


async def finish(db: Reader, user_id: UserId, *, until_id: int) -> None:
    await db.run(_sql["finish"], user_id=user_id, until_id=until_id)


async def delete(db: Reader, user_id: UserId) -> None:
    await db.run(_sql["delete"], user_id=user_id)
