"""Notifications on the device whose browser looks: a subscription of its log-in, which ends with that."""

from typing import Any, Final

from litestar import Response

from linnet.domain.addresses import base_of
from linnet.domain.push import ALERTS, Wishes
from linnet.web.answers import go_to
from linnet.web.asking import Ask, PageRoute
from linnet.web.pages.settings import back_to_settings
from linnet.write.actions import pushes
from linnet.write.actions.pushes import Device

_EVERYTHING: Final = Wishes(frozenset(ALERTS), "all")


async def turn_on(ask: Ask) -> Response[Any]:
    """In the place of the one there was. A script sends what the browser got from its push service."""
    form = await ask.form()
    actor = ask.actor
    # Browsers that have web push read the RFC.
    device = Device(form.get("endpoint", ""), form.get("p256dh", ""), form.get("auth", ""), standard=True)
    # The worker of our pages knows where it is from, and for whom: there is no token in what it is sent.
    host, scheme = ask.request.headers.get("host", ""), ask.request.scope["scheme"]
    base_url = base_of(ask.services.options.public_url, host=host, scheme=scheme)
    write = ask.services.write
    await pushes.subscribe(write, actor.user_id, actor.session_id, device, _EVERYTHING, token=None, base_url=base_url)
    return go_to("/settings#s-push")


async def turn_off(ask: Ask) -> Response[Any]:
    """Quiet when there is none; without scripts, too."""
    await ask.form()
    await pushes.unsubscribe(ask.services.write, ask.actor.user_id, ask.actor.session_id)
    return go_to("/settings?done=push#s-push")


PAGES = (
    PageRoute("POST", "/settings/push", turn_on, limit="profile"),
    PageRoute("POST", "/settings/push/off", turn_off),
    PageRoute("GET", "/settings/push", back_to_settings),
    PageRoute("GET", "/settings/push/off", back_to_settings),
)
