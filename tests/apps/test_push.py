"""A bot subscribes by Mastodon.py, and is told over real sockets by a worker process of what somebody says to it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from mastodon import MastodonNotFoundError

from tests.apps._apps import mastodon_of
from tests.support.pushing import PushServer, Subscriber, open_push_server
from tests.support.servers import Servers
from tests.web._site import WebSite, open_web_site


@pytest.fixture
def site(servers: Servers, tmp_path: Path) -> Iterator[WebSite]:
    """One whose push service is beside it."""
    with open_web_site(servers, tmp_path, LINNET_PUSH_PRIVATE="true") as site:
        yield site


@pytest.fixture
def server() -> Iterator[PushServer]:
    with open_push_server() as server:
        yield server


@pytest.mark.parametrize("standard", [True, None])
def test_a_bot_is_told_of_mentions_until_it_wants_it_no_more(
    site: WebSite, server: PushServer, standard: bool | None
) -> None:
    adas, bens = mastodon_of(site.url, site.sign_up("ada")), mastodon_of(site.url, site.sign_up("ben"))
    # The library says that these are texts.
    keys: tuple[Any, Any] = adas.push_subscription_generate_keys()
    private, public = keys
    made = adas.push_subscription_set(
        f"{server.url}/ada", public, mention_events=True, favourite_events=False, standard=standard
    )
    assert (made["endpoint"], made["alerts"]["mention"]) == (f"{server.url}/ada", True)
    assert made["server_key"] == adas.instance()["configuration"]["vapid"]["public_key"]
    assert adas.push_subscription()["id"] == made["id"]
    bens.status_favourite(adas.status_post("Bread")["id"])
    told_of = bens.status_post("Fresh, @ada?")
    device = Subscriber(ec.derive_private_key(private["privkey"], ec.SECP256R1()), private["auth"])
    [sent] = server.wait_for(1)
    message = device.read(sent)
    assert (message["title"], message["body"]) == ("Ben mentioned you", "Fresh, @ada?")
    assert message["access_token"] == adas.access_token
    notification = adas.notifications(int(message["notification_id"]))
    assert (notification["type"], notification["status"]["id"]) == ("mention", told_of["id"])
    changed = adas.push_subscription_update(mention_events=False, follow_events=True)
    assert {name for name, is_on in changed["alerts"].items() if is_on} == {"follow"}
    bens.status_post("Still there, @ada?")
    site.settle()
    bens.account_follow(adas.me()["id"])
    [_, followed] = server.wait_for(2)
    assert json.loads(device.decrypt(followed.body, followed.headers))["title"] == "Ben followed you"
    adas.push_subscription_delete()
    with pytest.raises(MastodonNotFoundError):
        adas.push_subscription()
