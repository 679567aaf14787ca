"""What one does with tweets and people shows at once, and is taken back when the server does not agree."""

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.flows._linnet_process import Person, eventually
from tests.web._browser import Windows, become
from tests.web._scripts import deaf
from tests.web._site import WebSite
from tests.web._town import ask


@pytest.fixture
def ada(web_site: WebSite) -> Person:
    return web_site.newcomer("ada")


@pytest.fixture
def bob(web_site: WebSite, ada: Person) -> Person:
    """Somebody whom Ada follows."""
    bob = web_site.newcomer("bob")
    ada.follow(bob)
    return bob


def item(page: Page, tweet_id: str) -> Locator:
    return page.locator(f"#t{tweet_id}")


def said(page: Page) -> Locator:
    return page.locator("[role=status] .live")


def wait_likes(person: Person, tweet_id: str, count: int) -> None:
    """What a process remembers of a tweet is gone a moment after it has changed."""
    eventually(
        lambda: person.call("GET", f"/tweets/{tweet_id}").json()["counts"]["likes"] == count, what=f"{count} likes"
    )


def test_a_like_shows_at_once_and_is_known_to_the_server(windows: Windows, web_site: WebSite, bob: Person) -> None:
    tweet_id = bob.post("good")
    page = windows.open(by=bob)
    page.goto("/")
    held: list[Route] = []
    page.route("**/like", lambda route: held.append(route), times=1)  # Playwright looks into what it is given
    like = item(page, tweet_id).locator(".act.like")
    like.click()
    # The server has heard nothing yet.
    expect(like).to_have_attribute("aria-pressed", "true")
    expect(like).to_have_accessible_name("Like: 1")
    expect(like).to_have_text("1")
    # A finger in doubt: the last wish counts, and all of them are sent one after the other.
    like.click()
    like.click()
    like.click()
    expect(like).to_have_attribute("aria-pressed", "false")
    with page.expect_response("**/unlike"):
        held[0].continue_()
    web_site.settle()
    wait_likes(bob, tweet_id, 0)
    with page.expect_response("**/like"):
        like.click()
    web_site.settle()
    wait_likes(bob, tweet_id, 1)


def test_a_like_that_was_refused_is_taken_back(windows: Windows, ada: Person, bob: Person) -> None:
    tweet_id = bob.post("soon gone")
    page = windows.open(by=ada)
    page.goto(f"/@{bob.name}")
    windows.expect_complaint("404")
    deaf(page)
    page.reload()
    bob.call("DELETE", f"/tweets/{tweet_id}")
    like = item(page, tweet_id).locator(".act.like")
    like.click()
    expect(said(page)).to_be_visible()
    expect(like).to_have_attribute("aria-pressed", "false")
    expect(like).to_have_accessible_name("Like: 0")


def test_a_retweet_shows_wherever_the_tweet_stands(windows: Windows, web_site: WebSite, bob: Person) -> None:
    tweet_id = bob.post("twice on the page")
    bob.call("PUT", f"/tweets/{tweet_id}/retweet")
    web_site.settle()
    page = windows.open(by=bob)
    # The stream would take the retweet away with its undoing.
    deaf(page)
    page.goto("/")
    both = page.locator(f"[data-tweet='{tweet_id}'] .act.retweet")
    expect(both).to_have_count(2)
    with page.expect_request("**/unretweet"):
        both.first.click()
    for retweet in both.all():
        expect(retweet).to_have_attribute("aria-pressed", "false")


def test_following_turns_the_button_round_and_back_when_refused(windows: Windows, ada: Person, bob: Person) -> None:
    page = windows.open(by=ada)
    page.goto(f"/@{bob.name}")
    button = page.locator(".profile form[action$=follow] button")
    expect(button).to_have_text("Following")
    with page.expect_response("**/unfollow"):
        button.click()
    expect(button).to_have_text("Follow")
    expect(button).to_have_accessible_name(f"Follow {bob.name.title()}")
    assert ada.call("GET", f"/users/{bob.id}").json()["viewer"]["following"] is False
    windows.expect_complaint("ERR_")
    page.route("**/follow", lambda route: route.abort())
    button.click()
    expect(said(page)).to_have_text("There is no connection. Please try again.")
    expect(button).to_have_text("Follow")


