"""Promise: an app says in either spelling of what it wants to be told and where; and it ends with its app."""

from typing import Any

import msgspec
import pytest

from linnet.domain.push import ALERTS, PushOptions
from linnet.ids import SessionId, UserId
from linnet.stores.postgres import pushes
from tests.http.app_world import PASSWORD, Site
from tests.http.mastodon_calls import KEYS, SUBSCRIPTION
from tests.http.oauth_world import ask, code_of, register, token_for
from tests.http.page_world import PageSite

PATH = "/api/v1/push/subscription"
ENDPOINT = "https://push.example.org/send/1?a=b"
FORM = {
    "subscription[endpoint]": ENDPOINT,
    "subscription[keys][p256dh]": KEYS["p256dh"],
    "subscription[keys][auth]": KEYS["auth"],
}


def on(answer: Any) -> set[str]:
    """Its alerts."""
    return {alert for alert, is_on in answer["alerts"].items() if is_on}


async def test_an_app_subscribes_with_a_form_looks_changes_and_ends_it(busy_pages: PageSite) -> None:
    site = busy_pages.site
    token = await token_for(busy_pages, await site.newcomer(), "push")
    refused = await ask(site, token, "GET", PATH)
    assert (refused.status_code, refused.json()["error"]) == (404, "Record not found")
    assert (await ask(site, token, "PUT", PATH, data={"data[policy]": "none"})).status_code == 404
    form = {**FORM, "data[alerts][mention]": "true", "data[alerts][favourite]": "1", "data[alerts][reblog]": "false"}
    form |= {"data[alerts][of_tomorrow]": "true", "data[policy]": "follower"}
    made = (await ask(site, token, "POST", PATH, data=form)).json()
    key = await site.world.write.push_key.public()
    assert isinstance(made["id"], int)
    assert made["id"] < 2**53, "programs in JavaScript read it exactly"
    assert (made["endpoint"], made["server_key"], made["standard"]) == (ENDPOINT, key, False)
    assert (on(made), made["policy"]) == ({"mention", "favourite"}, "follower")
    assert (await ask(site, token, "GET", PATH)).json() == made
    # Of what is not named nothing is wanted any more; without alerts they stay as they are.
    changed = (await ask(site, token, "PUT", PATH, data={"data[alerts][poll]": "true"})).json()
    assert changed == {**made, "alerts": {alert: alert == "poll" for alert in ALERTS}}
    changed = (await ask(site, token, "PUT", PATH, data={"policy": "none"})).json()
    assert (on(changed), changed["policy"]) == ({"poll"}, "none")
    for _ in range(2):
        ended = await ask(site, token, "DELETE", PATH)
        assert (ended.status_code, ended.json()) == (200, {})
    assert (await ask(site, token, "GET", PATH)).status_code == 404


async def test_json_says_the_same_and_each_app_has_one_of_its_own(busy_pages: PageSite) -> None:
    site = busy_pages.site
    ada = await site.newcomer()
    one, other = await token_for(busy_pages, ada), await token_for(busy_pages, ada)
    wish = {
        "subscription": {"endpoint": ENDPOINT, "keys": KEYS, "standard": True},
        "data": {"alerts": {"follow": True, "update": True, "mention": False, "of_tomorrow": True}},
    }
    first = (await ask(site, one, "POST", PATH, json=wish)).json()
    assert (on(first), first["policy"], first["standard"]) == ({"follow", "update"}, "all", True)
    second = (await ask(site, other, "POST", PATH, json=SUBSCRIPTION)).json()
    assert on(second) == {"mention"}
    # Once more: it is in the place of the first one, with all that it says.
    again = (await ask(site, one, "POST", PATH, json={"subscription": wish["subscription"]})).json()
    assert (on(again), again["endpoint"]) == (set(), ENDPOINT)
    await ask(site, other, "DELETE", PATH)
    assert (await ask(site, one, "GET", PATH)).json() == again


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subscription[endpoint]", ""),
        ("subscription[endpoint]", "push.example.org/1"),
        ("subscription[endpoint]", "http://push.example.org/1"),
        ("subscription[endpoint]", "file:///etc/passwd"),
        ("subscription[endpoint]", "https://localhost/1"),
        ("subscription[endpoint]", "https://127.0.0.1/1"),
        ("subscription[endpoint]", "https://10.1.2.3/1"),
        ("subscription[endpoint]", "https://169.254.169.254/latest/meta-data"),
        ("subscription[endpoint]", "https://[::1]/1"),
        ("subscription[endpoint]", "https://[::ffff:10.0.0.1]/1"),
        ("subscription[endpoint]", "https://push.example.org:22/1"),
        ("subscription[endpoint]", "https://ada:secret@push.example.org/1"),
        ("subscription[endpoint]", "https://push.example.org/a b"),
        ("subscription[endpoint]", "https://push.example.org/" + "x" * 2000),
        ("subscription[keys][p256dh]", ""),
        ("subscription[keys][p256dh]", "BCVx"),
        ("subscription[keys][p256dh]", "ü"),
        ("subscription[keys][auth]", ""),
        ("subscription[keys][auth]", KEYS["auth"] * 2),
        ("data[policy]", "everybody"),
    ],
)
async def test_what_cannot_be_is_refused_in_words_and_changes_nothing(busy_site: Site, field: str, value: str) -> None:
    ada = await busy_site.newcomer()
    before = (await ask(busy_site, ada.token, "POST", PATH, data={**FORM, "data[alerts][poll]": "1"})).json()
    refused = await ask(busy_site, ada.token, "POST", PATH, data={**FORM, field: value})
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("Validation failed: ")
    assert (await ask(busy_site, ada.token, "GET", PATH)).json() == before


