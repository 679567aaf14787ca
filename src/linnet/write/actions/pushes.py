"""Verbs: have a device told of notifications, say of which, and have it told no more.

A log-in or an app has one subscription, which ends with it. Messages tell an app for whom they are by its own token, as
apps of the Mastodon API expect it; so that one is kept, hidden, and goes only to the key that came with it.
"""

from typing import Final

import msgspec

from linnet.domain.push import Policy, Subscription, Wishes, check_endpoint, check_keys
from linnet.domain.session import unused_since_ms
from linnet.domain.webpush import hide
from linnet.errors import PushIsOff, SubscriptionNotFound, Unauthenticated
from linnet.ids import SessionId, UserId, random_bytes
from linnet.stores.postgres import notifications, pushes, sessions
from linnet.stores.postgres.pool import run_again
from linnet.write.deps import WriteDeps

_NONCE_BYTES: Final = 12


class Device(msgspec.Struct, frozen=True):
    """Where messages go, as a client says it. ``standard``: it reads RFC 8291, and not only the draft before it."""

    endpoint: str
    p256dh: str
    auth: str
    standard: bool


def token_row(user_id: UserId, session_id: SessionId) -> bytes:
    """What a hidden token is bound to."""
    return f"{user_id}/{session_id}".encode()


async def subscribe(
    deps: WriteDeps,
    user_id: UserId,
    session_id: SessionId,
    device: Device,
    wishes: Wishes,
    *,
    token: str | None,
    base_url: str,
) -> Subscription:
    """In the place of the one there was. ``token`` is the app's; None for our own pages, which need none.

    Raises ``Invalid``, ``PushIsOff``, or ``Unauthenticated`` when the log-in ended meanwhile.
    """
    options = deps.options.push
    if not options.enabled:
        raise PushIsOff
    endpoint = check_endpoint(device.endpoint, options)
    public_key, auth = check_keys(device.p256dh, device.auth)
    key = await deps.push_key.private()
    now_ms = deps.clock.now_ms()
    made = Subscription(
        user_id=user_id,
        session_id=session_id,
        # A time, so that a program which reads numbers as JavaScript does reads it exactly.
        id=now_ms,
        endpoint=endpoint,
        public_key=public_key,
        auth=auth,
        standard=device.standard,
        wishes=wishes,
    )
    bound_to = token_row(user_id, session_id)
    hidden = None if token is None else hide(key, token, bound_to=bound_to, nonce=random_bytes(_NONCE_BYTES))

    async def attempt() -> None:
        async with deps.db.transaction() as tx:
            if not await sessions.lock_living(tx, user_id, session_id, unused_since_ms=unused_since_ms(now_ms)):
                raise Unauthenticated
            # Whoever tells this person something is before us, and that is not told; or after, and sees the row.
            last_ids = await notifications.lock_states(tx, {user_id: 0}, floor=deps.ids.mint())
            await pushes.put(tx, made, token=hidden, base_url=base_url, sent_id=last_ids[user_id])

    await run_again(attempt)
    return made


async def change(
    deps: WriteDeps,
    user_id: UserId,
    session_id: SessionId,
    *,
    alerts: frozenset[str] | None,
    policy: Policy | None,
) -> None:
    """What is None stays as it is. Raises ``SubscriptionNotFound``."""
    if not await run_again(lambda: pushes.change(deps.db, user_id, session_id, alerts=alerts, policy=policy)):
        raise SubscriptionNotFound


async def unsubscribe(deps: WriteDeps, user_id: UserId, session_id: SessionId) -> None:
    """Quiet when there is none."""
    await run_again(lambda: pushes.delete(deps.db, user_id, session_id))
