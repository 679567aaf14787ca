"""What the most followed write has a place on pages: a little of it on home and explore, and all of it, to its end."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.flows._linnet_process import Person
from tests.support.servers import Servers
from tests.web._browser import Windows
from tests.web._looks import DESKTOP, PHONE, Look
from tests.web._site import WebSite, open_web_site

TWEETS = 45
HEADING = "From the most followed"


@pytest.fixture(scope="module")
def web_site(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    """Two followers make a top user here."""
    with open_web_site(servers, tmp_path_factory.mktemp("site"), LINNET_TOP_USER_FOLLOWERS="1") as site:
        yield site


@pytest.fixture(scope="module")
def star(web_site: WebSite) -> Person:
    star, *fans = web_site.newcomer("star"), web_site.newcomer("fan"), web_site.newcomer("fan")
    for fan in fans:
        fan.follow(star)
    web_site.settle()
    for number in range(TWEETS):
        star.post(f"tweet number {number}")
    web_site.settle()
    return star


@pytest.mark.parametrize("look", [DESKTOP, Look(PHONE.width, scripts=False)], ids=str)
def test_from_home_one_gets_to_all_that_the_most_followed_write(
    windows: Windows, web_site: WebSite, star: Person, look: Look
) -> None:
    page = windows.open(look, by=web_site.newcomer("reader"))
    page.goto("/")
    block = page.get_by_role("region", name=HEADING)
    # One tweet of each, of the newest: some of them are popular already.
    expect(block.locator(".said")).to_have_text([re.compile(r"tweet number 4\d")])
    block.get_by_role("link", name="More from them").click()
    page.wait_for_url("/explore/top-users")
    tweets = page.locator(".feed > .tweet")
    expect(tweets).to_have_count(20)
    older = page.get_by_role("link", name="Older")
    seen = tweets.locator(".text").all_inner_texts()
    while not look.scripts and older.count():
        older.click()
        page.wait_for_url("**before=*")
        seen += tweets.locator(".text").all_inner_texts()
    while look.scripts and page.locator(".older").count():
        shown = tweets.count()
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(tweets.nth(shown)).to_be_attached()
        seen = tweets.locator(".text").all_inner_texts()
    assert seen == [f"tweet number {number}" for number in reversed(range(TWEETS))]


@pytest.mark.parametrize("scripts", [True, False])
def test_whoever_explores_finds_them_and_follows_them(
    windows: Windows, web_site: WebSite, star: Person, scripts: bool
) -> None:
    reader = web_site.newcomer("reader")
    page = windows.open(Look(scripts=scripts), by=reader)
    page.goto("/explore")
    page.get_by_role("region", name=HEADING).get_by_role("link", name="More from them").click()
    page.get_by_role("link", name="People").click()
    page.wait_for_url("/explore/top-users/people")
    page.get_by_role("button", name=f"Follow {star.name.title()}").click()
    expect(page.get_by_role("button", name=f"Unfollow {star.name.title()}")).to_be_visible()
    page.get_by_role("link", name="Back to Explore").click()
    page.wait_for_url("/explore")
    # Whom one follows stands in the home timeline, and need not be suggested there.
    page.goto("/")
    expect(page.locator(".feed > .tweet")).to_have_count(20)
    expect(page.get_by_role("region", name=HEADING)).to_have_count(0)