def test_somebody_who_is_muted_goes_from_the_list(windows: Windows, ada: Person, bob: Person) -> None:
    for text in ("one", "two"):
        bob.post(text)
    mine = ada.post("mine")
    page = windows.open(by=ada)
    page.goto("/everyone")
    theirs = page.locator(".tweet", has_text=f"@{bob.name}")
    expect(theirs).to_have_count(2)
    theirs.first.locator("summary").click()
    theirs.first.get_by_role("button", name=f"Mute @{bob.name}").click()
    expect(theirs).to_have_count(0)
    expect(item(page, mine)).to_be_visible()
    expect(said(page)).to_have_text(f"You will not see @{bob.name} any more.")
    assert ada.call("GET", f"/users/{bob.id}").json()["viewer"]["muting"] is True


def test_somebody_who_is_muted_stays_on_their_own_page(windows: Windows, ada: Person, bob: Person) -> None:
    tweet_id = bob.post("still here")
    page = windows.open(by=ada)
    page.goto(f"/@{bob.name}")
    item(page, tweet_id).locator("summary").click()
    with page.expect_response("**/mute"):
        item(page, tweet_id).get_by_role("button", name=f"Mute @{bob.name}").click()
    expect(item(page, tweet_id)).to_be_visible()
    item(page, tweet_id).locator("summary").click()
    expect(item(page, tweet_id).get_by_role("button", name=f"Unmute @{bob.name}")).to_be_visible()
    assert ada.call("GET", f"/users/{bob.id}").json()["viewer"]["muting"] is True


def test_whoever_is_muted_on_their_own_page_is_marked_so_at_once(windows: Windows, ada: Person, bob: Person) -> None:
    page = windows.open(by=ada)
    page.goto(f"/@{bob.name}")
    badge = page.locator(".profile .badge", has_text="muted")
    expect(badge).to_be_hidden()
    page.locator(".profile summary.act").click()
    with page.expect_response("**/mute"):
        page.get_by_role("button", name=f"Mute @{bob.name}").click()
    expect(badge).to_be_visible()
    windows.expect_complaint("ERR_")
    page.route("**/unmute", lambda route: route.abort())
    page.locator(".profile summary.act").click()
    page.get_by_role("button", name=f"Unmute @{bob.name}").click()
    expect(said(page)).to_have_text("There is no connection. Please try again.")
    expect(badge).to_be_visible()


def test_whom_one_lets_in_again_one_can_block_again_in_the_list(windows: Windows, ada: Person, bob: Person) -> None:
    ada.call("PUT", f"/users/{bob.id}/block")
    page = windows.open(by=ada)
    page.goto("/settings/blocked")
    button = page.locator(f"#u{bob.id} button")
    with page.expect_response("**/unblock"):
        button.click()
    expect(button).to_have_text("Block")
    expect(button).to_have_accessible_name(f"Block {bob.name.title()}")
    assert ada.call("GET", f"/users/{bob.id}").json()["viewer"]["blocking"] is False
    with page.expect_response("**/block"):
        button.click()
    expect(button).to_have_text("Unblock")
    assert ada.call("GET", f"/users/{bob.id}").json()["viewer"]["blocking"] is True


def test_pinning_shows_at_once_moves_nothing_and_is_taken_back(windows: Windows, ada: Person) -> None:
    first, second = ada.post("first"), ada.post("second")
    ada.call("PUT", f"/tweets/{first}/pin")
    page = windows.open(by=ada)
    page.goto(f"/@{ada.name}")
    texts = page.locator(".feed > .tweet .text")
    expect(texts).to_have_text(["first", "second"])

    def press(tweet_id: str, name: str) -> None:
        item(page, tweet_id).locator("summary").click()
        item(page, tweet_id).get_by_role("button", name=name).click()

    def pinned(tweet_id: str) -> Locator:
        return item(page, tweet_id).get_by_text("Pinned", exact=True)

    with page.expect_response("**/pin"):
        press(second, "Pin to my page")
    expect(said(page)).to_have_text("It stands first on your page now.")
    expect(pinned(second)).to_be_visible()
    expect(pinned(first)).to_be_hidden()
    expect(texts).to_have_text(["first", "second"])
    windows.expect_complaint("ERR_")
    page.route("**/unpin", lambda route: route.abort())
    press(second, "Unpin")
    expect(said(page)).to_have_text("There is no connection. Please try again.")
    expect(pinned(second)).to_be_visible()
    page.reload()
    expect(texts).to_have_text(["second", "first"])
    expect(item(page, first).get_by_role("button", name="Pin to my page", include_hidden=True)).to_have_count(1)