async def test_it_ends_with_what_ends_its_app(busy_pages: PageSite) -> None:
    site = busy_pages.site
    for end in ("revoke", "session", "password", "account"):
        ada = await site.newcomer()
        client = await register(site)
        redeemed = await site.client.post("/oauth/token", data=client.redeems(await code_of(busy_pages, ada, client)))
        token = redeemed.json()["access_token"]
        assert (await ask(site, token, "POST", PATH, json=SUBSCRIPTION)).status_code == 200
        listed = (await site.ask("GET", "/api/sessions", by=ada)).json()["items"]
        [app] = [session for session in listed if session["scopes"] is not None]
        where = (site.world.db, UserId(int(ada.id)), SessionId(int(app["id"])))
        assert await pushes.find(*where) is not None
        match end:
            case "revoke":
                await site.client.post("/oauth/revoke", data={**client.credentials(), "token": token})
            case "session":
                await site.ask("DELETE", f"/api/sessions/{app['id']}", by=ada)
            case "password":
                change = {"old_password": PASSWORD, "new_password": "another feather"}
                assert (await site.ask("POST", "/api/me/password", change, by=ada)).status_code == 204
            case "account":
                assert (await site.ask("DELETE", "/api/me", {"password": PASSWORD}, by=ada)).status_code == 204
        assert await pushes.find(*where) is None, end


async def test_the_key_is_told_wherever_apps_look_for_it(busy_pages: PageSite) -> None:
    site = busy_pages.site
    key = await site.world.write.push_key.public()
    registered = (await site.client.post("/api/v1/apps", data={"client_name": "A", "redirect_uris": "a:b"})).json()
    token = await token_for(busy_pages, await site.newcomer())
    verified = (await ask(site, token, "GET", "/api/v1/apps/verify_credentials")).json()
    instance = (await ask(site, None, "GET", "/api/v2/instance")).json()
    assert {registered["vapid_key"], verified["vapid_key"], instance["configuration"]["vapid"]["public_key"]} == {key}


async def test_where_it_is_switched_off_that_is_said_and_no_key_is_given(busy_site: Site) -> None:
    ada, world = await busy_site.newcomer(), busy_site.world
    options, before = world.write.options, busy_site.services.write
    assert before.options is options
    off = msgspec.structs.replace(options, push=PushOptions(enabled=False))
    msgspec.structs.force_setattr(world.write, "options", off)
    try:
        refused = await ask(busy_site, ada.token, "POST", PATH, json=SUBSCRIPTION)
        instance = (await ask(busy_site, None, "GET", "/api/v2/instance")).json()
    finally:
        msgspec.structs.force_setattr(world.write, "options", options)
    assert (refused.status_code, refused.json()["error"]) == (403, "This place sends no notifications to devices.")
    assert instance["configuration"]["vapid"]["public_key"] == ""
