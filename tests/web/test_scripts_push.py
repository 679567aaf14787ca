"""Notifications on this device: asked for on a click, told in words when they cannot be, and shown by the worker.

There is no push service where this runs, so a browser's subscription is made by this file; what the browser does with
a message is real.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.flows._linnet_process import Person, eventually
from tests.http.mastodon_calls import KEYS
from tests.web._browser import Windows
from tests.web._scripts import wait_until
from tests.web._site import WebSite

# What a push service would answer the browser with. Everything else is the browser's own.
SERVICE = """(() => {
  let made = null;
  const keys = KEYS, endpoint = "https://push.example.org/1";
  const unsubscribe = async () => { made = null; return true; };
  PushManager.prototype.getSubscription = async () => made;
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    const { push } = document.querySelector("[data-push]").dataset;
    if (!userVisibleOnly || applicationServerKey !== push) throw Error("a browser would not");
    return made = { toJSON: () => ({ endpoint, keys }), unsubscribe };
  };
})()""".replace("KEYS", json.dumps(KEYS))
# A click on what is shown, and where it leads. Windows may be opened and raised by a hand's click alone, so these two
# things of the browser are noted instead.
CLICK = """() => self.registration.getNotifications().then(async ([notification]) => {
  const went = [];
  self.clients.openWindow = async (address) => { went.push(["opens", address]); };
  WindowClient.prototype.focus = async function () { went.push(["focuses", this.url]); };
  const waits = [], click = new NotificationEvent("notificationclick", { notification });
  click.waitUntil = (promise) => waits.push(promise);
  self.dispatchEvent(click);
  await Promise.all(waits);
  return went;
})"""
SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
  .map(({ title, body, icon, tag, data }) => ({ title, body, icon, tag, data }))"""


@pytest.fixture
def ada(web_site: WebSite) -> Person:
    return web_site.newcomer("ada")


@pytest.fixture
def page(windows: Windows, ada: Person) -> Page:
    return windows.open(by=ada)


def section(page: Page) -> Locator:
    return page.get_by_role("region", name="Notifications on this device")


def told(page: Page) -> Locator:
    return section(page).get_by_role("status")


class Worker:
    """The worker of a page, and a push service that speaks to it."""

    def __init__(self, page: Page, cdp: CDPSession, registration_id: str) -> None:
        self.page = page
        self.cdp = cdp
        self.registration_id = registration_id

    def push(self, data: str) -> None:
        where = {"origin": self.page.evaluate("location.origin"), "registrationId": self.registration_id}
        self.cdp.send("ServiceWorker.deliverPushMessage", {**where, "data": data})

    def shown(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate(SHOWN)
        return found


@pytest.fixture
def worker(page: Page) -> Iterator[Worker]:
    """Ada's window on her settings, with the worker in charge and leave to show notifications."""
    page.context.grant_permissions(["notifications"])
    page.goto("/settings")
    wait_until(page, "() => navigator.serviceWorker.controller")
    cdp = page.context.new_cdp_session(page)
    found: list[str] = []
    cdp.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(one["registrationId"] for one in event["registrations"]),
    )
    cdp.send("ServiceWorker.enable")
    eventually(lambda: page.evaluate("() => true") and bool(found), what="the browser tells of the worker")
    yield Worker(page, cdp, found[-1])
    cdp.detach()


def test_it_is_turned_on_and_off_by_one_button(page: Page) -> None:
    page.context.grant_permissions(["notifications"])
    page.add_init_script(SERVICE)
    page.goto("/settings")
    expect(told(page)).to_contain_text("It can be told")
    section(page).get_by_role("button", name="Turn on").click()
    expect(told(page)).to_have_text("It is told what concerns you, also while no page is open.")
    off = section(page).get_by_role("button", name="Turn off")
    expect(off).to_be_enabled()
    # Another window of this log-in, in which the browser has no address: it is not on there.
    page.reload()
    expect(section(page).locator("form")).to_have_attribute("data-on", "")
    expect(section(page).get_by_role("button", name="Turn on")).to_be_visible()
    section(page).get_by_role("button", name="Turn on").click()
    expect(off).to_be_enabled()
    off.click()
    expect(section(page).get_by_role("button", name="Turn on")).to_be_enabled()
    page.reload()
    expect(section(page).locator("form")).not_to_have_attribute("data-on", "")


def test_leave_is_asked_on_a_click_alone_and_a_no_is_told(page: Page) -> None:
    page.add_init_script(
        """window.asked = 0;
        Notification.requestPermission = async () => { window.asked += 1; return "denied"; };"""
    )
    page.goto("/settings")
    button = section(page).get_by_role("button", name="Turn on")
    expect(button).to_be_visible()
    assert page.evaluate("asked") == 0
    button.click()
    expect(told(page)).to_contain_text("Your browser does not let this site show notifications.")
    expect(button).to_be_enabled()
    assert page.evaluate("asked") == 1