def test_notifications_are_marked_as_read_at_once_or_stay_unread(
    windows: Windows, web_site: WebSite, ada: Person, bob: Person
) -> None:
    bob.post(f"hello @{ada.name}")
    web_site.settle()
    page = windows.open(by=ada)
    deaf(page)
    page.goto("/notifications")
    unread, button = page.locator(".note-item.unread"), page.get_by_role("button", name="Mark all as read")
    expect(unread).to_have_count(1)
    windows.expect_complaint("ERR_")
    page.route("**/notifications/read", lambda route: route.abort(), times=1)
    button.click()
    expect(said(page)).to_have_text("There is no connection. Please try again.")
    expect(unread).to_have_count(1)
    button.click()
    expect(unread).to_have_count(0)
    expect(button).to_be_hidden()
    eventually(lambda: ask(ada, "GET", "/notifications/unread")["unread_count"] == 0, what="all is read")
    page.reload()
    expect(page.locator(".note-item")).to_have_count(1)
    expect(unread).to_have_count(0)
    expect(page.locator(".place .badge.new")).to_have_count(0)


def test_deleting_asks_first_and_the_focus_goes_on(windows: Windows, web_site: WebSite, ada: Person) -> None:
    kept, gone = ada.post("stays"), ada.post("goes")
    page = windows.open(by=ada)
    page.goto("/")
    summary = item(page, gone).locator("summary")
    delete = item(page, gone).get_by_role("button", name="Delete")
    summary.click()
    delete.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(delete).to_be_focused()
    expect(item(page, gone)).to_be_visible()
    delete.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(item(page, gone)).to_have_count(0)
    expect(item(page, kept)).to_be_focused()
    # It goes from the page before the server has heard of it.
    expect(said(page)).to_have_text("Deleted.")
    assert ada.home() == ["stays"]


def test_deleting_the_tweet_of_the_page_leads_away(windows: Windows, ada: Person) -> None:
    tweet_id = ada.post("on its own page")
    page = windows.open(by=ada)
    page.goto(f"/@{ada.name}/{tweet_id}")
    page.locator(".main summary").click()
    page.locator(".main").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("/")
    assert ada.home() == []


def test_a_delete_that_did_not_arrive_brings_the_tweet_back(windows: Windows, ada: Person) -> None:
    tweet_id = ada.post("stubborn")
    page = windows.open(by=ada)
    page.goto("/")
    windows.expect_complaint("ERR_")
    page.route("**/delete", lambda route: route.abort())
    item(page, tweet_id).locator("summary").click()
    item(page, tweet_id).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(said(page)).to_be_visible()
    expect(item(page, tweet_id)).to_be_visible()


def test_whoever_is_logged_out_is_led_to_log_in_and_back(windows: Windows, ada: Person, bob: Person) -> None:
    tweet_id = bob.post("liked late")
    page = windows.open(by=ada)
    page.goto(f"/@{bob.name}")
    windows.expect_complaint("401")
    page.context.clear_cookies()
    item(page, tweet_id).locator(".act.like").click()
    page.wait_for_url(f"**/login?next=%2F%40{bob.name}")
    become(page, ada)
    page.goto(f"/@{bob.name}")
    expect(item(page, tweet_id).locator(".act.like")).to_have_attribute("aria-pressed", "false")


def test_a_menu_closes_when_one_looks_elsewhere(windows: Windows, ada: Person) -> None:
    tweet_ids = [ada.post("one"), ada.post("two")]
    page = windows.open(by=ada)
    page.goto("/")
    first, second = (item(page, tweet_id).locator("details") for tweet_id in tweet_ids)
    first.locator("summary").click()
    second.locator("summary").click()
    expect(first).not_to_have_attribute("open", "")
    expect(second).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(second).not_to_have_attribute("open", "")
    expect(second.locator("summary")).to_be_focused()
