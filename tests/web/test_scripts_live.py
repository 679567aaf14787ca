"""What is new arrives while a page is open, and moves nothing that one reads."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.flows._linnet_process import Person
from tests.web._browser import Windows
from tests.web._site import WebSite


@pytest.fixture
def bob(web_site: WebSite) -> Person:
    return web_site.newcomer("bob")


@pytest.fixture
def ada(web_site: WebSite, bob: Person) -> Person:
    """Follows Bob, who said something."""
    ada = web_site.newcomer("ada")
    ada.follow(bob)
    for number in range(12):
        bob.post(f"earlier {number}")
    web_site.settle()
    return ada


def open_home(page: Page) -> None:
    """Home, with its stream open."""
    with page.expect_response(lambda answer: "/stream?" in answer.url and answer.status == 200):
        page.goto("/")


def texts(page: Page) -> list[str]:
    return page.locator(".feed > .tweet .text").all_inner_texts()


def test_new_tweets_wait_behind_a_button_and_move_nothing(windows: Windows, ada: Person, bob: Person) -> None:
    page = windows.open(by=ada)
    open_home(page)
    page.evaluate("scrollTo(0, 700)")
    reading = page.locator(".feed > .tweet").nth(7)
    before = reading.bounding_box()
    bob.post("news")
    button = page.locator(".news button")
    expect(button).to_have_text("1 new tweet")
    bob.post("more news")
    expect(button).to_have_text("2 new tweets")
    assert reading.bounding_box() == before
    assert texts(page)[0] == "earlier 11"
    # Whoever listens is told, too.
    expect(page.get_by_role("status").get_by_role("button")).to_have_text("2 new tweets")
    button.click()
    expect(page.locator(".feed > .tweet .text").first).to_have_text("more news")
    assert texts(page)[:3] == ["more news", "news", "earlier 11"]
    expect(page.locator(".feed > .tweet").first).to_be_focused()
    expect(button).to_have_count(0)


def test_ones_own_tweet_is_not_news(windows: Windows, ada: Person, bob: Person) -> None:
    page = windows.open(by=ada)
    open_home(page)
    bob.post("before mine")
    button = page.locator(".news button")
    expect(button).to_have_text("1 new tweet")
    page.locator(".composer textarea").fill("mine")
    page.locator(".composer button").click()
    expect(page.locator(".feed > .tweet .text").first).to_have_text("mine")
    bob.post("after mine")
    expect(button).to_have_text("2 new tweets")
    button.click()
    expect(page.locator(".feed > .tweet .text").first).to_have_text("after mine")
    # Each is in its place, wherever it came from.
    assert texts(page)[:3] == ["after mine", "mine", "before mine"]


def test_counts_deletions_and_the_number_beside_the_bell_change(windows: Windows, ada: Person, bob: Person) -> None:
    shown, gone = bob.post("shown"), bob.post("gone")
    page = windows.open(by=ada)
    open_home(page)
    bob.call("PUT", f"/tweets/{shown}/like")
    expect(page.locator(f"#t{shown} .act.like")).to_have_accessible_name("Like: 1")
    bob.call("DELETE", f"/tweets/{gone}")
    expect(page.locator(f"#t{gone}")).to_have_count(0)
    bob.post(f"hello @{ada.name}")
    expect(page.locator(".place .badge.new")).to_have_text(re.compile("1"))
    expect(page.get_by_role("link", name=re.compile("Notifications.*1 new"))).to_be_visible()


def test_counts_change_on_pages_that_are_no_timeline(windows: Windows, ada: Person, bob: Person) -> None:
    tweet_id = bob.post("on its own page")
    page = windows.open(by=ada)
    with page.expect_response(lambda answer: "/stream?" in answer.url):
        page.goto(f"/@{bob.name}/{tweet_id}")
    bob.call("PUT", f"/tweets/{tweet_id}/retweet")
    expect(page.locator(".tweet.main .act.retweet")).to_have_accessible_name("Retweet: 1")


def test_without_a_stream_the_page_asks_now_and_then(windows: Windows, ada: Person, bob: Person) -> None:
    page = windows.open(by=ada)
    windows.expect_complaint("503")
    page.route("**/stream?*", lambda route: route.fulfill(status=503))
    page.clock.install()
    with page.expect_response("**/fragments/news?*"):
        page.goto("/")
    bob.post("polled")
    with page.expect_response("**/fragments/news?*"):
        page.clock.run_for("02:00")
    expect(page.locator(".news button")).to_have_text("1 new tweet")


def test_whoever_missed_too_much_is_offered_the_page_anew(windows: Windows, ada: Person, bob: Person) -> None:
    page = windows.open(by=ada)
    page.route(
        "**/stream?*",
        lambda route: route.fulfill(content_type="text/event-stream", body="event: gap\nid: 1\ndata: {}\n\n"),
    )
    page.goto("/")
    button = page.locator(".news button")
    expect(button).to_have_text("Show what is new")
    page.unroute("**/stream?*")
    bob.post("the newest")
    button.click()
    expect(page.locator(".feed > .tweet .text").first).to_have_text("the newest")


def test_a_stream_goes_on_where_it_was(windows: Windows, ada: Person, bob: Person) -> None:
    page = windows.open(by=ada)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/stream?" in request.url else None)
    open_home(page)
    bob.post("while it was open")
    expect(page.locator(".news button")).to_have_text("1 new tweet")
    # As the browser does it with a page that it keeps for going back.
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    bob.post("while it was closed")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.locator(".news button")).to_have_text("2 new tweets")
    assert len(asked) == 2


def test_strangers_hold_no_connection(windows: Windows, ada: Person) -> None:
    page = windows.open()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/", wait_until="networkidle")
    assert not [url for url in asked if "/stream" in url or "/fragments" in url]
