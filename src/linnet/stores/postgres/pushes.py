"""Subscriptions to notifications, and which of them have something to be sent."""

from collections.abc import Collection
from typing import Any

import msgspec

from linnet.domain.push import Policy, Subscription, Wishes, write_alerts
from linnet.ids import SessionId, UserId
from linnet.stores.postgres.pool import Reader, Session
from linnet.stores.postgres.queries import load_queries

_sql = load_queries("pushes")


class Claim(msgspec.Struct, frozen=True):
    """A subscription that is ours to serve until ``held_ms``, unless somebody takes its place.

    ``token`` is the app's, hidden; ``sent_id``: all notifications up to there are done. ``failing_ms``: since when the
    service takes nothing.
    """

    subscription: Subscription
    token: bytes | None
    base_url: str
    sent_id: int
    held_ms: int
    failures: int
    failing_ms: int | None


def _subscription(
    user_id: int,
    session_id: int,
    number: int,
    endpoint: str,
    public_key: bytes,
    auth: bytes,
    standard: Any,
    alerts: str,
    policy: Policy,
) -> Subscription:
    return Subscription(
        user_id=UserId(user_id),
        session_id=SessionId(session_id),
        id=number,
        endpoint=endpoint,
        public_key=public_key,
        auth=auth,
        standard=bool(standard),
        wishes=Wishes(frozenset(alerts.split()), policy),
    )


def _claim(*columns: Any) -> Claim:
    return Claim(_subscription(*columns[:9]), *columns[9:])


async def put(db: Session, made: Subscription, *, token: bytes | None, base_url: str, sent_id: int) -> None:
    """In the place of the one that its log-in had. Of what came before ``sent_id`` nothing is told."""
    await db.run(
        _sql["put"],
        user_id=made.user_id,
        session_id=made.session_id,
        id=made.id,
        endpoint=made.endpoint,
        public_key=made.public_key,
        auth=made.auth,
        standard=made.standard,
        alerts=write_alerts(made.wishes.alerts),
        policy=made.wishes.policy,
        token=token,
        base_url=base_url,
        sent_id=sent_id,
    )


async def change(
    db: Reader, user_id: UserId, session_id: SessionId, *, alerts: Collection[str] | None, policy: Policy | None
) -> bool:
    """False when there is none. What is None stays as it is."""
    found = await db.value(
        _sql["change"],
        user_id=user_id,
        session_id=session_id,
        alerts=None if alerts is None else write_alerts(alerts),
        policy=policy,
    )
    return found is not None


async def find(db: Reader, user_id: UserId, session_id: SessionId) -> Subscription | None:
    return await db.find(_subscription, _sql["find"], user_id=user_id, session_id=session_id)


async def delete(db: Reader, user_id: UserId, session_id: SessionId) -> None:
    """Quiet when there is none."""
    await db.run(_sql["delete"], user_id=user_id, session_id=session_id)


async def delete_ended(db: Session, user_id: UserId) -> None:
    """Those of a user's log-ins that are over by now."""
    await db.run(_sql["delete_ended"], user_id=user_id)


async def delete_orphans(db: Reader, *, page_size: int) -> int:
    """How many were deleted; run again while it is ``page_size``."""
    return await db.run(_sql["delete_orphans"], page_size=page_size)


async def mark_due(db: Session, user_ids: Collection[UserId], *, hurried_ids: Collection[UserId], now_ms: int) -> None:
    """These people were told something; some of them, something that hurries."""
    await db.run(_sql["mark_due"], user_ids=sorted(user_ids), hurried_ids=sorted(hurried_ids), now_ms=now_ms)


async def claim(db: Reader, *, now_ms: int, held_ms: int, page_size: int) -> list[Claim]:
    """Some for which something may wait, from now on ours until ``held_ms``."""
    return await db.fetch(_claim, _sql["claim"], now_ms=now_ms, held_ms=held_ms, page_size=page_size)


async def find_read_id(db: Reader, claim: Claim, *, unused_since_ms: int) -> int | None:
    """How far its person has read; None when it is over, or not ours any more."""
    found = await db.value(
        _sql["find_read_id"],
        user_id=claim.subscription.user_id,
        session_id=claim.subscription.session_id,
        id=claim.subscription.id,
        held_ms=claim.held_ms,
        unused_since_ms=unused_since_ms,
    )
    return None if found is None else int(found)


async def advance(db: Reader, claim: Claim, *, sent_id: int) -> None:
    """All up to there is done."""
    await db.run(
        _sql["advance"],
        user_id=claim.subscription.user_id,
        session_id=claim.subscription.session_id,
        id=claim.subscription.id,
        held_ms=claim.held_ms,
        sent_id=sent_id,
    )


async def settle(
    db: Reader, claim: Claim, *, sent_id: int, due_ms: int | None, free_ms: int = 0, calm_ms: int = 0
) -> None:
    """Lets it go. ``free_ms``: before then nobody takes it; ``due_ms``: then something waits, whatever comes or not."""
    await db.run(
        _sql["settle"],
        user_id=claim.subscription.user_id,
        session_id=claim.subscription.session_id,
        id=claim.subscription.id,
        held_ms=claim.held_ms,
        sent_id=sent_id,
        due_ms=due_ms,
        free_ms=free_ms,
        calm_ms=calm_ms,
    )


async def postpone(db: Reader, claim: Claim, *, until_ms: int, now_ms: int) -> None:
    """The service did not take it."""
    await db.run(
        _sql["postpone"],
        user_id=claim.subscription.user_id,
        session_id=claim.subscription.session_id,
        id=claim.subscription.id,
        held_ms=claim.held_ms,
        until_ms=until_ms,
        now_ms=now_ms,
    )


async def drop(db: Reader, claim: Claim) -> None:
    """Ends it while it is ours, and not one that came in its place."""
    await db.run(
        _sql["drop"],
        user_id=claim.subscription.user_id,
        session_id=claim.subscription.session_id,
        id=claim.subscription.id,
        held_ms=claim.held_ms,
    )


async def count_late(db: Reader, *, late_seconds: float) -> int:
    """For how many something waits so long, by the clock of PostgreSQL, though nobody is to wait with them."""
    return int(await db.value(_sql["count_late"], late_seconds=late_seconds))