def test_without_a_push_service_that_is_told(page: Page, windows: Windows) -> None:
    windows.expect_complaint("Push API")
    page.context.grant_permissions(["notifications"])
    page.goto("/settings")
    section(page).get_by_role("button", name="Turn on").click()
    expect(told(page)).to_have_text("This browser cannot be reached by a push service. Please try again later.")
    expect(section(page).get_by_role("button", name="Turn on")).to_be_enabled()


def test_a_browser_that_has_no_push_says_so_and_has_no_button(page: Page) -> None:
    page.add_init_script("delete window.PushManager")
    page.goto("/settings")
    expect(told(page)).to_contain_text("This browser cannot be told of anything while no page is open.")
    expect(section(page).get_by_role("button")).to_have_count(0)


def test_what_the_server_refuses_is_told_and_leaves_no_subscription(page: Page, windows: Windows) -> None:
    windows.expect_complaint("422")
    page.context.grant_permissions(["notifications"])
    page.add_init_script(SERVICE.replace("https://push.example.org/1", "https://127.0.0.1/1"))
    page.goto("/settings")
    section(page).get_by_role("button", name="Turn on").click()
    expect(told(page)).to_have_text("The address must be one of the internet.")
    assert (
        page.evaluate("async () => (await (await navigator.serviceWorker.ready).pushManager.getSubscription())") is None
    )


def test_the_worker_shows_a_message_as_text_and_leads_to_this_site_alone(worker: Worker) -> None:
    here = worker.page.evaluate("location.origin")
    message = {"title": "<b>Ben</b> answered you", "body": "<img src=x onerror=alert(1)> & so on"}
    icon = "/api/v1/pictures/avatar/missing.png"
    worker.push(json.dumps({**message, "icon": icon, "url": "/@ben/1", "tag": "one"}))
    wait_until(worker.page, f"async () => (await ({SHOWN})()).length === 1")
    assert worker.shown() == [{**message, "icon": here + icon, "tag": "one", "data": f"{here}/@ben/1"}]
    # The same one again, and one that leads elsewhere.
    for url in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "http://[", 7):
        evil = {"title": f"again {url}", "body": "", "icon": "https://evil.example/i.png", "url": url, "tag": "one"}
        worker.push(json.dumps(evil))
        wait_until(worker.page, f"async (title) => (await ({SHOWN})())[0].title === title", evil["title"])
        [shown] = worker.shown()
        assert shown["data"].startswith(f"{here}/"), url
        assert "evil" not in shown["icon"]


def test_a_click_opens_its_page_or_the_window_that_shows_it(worker: Worker) -> None:
    page = worker.page
    here = page.evaluate("location.origin")
    [program] = page.context.service_workers
    for url, goes in (
        ("/@ben/1", ["opens", f"{here}/@ben/1"]),
        ("/settings", ["focuses", f"{here}/settings"]),
        ("https://evil.example/", ["opens", f"{here}/notifications"]),
    ):
        worker.push(json.dumps({"title": url, "body": "", "url": url, "tag": "one"}))
        wait_until(page, f"async (title) => (await ({SHOWN})())[0]?.title === title", url)
        assert program.evaluate(CLICK) == [goes]
        wait_until(page, f"async () => (await ({SHOWN})()).length === 0")


@pytest.mark.parametrize("data", ["", "no JSON", "null", "7", '["x"]', '{"title": null, "url": null}'])
def test_the_worker_shows_something_for_whatever_comes(worker: Worker, data: str) -> None:
    worker.push(data)
    wait_until(worker.page, f"async () => (await ({SHOWN})()).length === 1")
    [shown] = worker.shown()
    assert (shown["title"], shown["body"], shown["icon"]) == ("Something is new", "", "")
    assert shown["data"] == f"{worker.page.evaluate('location.origin')}/notifications"


def test_logging_out_takes_away_what_is_shown(worker: Worker) -> None:
    worker.push(json.dumps({"title": "Ben answered you", "body": "Secret", "url": "/@ben/1", "tag": "one"}))
    wait_until(worker.page, f"async () => (await ({SHOWN})()).length === 1")
    worker.page.locator(".head").get_by_role("button", name="Log out").click()
    expect(worker.page.get_by_role("link", name="Log in").first).to_be_visible()
    wait_until(worker.page, f"async () => (await ({SHOWN})()).length === 0")
