"""What scripts put on a page can be used by everybody: axe looks at it, bright and dark."""

import pytest
from playwright.sync_api import Page, expect

from tests.flows._linnet_process import Person
from tests.web._browser import Windows
from tests.web._looks import Look, Scheme
from tests.web._site import WebSite
from tests.web.test_accessible import violations


@pytest.fixture(scope="module")
def ada(web_site: WebSite) -> Person:
    ada = web_site.newcomer("ada")
    ada.post("something said")
    return ada


def look_at(page: Page, what: str, found: list[str]) -> None:
    found += [f"{what}: {line}" for line in violations(page)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_what_scripts_add(windows: Windows, ada: Person, scheme: Scheme) -> None:
    page = windows.open(Look(scheme=scheme), by=ada)
    for words in ("422", "ERR_FAILED"):
        windows.expect_complaint(words)
    page.goto("/")
    found: list[str] = []

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    look_at(page, "the keys", found)
    page.keyboard.press("Escape")

    tweet = page.locator(".feed .tweet").first
    tweet.locator("summary").click()
    tweet.get_by_role("button", name="Delete").click()
    look_at(page, "the question", found)
    page.keyboard.press("Escape")

    page.locator(".composer textarea").fill("x" * 150)
    page.locator(".composer button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look_at(page, "what is wrong", found)

    page.route("**/like", lambda route: route.abort())
    tweet.locator(".act.like").click()
    expect(page.locator("[role=status] .live")).to_be_visible()
    look_at(page, "a word at the foot", found)

    body = "event: gap\nid: 1\ndata: {}\n\n"
    page.route("**/stream?*", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    page.reload()
    expect(page.locator(".news button")).to_be_visible()
    look_at(page, "what is new", found)
    assert found == [], "\n".join(found)


def test_nothing_moves_for_who_does_not_want_it(windows: Windows, ada: Person) -> None:
    page = windows.open(by=ada, reduced_motion="reduce")
    page.goto("/")
    page.keyboard.press("?")
    moving = page.evaluate("document.getAnimations().filter((one) => one.effect.getTiming().duration > 0).length")
    assert moving == 0
