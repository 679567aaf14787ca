"""Without a connection: what was last seen is there, says how old it is, and is nobody else's."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.flows._linnet_process import Person
from tests.web._browser import Windows, become
from tests.web._scripts import wait_until
from tests.web._site import WebSite

KEPT = """async () => {
  const found = {};
  if (await caches.has("pages")) {
    const pages = await caches.open("pages");
    for (const { url } of await pages.keys()) found[url] = (await pages.match(url)).headers.get("Linnet-Viewer");
  }
  return found;
}"""


@pytest.fixture
def ada(web_site: WebSite) -> Person:
    ada = web_site.newcomer("ada")
    ada.post("kept for later")
    return ada


@pytest.fixture
def page(windows: Windows, ada: Person) -> Page:
    """Ada's window, with the worker in charge."""
    page = windows.open(by=ada)
    windows.expect_complaint("ERR_INTERNET_DISCONNECTED")
    windows.expect_complaint("ERR_FAILED")
    page.goto("/explore")
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    wait_until(page, "() => navigator.serviceWorker.controller")
    return page


def kept(page: Page) -> dict[str, str]:
    """Whose each page is that the worker keeps, by its path."""
    found: dict[str, str] = page.evaluate(KEPT)
    return {urlsplit(url).path: viewer for url, viewer in found.items()}


def visit(page: Page, path: str, viewer: str) -> None:
    """Opens a page, and waits until the worker keeps it."""
    page.goto(path)
    wait_until(page, f"async (path) => (await ({KEPT})())[location.origin + path] === {viewer!r}", path)


def test_a_page_that_was_seen_is_there_and_says_how_old_it_is(page: Page, ada: Person) -> None:
    visit(page, "/", ada.id)
    page.context.set_offline(True)
    page.goto("/")
    expect(page.locator(".stale")).to_contain_text("There is no connection. This is how it was at")
    expect(page.locator(".feed .tweet .text")).to_have_text("kept for later")
    # With its looks and its scripts.
    assert page.evaluate("getComputedStyle(document.body).margin") == "0px"
    page.keyboard.press("j")
    expect(page.locator(".feed .tweet").first).to_be_focused()
    page.context.set_offline(False)
    page.locator(".stale a").click()
    expect(page.locator(".stale")).to_have_count(0)


def test_a_page_that_was_never_seen_says_that_there_is_no_connection(page: Page) -> None:
    page.context.set_offline(True)
    page.goto("/tags/birds")
    expect(page.locator("main")).to_contain_text("connection")
    expect(page.locator("body")).not_to_have_attribute("data-me", "")


def test_a_text_that_could_not_be_sent_stays(page: Page, ada: Person) -> None:
    visit(page, "/", ada.id)
    page.context.set_offline(True)
    page.locator(".composer textarea").fill("later, then")
    page.locator(".composer button").click()
    expect(page.get_by_role("alert")).to_have_text("There is no connection. Please try again.")
    page.goto("/")
    expect(page.locator(".composer textarea")).to_have_value("later, then")


def test_settings_are_not_kept(page: Page, ada: Person) -> None:
    page.goto("/settings")
    visit(page, "/everyone", ada.id)
    assert "/settings" not in kept(page)


def test_logging_out_leaves_nothing_behind(page: Page, ada: Person) -> None:
    visit(page, "/", ada.id)
    page.get_by_role("button", name="Log out").click()
    # The address is the same as before.
    expect(page.get_by_role("link", name="Log in").first).to_be_visible()
    visit(page, "/everyone", "")
    assert set(kept(page).values()) == {""}
    assert "/explore" not in kept(page)


def test_another_persons_page_drops_what_was_kept(page: Page, ada: Person, web_site: WebSite) -> None:
    visit(page, "/", ada.id)
    eve = web_site.newcomer("eve")
    become(page, eve)
    visit(page, "/everyone", eve.id)
    assert kept(page) == {"/everyone": eve.id}


def test_logging_out_by_script_leaves_nothing_either(page: Page, ada: Person) -> None:
    visit(page, "/", ada.id)
    # A page that is read by a script is not kept at all; what was kept is gone, and stays so.
    page.evaluate(
        """async () => {
          const csrf = document.querySelector("form[action='/logout'] [name=csrf]").value;
          const late = fetch("/").then((answer) => answer.text());
          await fetch("/logout", { method: "POST", body: new URLSearchParams({ csrf }), redirect: "manual" });
          await late;
        }"""
    )
    wait_until(page, f"async () => Object.keys(await ({KEPT})()).length === 0")


def test_a_worker_that_was_there_stays_there_without_reloading_anything(page: Page, ada: Person) -> None:
    loaded: list[str] = []
    page.on("load", lambda page: loaded.append(urlsplit(page.url).path))
    visit(page, "/", ada.id)
    page.evaluate("navigator.serviceWorker.ready.then((registration) => registration.update()).then(() => null)")
    visit(page, "/everyone", ada.id)
    assert loaded == ["/", "/everyone"]
