"""Wishes to follow somebody who wants to be asked, in both directions."""

from collections.abc import Collection, Sequence

import msgspec

from linnet.domain.timeline import Range
from linnet.domain.user import FollowEdge
from linnet.ids import UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries
from linnet.stores.postgres.ranges import fetch_range

_sql = load_queries("followrequests")


class Door(msgspec.Struct, frozen=True):
    """What somebody who would follow a user finds: whether one has to ask, and whether they have."""

    locked: bool
    asked: bool


class Asked(msgspec.Struct, frozen=True):
    """Whom of some people a user asked, and who of them asked the user."""

    to: frozenset[UserId] = frozenset()
    by: frozenset[UserId] = frozenset()


class FollowRequest(msgspec.Struct, frozen=True):
    """``follower_id`` asked ``followed_id``; ``id`` says when."""

    follower_id: UserId
    followed_id: UserId
    id: int


async def find_door(db: Session, *, user_id: UserId, requester_id: UserId) -> Door | None:
    """None when the account is gone. Until the transaction ends nobody opens or shuts it."""
    return await db.find(Door, _sql["find_door"], user_id=user_id, requester_id=requester_id)


async def lock_door(db: Session, user_id: UserId) -> bool | None:
    """Whether a user is to be asked; None when the account is gone. The row is locked until the transaction ends."""
    locked: bool | None = await db.value(_sql["lock_door"], user_id=user_id)
    return locked


async def insert(db: Session, *, follower_id: UserId, followed_id: UserId, request_id: int) -> bool:
    """False when it was there. Of several at once exactly one is told True."""
    inserted = await db.value(_sql["insert"], follower_id=follower_id, followed_id=followed_id, request_id=request_id)
    return bool(inserted)


async def delete(db: Session, *, follower_id: UserId, followed_id: UserId) -> bool:
    """False when it was not there."""
    return bool(await db.value(_sql["delete"], follower_id=follower_id, followed_id=followed_id))


async def fetch_requesters(db: Reader, user_id: UserId, wanted: Range) -> list[FollowEdge]:
    """Who asked to follow a user, newest first."""
    return await fetch_range(
        db, FollowEdge, _sql["fetch_requesters"], _sql["fetch_requesters_above"], wanted, user_id=user_id
    )


async def count_requesters(db: Reader, user_id: UserId, *, page_size: int) -> int:
    """How many asked to follow a user, or ``page_size``."""
    return int(await db.value(_sql["count_requesters"], user_id=user_id, page_size=page_size))


async def fetch_among(db: Reader, user_id: UserId, user_ids: Sequence[int]) -> Asked:
    """What there is between a user and these people."""
    rows: list[tuple[UserId, str]] = await db.fetch(
        lambda other_id, how: (other_id, how), _sql["fetch_among"], user_id=user_id, user_ids=list(user_ids)
    )
    return Asked(
        to=frozenset(other_id for other_id, how in rows if how == "to"),
        by=frozenset(other_id for other_id, how in rows if how == "by"),
    )


async def fetch_pairs(db: Reader, pairs: Collection[tuple[UserId, UserId]]) -> list[FollowRequest]:
    """Those of these (follower, followed) pairs that are requests at this moment."""
    found = await db.fetch(
        FollowRequest,
        _sql["fetch_pairs"],
        follower_ids=list({follower_id for follower_id, _ in pairs}),
        followed_ids=list({followed_id for _, followed_id in pairs}),
    )
    return [request for request in found if (request.follower_id, request.followed_id) in pairs]
