"""One edits in a browser, with scripts and without, and pages that are open change with it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.flows._linnet_process import Person
from tests.web._browser import Windows
from tests.web._looks import PHONE, Look
from tests.web._site import WebSite
from tests.web._town import ask


@pytest.fixture
def bob(web_site: WebSite) -> Person:
    return web_site.newcomer("bob")


@pytest.fixture
def ada(web_site: WebSite, bob: Person) -> Person:
    """Follows Bob."""
    ada = web_site.newcomer("ada")
    ada.follow(bob)
    web_site.settle()
    return ada


def open_live(page: Page, path: str) -> None:
    with page.expect_response(lambda answer: "/stream?" in answer.url and answer.status == 200):
        page.goto(path)


@pytest.mark.parametrize("scripts", [True, False])
def test_one_edits_from_the_menu_of_ones_tweet(windows: Windows, bob: Person, scripts: bool) -> None:
    tweet = bob.post("A <b>sparow</b> & a wren")
    page = windows.open(Look(scripts=scripts), by=bob)
    page.goto(f"/@{bob.name}/{tweet}")
    page.locator(f"#t{tweet} .menu summary").click()
    page.locator(f"#t{tweet}").get_by_role("link", name="Edit").click()
    field = page.get_by_role("textbox", name="Your tweet")
    expect(field).to_have_value("A <b>sparow</b> & a wren")
    if scripts:
        field.fill("x" * 150)
        expect(page.locator(".editor .count")).to_have_text("-10")
    field.fill("A <b>sparrow</b> & a wren")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(f"#t{tweet} .text")).to_have_text("A <b>sparrow</b> & a wren")
    mark = page.locator(f"#t{tweet}").get_by_role("link", name=re.compile("^edited "))
    mark.click()
    expect(page.locator(".version .text")).to_have_text(["A <b>sparrow</b> & a wren", "A <b>sparow</b> & a wren"])
    page.get_by_role("link", name="The tweet").click()
    expect(page).to_have_url(re.compile(f"/@{bob.name}/{tweet}$"))


def test_an_open_page_says_what_is_edited_and_moves_nothing_else(windows: Windows, ada: Person, bob: Person) -> None:
    above, tweet = bob.post("above"), bob.post("A sparow")
    windows_of = {"/": windows.open(by=ada), f"/@{bob.name}/{tweet}": windows.open(by=ada)}
    for path, page in windows_of.items():
        open_live(page, path)
    ask(bob, "PATCH", f"/tweets/{tweet}", json={"text": "A sparrow <i>, #bird", "warning": "Birds"})
    for page in windows_of.values():
        article = page.locator(f"#t{tweet}")
        expect(article.locator(".folded summary")).to_have_text("Birds")
        article.locator(".folded summary").click()
        expect(article.locator(".text")).to_have_text("A sparrow <i>, #bird")
        expect(article.get_by_role("link", name=re.compile("edited"))).to_have_count(1)
        # What one unfolded stays unfolded.
    ask(bob, "PATCH", f"/tweets/{tweet}", json={"text": "Two sparrows"})
    for page in windows_of.values():
        article = page.locator(f"#t{tweet}")
        expect(article.locator(".text")).to_have_text("Two sparrows")
        expect(article.locator(".text")).to_be_visible()
        expect(article.locator(".edited")).to_have_count(1)
    expect(windows_of["/"].locator(f"#t{above} .text")).to_have_text("above")
    expect(windows_of["/"].locator(f"#t{above} .edited")).to_have_count(0)


def test_a_page_that_was_loaded_before_the_edit_hears_of_it_when_it_begins_to_listen(
    windows: Windows, ada: Person, bob: Person
) -> None:
    tweet = bob.post("A sparow")
    page = windows.open(PHONE, by=ada)
    page.route("**/stream?*", lambda route: route.abort())
    page.route("**/fragments/news?*", lambda route: route.abort())
    windows.expect_complaint("net::ERR_FAILED")
    page.goto(f"/@{bob.name}")
    expect(page.locator(f"#t{tweet} .text")).to_have_text("A sparow")
    ask(bob, "PATCH", f"/tweets/{tweet}", json={"text": "A sparrow"})
    page.unroute("**/stream?*")
    page.unroute("**/fragments/news?*")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.locator(f"#t{tweet} .text")).to_have_text("A sparrow")
