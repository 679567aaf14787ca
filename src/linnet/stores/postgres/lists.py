"""Lists of people, who is on them, and the definition of their timelines."""

from collections.abc import Collection, Sequence

from linnet.domain.lists import Members, PeopleList, Replies
from linnet.domain.timeline import Entry, Range
from linnet.domain.user import FollowEdge
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range

_sql = load_queries("lists")


async def insert(db: Session, user_id: UserId, new: PeopleList) -> bool:
    """False for somebody who is leaving."""
    inserted = await db.run(
        _sql["insert"],
        user_id=user_id,
        list_id=new.id,
        title=new.title,
        replies=new.replies,
        exclusive=new.exclusive,
    )
    return bool(inserted)


async def update(db: Session, user_id: UserId, changed: PeopleList) -> bool:
    """False when it is not there."""
    updated = await db.run(
        _sql["update"],
        user_id=user_id,
        list_id=changed.id,
        title=changed.title,
        replies=changed.replies,
        exclusive=changed.exclusive,
    )
    return bool(updated)


async def delete(db: Session, user_id: UserId, list_id: int) -> bool:
    """With its members. False when it was not there."""
    return bool(await db.value(_sql["delete"], user_id=user_id, list_id=list_id))


async def find(db: Reader, user_id: UserId, list_id: int) -> PeopleList | None:
    return await db.find(PeopleList, _sql["find"], user_id=user_id, list_id=list_id)


async def count(db: Reader, user_id: UserId) -> int:
    """How many lists somebody has."""
    return int(await db.value(_sql["count"], user_id=user_id))


async def fetch_by_user(db: Reader, user_id: UserId, *, page_size: int) -> list[PeopleList]:
    """Somebody's lists, the oldest first."""
    return await db.fetch(PeopleList, _sql["fetch_by_user"], user_id=user_id, page_size=page_size)


async def fetch_with_member(db: Reader, user_id: UserId, member_id: UserId, *, page_size: int) -> list[PeopleList]:
    """Those of somebody's lists that somebody else is on."""
    return await db.fetch(
        PeopleList, _sql["fetch_with_member"], user_id=user_id, member_id=member_id, page_size=page_size
    )


async def insert_members(
    db: Session, user_id: UserId, list_id: int, member_ids: Sequence[UserId], place_ids: Sequence[int]
) -> int:
    """How many were not there before."""
    return await db.run(
        _sql["insert_members"],
        user_id=user_id,
        list_id=list_id,
        member_ids=list(member_ids),
        place_ids=list(place_ids),
    )


async def delete_members(db: Session, user_id: UserId, list_id: int, member_ids: Collection[UserId]) -> int:
    """How many were there."""
    return await db.run(_sql["delete_members"], user_id=user_id, list_id=list_id, member_ids=list(member_ids))


async def fetch_members(db: Reader, user_id: UserId, list_id: int, wanted: Range) -> list[FollowEdge]:
    """Who is on a list, whoever came last first."""
    return await fetch_range(
        db,
        FollowEdge,
        _sql["fetch_members"],
        _sql["fetch_members_above"],
        wanted,
        user_id=user_id,
        list_id=list_id,
    )


async def find_members(db: Reader, user_id: UserId, list_id: int) -> Members | None:
    """One query, and so of one moment."""
    return await db.find(_members, _sql["find_members"], user_id=user_id, list_id=list_id)


def _members(replies: Replies, member_ids: list[UserId], followed: list[UserId], kept_away: list[UserId]) -> Members:
    return Members(replies, frozenset(member_ids), frozenset(followed), frozenset(kept_away))


async def fetch_oracle(db: Reader, user_id: UserId, list_id: int, *, before_id: int, page_size: int) -> list[Entry]:
    """A list's timeline as it is defined. For checks, not for serving."""
    return await db.fetch(
        Entry, _sql["fetch_oracle"], user_id=user_id, list_id=list_id, before_id=before_id, page_size=page_size
    )
