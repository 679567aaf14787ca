"""Subscriptions to notifications (web push): one for each token."""

from typing import Any

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.params import Params
from linnet.domain.push import ALERTS, Policy, Subscription, Wishes, check_policy
from linnet.errors import SubscriptionNotFound
from linnet.read.timelines.pushes import subscription_of
from linnet.write.actions import pushes
from linnet.write.actions.pushes import Device


async def get_subscription(call: Call) -> Answer:
    """That of this token."""
    return await _answer(call)


async def post_subscription(call: Call) -> Answer:
    """In the place of the one there was."""
    params = await call.body(with_query=False)
    device = Device(
        endpoint=params.text("subscription[endpoint]"),
        p256dh=params.text("subscription[keys][p256dh]"),
        auth=params.text("subscription[keys][auth]"),
        standard=params.flag("subscription[standard]"),
    )
    wishes = Wishes(_alerts(params) or frozenset(), _policy(params) or "all")
    made = await pushes.subscribe(
        call.write, call.me, call.actor.session_id, device, wishes, token=call.token, base_url=call.base
    )
    return answer(await _entity(call, made))


async def put_subscription(call: Call) -> Answer:
    """Of what it tells, and by whom. Which alerts are not named is off then, if any is."""
    params = await call.body(with_query=False)
    await pushes.change(call.write, call.me, call.actor.session_id, alerts=_alerts(params), policy=_policy(params))
    return await _answer(call)


async def delete_subscription(call: Call) -> Answer:
    """Quiet when there is none."""
    await pushes.unsubscribe(call.write, call.me, call.actor.session_id)
    return answer({})


def _alerts(params: Params) -> frozenset[str] | None:
    """None: nothing is said about any. What is not known is not minded."""
    prefix = "data[alerts]["
    if not any(name.startswith(prefix) for name in params.values):
        return None
    return frozenset(alert for alert in ALERTS if params.flag(f"{prefix}{alert}]"))


def _policy(params: Params) -> Policy | None:
    # Old clients say it beside the data.
    text = params.text("data[policy]") or params.text("policy")
    return check_policy(text) if text else None


async def _answer(call: Call) -> Answer:
    found = await subscription_of(call.read, call.me, call.actor.session_id)
    if found is None:
        raise SubscriptionNotFound
    return answer(await _entity(call, found))


async def _entity(call: Call, one: Subscription) -> dict[str, Any]:
    return {
        # A number: apps read it as one.
        "id": one.id,
        "endpoint": one.endpoint,
        "standard": one.standard,
        "alerts": {alert: alert in one.wishes.alerts for alert in ALERTS},
        "policy": one.wishes.policy,
        "server_key": await call.write.push_key.public(),
    }


_PUSH = ("push",)

ROUTES = (
    Route("GET", "/api/v1/push/subscription", get_subscription, _PUSH),
    Route("POST", "/api/v1/push/subscription", post_subscription, _PUSH),
    Route("PUT", "/api/v1/push/subscription", put_subscription, _PUSH),
    Route("DELETE", "/api/v1/push/subscription", delete_subscription, _PUSH),
)
