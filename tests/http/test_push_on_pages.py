"""Promise: a browser that one is logged in with is told of notifications when one says so, and until one logs out."""

import msgspec
import pytest

from linnet.domain.push import ALERTS, PushOptions, Subscription
from linnet.ids import SessionId, UserId
from linnet.stores.postgres import pushes
from tests.http.app_world import PASSWORD, Person, Site
from tests.http.mastodon_calls import KEYS
from tests.http.page_world import Browser, Element, PageSite
from tests.http.test_scripts_ask import ask_of

ENDPOINT = "https://push.example.org/send/1?a=b"
FIELDS = {"endpoint": ENDPOINT, **KEYS}


async def find(site: Site, person: Person, token: str = "") -> Subscription | None:
    """That of somebody's log-in."""
    viewer = await site.services.viewers.find(token or person.token)
    assert viewer is not None
    return await pushes.find(site.world.db, UserId(int(person.id)), viewer.session_id)


async def section(browser: Browser) -> Element:
    return (await browser.see("/settings")).root.one(id="s-push")


async def turn_on(browser: Browser) -> None:
    page = await browser.post("/settings/push", {"csrf": await browser.csrf(), **FIELDS})
    assert (page.status, page.location) == (303, "/settings#s-push")


async def test_a_browser_subscribes_and_ends_it_without_scripts_too(pages: PageSite) -> None:
    site = pages.site
    ada = await site.newcomer()
    browser = pages.browser(ada)
    off = await section(browser)
    [form] = off.all("form")
    assert form.attributes["data-push"] == await site.world.write.push_key.public()
    assert "data-on" not in form.attributes
    assert "hidden" in form.one(cls="row").attributes, "only a script can turn it on"
    await turn_on(browser)
    found = await find(site, ada)
    assert found is not None
    assert (found.endpoint, found.standard) == (ENDPOINT, True)
    assert (found.wishes.alerts, found.wishes.policy) == (frozenset(ALERTS), "all")
    told = (await section(browser)).one("form")
    assert "data-on" in told.attributes
    assert "hidden" not in told.one(cls="row").attributes
    gone = await browser.send(told)
    assert (gone.status, gone.location) == (303, "/settings?done=push#s-push")
    assert await find(site, ada) is None
    assert (await browser.send(told)).status == 303, "quiet when there is none"


async def test_it_is_this_log_ins_alone(pages: PageSite) -> None:
    site = pages.site
    ada = await site.newcomer()
    browser, other = pages.browser(ada), pages.browser()
    assert (await other.post("/login", {"login": ada.username, "password": PASSWORD})).status == 303
    await turn_on(browser)
    form = (await section(other)).one("form")
    assert "data-on" not in form.attributes
    assert (await other.send(form)).status == 303
    assert await find(site, ada) is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", ""),
        ("endpoint", "http://push.example.org/1"),
        ("endpoint", "https://127.0.0.1/1"),
        ("endpoint", "https://push.example.org/\0"),
        ("endpoint", "https://push.example.org/" + "x" * 2000),
        ("p256dh", ""),
        ("p256dh", "ü"),
        ("auth", KEYS["auth"] * 2),
    ],
)
async def test_what_cannot_be_is_refused_in_words_and_changes_nothing(pages: PageSite, field: str, value: str) -> None:
    site = pages.site
    ada = await site.newcomer()
    browser = pages.browser(ada)
    await turn_on(browser)
    before = await find(site, ada)
    csrf = await browser.csrf()
    status, refused = await ask_of(browser, "/settings/push", {"csrf": csrf, **FIELDS, field: value})
    assert (status, refused["code"]) == (422, "invalid_input")
    assert refused["sentence"].endswith(".")
    assert (await browser.post("/settings/push", {"csrf": csrf, **FIELDS, field: value})).status == 422
    assert await find(site, ada) == before


async def test_no_other_site_turns_it_on_or_off_and_no_stranger(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.newcomer(), await site.newcomer()
    browser = pages.browser(ada)
    theirs = await pages.browser(ben).csrf()
    for csrf in ({}, {"csrf": "x"}, {"csrf": theirs}):
        assert (await ask_of(browser, "/settings/push", {**FIELDS, **csrf}))[0] == 403
    elsewhere = {"csrf": await browser.csrf(), **FIELDS}
    strange = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert (await browser.post("/settings/push", elsewhere, headers=strange)).status == 403
    assert await find(site, ada) is None
    await turn_on(browser)
    assert (await ask_of(browser, "/settings/push/off", {"csrf": theirs}))[0] == 403
    assert await find(site, ada) is not None
    stranger = await ask_of(pages.browser(), "/settings/push", FIELDS)
    assert (stranger[0], stranger[1]["code"]) == (401, "not_logged_in")


@pytest.mark.parametrize("host", ["evil@linnet.test", "[::1", "x" * 5000, "linnet.test"])
async def test_a_strange_name_of_this_place_breaks_nothing(pages: PageSite, host: str) -> None:
    ada = await pages.site.newcomer()
    browser = pages.browser(ada)
    fields = {"csrf": await browser.csrf(), **FIELDS}
    assert (await browser.post("/settings/push", fields, headers={"Host": host})).status == 303
    assert await find(pages.site, ada) is not None


async def test_where_it_is_switched_off_that_is_said_in_a_sentence(pages: PageSite) -> None:
    site = pages.site
    ada, world = await site.newcomer(), site.world
    browser = pages.browser(ada)
    await turn_on(browser)
    options = world.write.options
    off = msgspec.structs.replace(options, push=PushOptions(enabled=False))
    msgspec.structs.force_setattr(world.write, "options", off)
    try:
        shown = await section(browser)
        refused = await ask_of(browser, "/settings/push", {"csrf": await browser.csrf(), **FIELDS})
    finally:
        msgspec.structs.force_setattr(world.write, "options", options)
    assert not shown.all("form")
    assert "This place sends none" in shown.text
    assert refused == (403, {"code": "push_is_off", "sentence": "This place sends no notifications to devices."})


async def test_it_ends_with_its_log_in(pages: PageSite) -> None:
    site = pages.site
    for end in ("log-out", "elsewhere", "password", "account"):
        ada = await site.newcomer()
        browser, other = pages.browser(), pages.browser(ada)
        assert (await browser.post("/login", {"login": ada.username, "password": PASSWORD})).status == 303
        viewer = await site.services.viewers.find(browser.client.cookies["linnet_session"])
        assert viewer is not None
        await turn_on(browser)
        where = (site.world.db, UserId(int(ada.id)), SessionId(viewer.session_id))
        assert await pushes.find(*where) is not None
        csrf = {"csrf": await (browser if end == "log-out" else other).csrf()}
        match end:
            case "log-out":
                answer = await browser.post("/logout", csrf)
            case "elsewhere":
                answer = await other.post("/settings/devices", {**csrf, "session_id": str(viewer.session_id)})
            case "password":
                change = {"old_password": PASSWORD, "new_password": "another feather"}
                answer = await other.post("/settings/password", {**csrf, **change})
            case "account":
                answer = await other.post("/settings/leave", {**csrf, "password": PASSWORD})
        assert answer.status == 303, end
        assert await pushes.find(*where) is None, end
