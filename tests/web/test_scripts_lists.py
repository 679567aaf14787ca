"""Lists go on by themselves, whoever comes back is where they were, and keys walk through them."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from linnet.clock import rfc3339
from linnet.web.files import all_files
from linnet.web.times import ago
from tests.flows._linnet_process import Person
from tests.web._browser import Windows
from tests.web._scripts import deaf, wait_until
from tests.web._site import WebSite

TWEETS = 70


@pytest.fixture(scope="module")
def writer(web_site: WebSite) -> Person:
    """Somebody with more tweets than three pages hold."""
    writer = web_site.newcomer("writer")
    for number in range(TWEETS):
        writer.post(f"tweet number {number}\n\n…")
    return writer


@pytest.fixture
def page(windows: Windows, writer: Person) -> Page:
    page = windows.open(by=writer)
    deaf(page)
    return page


def tweets(page: Page) -> Locator:
    return page.locator(".feed > .tweet")


def scroll_to_the_end(page: Page) -> None:
    while page.locator(".older").count():
        shown = tweets(page).count()
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(tweets(page).nth(shown)).to_be_attached()


# The tweet on top of what one sees, and where its upper edge is.
PLACE = """() => {
  const tweets = [...document.querySelectorAll(".tweet")];
  const top = tweets.find((tweet) => tweet.getBoundingClientRect().bottom > 0);
  return top && `${top.id} at ${Math.round(top.getBoundingClientRect().top)}`;
}"""


def wait_place(page: Page, place: str) -> None:
    wait_until(page, f"(place) => ({PLACE})() === place", place)


def test_a_list_goes_on_to_its_first_tweet_with_each_once(page: Page) -> None:
    page.goto("/")
    expect(tweets(page)).to_have_count(20)
    scroll_to_the_end(page)
    expect(tweets(page)).to_have_count(TWEETS)
    ids = tweets(page).evaluate_all("items => items.map(item => BigInt(item.dataset.id).toString())")
    assert ids == sorted(set(ids), key=int, reverse=True)
    expect(page.locator(".end")).to_be_visible()
    # What one does far down comes back there.
    assert tweets(page).last.locator("[name=at]").first.get_attribute("value") == f"t{ids[-1]}"
    assert page.locator("#acts [name=back]").input_value() == "/"


def test_a_page_that_does_not_come_leaves_its_link(windows: Windows, page: Page) -> None:
    windows.expect_complaint("ERR_")
    page.goto("/")
    page.route("**/?before=*", lambda route: route.abort())
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    older = page.locator(".older a")
    expect(older).to_have_text(re.compile("Try again"))
    expect(tweets(page)).to_have_count(20)
    page.unroute("**/?before=*")
    older.focus()
    page.keyboard.press("Enter")
    expect(tweets(page).nth(20)).to_be_attached()
    # The link is gone; whoever used it stands on what it brought.
    expect(tweets(page).nth(20)).to_be_focused()


def test_the_link_is_a_page_of_its_own(page: Page) -> None:
    page.goto("/")
    address = page.locator(".older a").get_attribute("href")
    assert address is not None
    page.goto(address)
    expect(tweets(page).first).to_contain_text("tweet number 49")


def test_going_back_leads_to_the_same_place(page: Page) -> None:
    page.goto("/")
    scroll_to_the_end(page)
    page.evaluate("scrollTo(0, 4321)")
    before = page.evaluate(PLACE)
    page.goto("/explore")
    page.go_back()
    wait_place(page, before)
    page.reload()
    wait_place(page, before)


def test_nothing_listens_for_the_end_of_a_page_so_that_browsers_can_keep_it() -> None:
    for name, file in all_files().items():
        if name.endswith(".js"):
            assert not re.search(rb"unload", file.content), name


def test_keys_walk_through_the_list(page: Page) -> None:
    page.goto("/")
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0), ("k", 0)):
        page.keyboard.press(key)
        expect(tweets(page).nth(at)).to_be_focused()
    page.keyboard.press("l")
    expect(tweets(page).first.locator(".act.like")).to_have_attribute("aria-pressed", "true")
    expect(tweets(page).first).to_be_focused()
    page.keyboard.press("t")
    expect(tweets(page).first.locator(".act.retweet")).to_have_attribute("aria-pressed", "true")
    with page.expect_request("**/unretweet"):
        page.keyboard.press("t")
    path = tweets(page).first.locator(".time").get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path}")
    page.keyboard.press("r")
    expect(page.locator("#reply textarea")).to_be_focused()


def test_keys_are_not_taken_from_who_writes_nor_from_the_browser(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("n")
    area = page.locator(".composer textarea")
    expect(area).to_be_focused()
    page.keyboard.type("jklrnt?/.")
    expect(area).to_have_value("jklrnt?/.")
    area.fill("")
    area.blur()
    page.keyboard.press("/")
    expect(page.locator("aside input[type=search]")).to_be_focused()
    page.locator("body").press("Control+j")
    expect(page.locator(".tweet:focus")).to_have_count(0)
    # On a button Enter presses the button.
    summary = tweets(page).first.locator("summary")
    summary.press("Enter")
    expect(tweets(page).first.locator("details")).to_have_attribute("open", "")
    page.wait_for_url("/")


def test_a_question_mark_shows_the_keys_and_can_turn_them_off(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(tweets(page).first).to_be_focused()
    page.keyboard.press("?")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    expect(tweets(page).first).to_be_focused()
    page.keyboard.press("?")
    dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(tweets(page).nth(1)).to_be_focused()


def test_times_are_said_as_the_server_says_them(page: Page) -> None:
    page.goto("/")
    now_ms = 1_800_000_000_123
    ages_s = [-5, 0, 59, 60, 3599, 3600, 86_399, 86_400, 5_000_000, 40_000_000]
    times = [rfc3339(now_ms - 1000 * age_s) for age_s in ages_s]
    said = page.evaluate(
        """async ([times, now]) => {
          const entry = document.querySelector("script[type=module]").src;
          const { ago } = await import(entry.replace("linnet.js", "times.js"));
          return times.map((time) => ago(time, now));
        }""",
        [times, now_ms],
    )
    assert said == [ago(time, now_ms) for time in times]


def test_times_stay_true_while_a_page_is_open(page: Page) -> None:
    page.clock.install()
    page.goto("/")
    time = tweets(page).first.locator("time")
    page.clock.run_for("02:30:00")
    expect(time).to_have_text("2 h")
