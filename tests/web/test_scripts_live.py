"""What is new arrives while a page is open, and moves nothing that one reads."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.flows._linnet_process import Person, eventually
from tests.web._browser import Windows
from tests.web._site import WebSite
from tests.web._town import ask, reply


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


def test_notifications_that_come_while_one_reads_them_wait_behind_a_button(
    windows: Windows, web_site: WebSite, ada: Person, bob: Person
) -> None:
    tweet_id = ada.post("liked by many")
    bob.call("PUT", f"/tweets/{tweet_id}/like")
    web_site.settle()
    page = windows.open(by=ada)
    with page.expect_response(lambda answer: "/stream?" in answer.url and answer.status == 200):
        page.goto("/notifications")
    items = page.locator(".note-item")
    expect(items).to_have_count(1)
    before = items.bounding_box()
    # Somebody joins what is unread already: the number stays the same.
    cleo = web_site.newcomer("cleo")
    cleo.call("PUT", f"/tweets/{tweet_id}/like")
    button = page.locator(".news button")
    expect(button).to_have_text("Show what is new")
    assert items.bounding_box() == before
    expect(page.get_by_role("status").get_by_role("button")).to_have_text("Show what is new")
    button.click()
    expect(items.locator(".sentence")).to_contain_text("1 other liked your tweet")
    expect(button).to_have_count(0)


def test_what_was_read_elsewhere_looks_read_here(windows: Windows, web_site: WebSite, ada: Person, bob: Person) -> None:
    bob.post(f"hello @{ada.name}")
    web_site.settle()
    page = windows.open(by=ada)
    with page.expect_response(lambda answer: "/stream?" in answer.url and answer.status == 200):
        page.goto("/notifications")
    expect(page.locator(".note-item.unread")).to_have_count(1)
    ada.call("POST", "/notifications/read", json={})
    expect(page.locator(".note-item.unread")).to_have_count(0)
    expect(page.get_by_role("button", name="Mark all as read")).to_be_hidden()
    expect(page.locator(".place .badge.new")).to_have_count(0)


def test_the_page_of_everyone_asks_now_and_then_and_only_while_one_sees_it(
    windows: Windows, web_site: WebSite, ada: Person, bob: Person
) -> None:
    page = windows.open(by=ada)
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/fragments/everyone" in request.url else None)
    # What asks is there before the stream is.
    with page.expect_response(lambda answer: "/stream?" in answer.url and answer.status == 200):
        page.goto("/everyone")
    with page.expect_response("**/fragments/everyone") as nothing_new:
        page.clock.run_for(31_000)
    page.evaluate("Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})")
    assert nothing_new.value.ok
    button = page.locator(".news button")
    expect(button).to_have_count(0)
    first = page.locator(".feed > .tweet").first
    before = first.bounding_box()
    web_site.newcomer("stranger").post("said by somebody unknown")
    page.clock.run_for(120_000)
    assert len(asked) == 1, "nobody looks"
    page.evaluate("delete document.hidden")
    with page.expect_response("**/fragments/everyone"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(button).to_have_text("Show what is new")
    assert first.bounding_box() == before
    page.clock.run_for(120_000)
    assert len(asked) == 2, "it is known that there is something new"
    button.click()
    expect(first.locator(".text")).to_have_text("said by somebody unknown")


def test_what_one_posts_elsewhere_is_offered_on_ones_own_page(windows: Windows, ada: Person, bob: Person) -> None:
    question = bob.post("a question")
    page = windows.open(by=ada)
    with page.expect_response(lambda answer: "/stream?" in answer.url and answer.status == 200):
        page.goto(f"/@{ada.name}")
    button = page.locator(".news button")
    bob.post("not hers")
    # An answer to somebody stands on another tab.
    reply(ada, question, "an answer")
    ada.post("from the phone")
    expect(button).to_have_text("Show what is new")
    button.click()
    expect(page.locator(".feed > .tweet .text")).to_have_text(["from the phone"])


def test_a_deleted_tweet_goes_from_the_popular_ones_and_its_page_says_so(
    windows: Windows, web_site: WebSite, ada: Person, bob: Person
) -> None:
    liked = bob.post("dearly loved, soon gone")
    for _ in range(9):
        web_site.newcomer("fan").call("PUT", f"/tweets/{liked}/like")
    web_site.settle()
    # The list of popular tweets is of a moment ago.
    eventually(
        lambda: liked in [item["id"] for item in ask(ada, "GET", "/tweets/top?k=3")["items"]], what="it is popular"
    )
    aside, thread = windows.open(by=ada), windows.open(by=ada)
    for page, path in ((aside, "/notifications"), (thread, f"/@{bob.name}/{liked}")):
        with page.expect_response(lambda answer: "/stream?" in answer.url and answer.status == 200):
            page.goto(path)
    expect(aside.locator(".peek", has_text="dearly loved")).to_have_count(1)
    bob.call("DELETE", f"/tweets/{liked}")
    expect(thread.locator("[role=status] .live")).to_have_text("This tweet is not here any more.")
    expect(aside.locator(".peek", has_text="dearly loved")).to_have_count(0)
    expect(thread.locator(".tweet.main .text")).to_have_text("dearly loved, soon gone")


def test_without_a_stream_the_page_asks_now_and_then(
    windows: Windows, web_site: WebSite, ada: Person, bob: Person
) -> None:
    page = windows.open(by=ada)
    windows.expect_complaint("503")
    page.route("**/stream?*", lambda route: route.fulfill(status=503))
    page.clock.install()
    with page.expect_response("**/fragments/news?*"):
        page.goto("/")
    button = page.locator(".news button")
    bob.post("polled")
    # What one is told of is what is on one's timeline already: the next question may come long after.
    web_site.settle()

    def told_after_a_while() -> bool:
        # The time of the next question is set only when the page has read the answer to this one.
        page.clock.run_for("02:00")
        return button.count() == 1

    eventually(told_after_a_while, what="the page asked again")
    expect(button).to_have_text("1 new tweet")


def test_whoever_missed_too_much_is_offered_the_page_anew(
    windows: Windows, web_site: WebSite, ada: Person, bob: Person
) -> None:
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
    web_site.settle()
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
