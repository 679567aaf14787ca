"""A vote is given without leaving the page, and a poll is asked there."""

from playwright.sync_api import Locator, Page, expect

from tests.flows._linnet_process import Person
from tests.web._browser import Windows
from tests.web._site import WebSite
from tests.web._town import ask


def asked_by(person: Person, **more: object) -> str:
    poll = {"options": ["Finches", "Linnets"], "expires_in": 300, **more}
    tweet_id: str = ask(person, "POST", "/tweets", json={"text": "Which?", "poll": poll})["id"]
    return tweet_id


def bars(poll: Locator) -> Locator:
    return poll.locator(".bar")


def vote(page: Page, poll: Locator, option: str) -> None:
    poll.get_by_label(option).check()
    poll.get_by_role("button", name="Vote").click()


def test_a_vote_shows_in_place_wherever_the_poll_stands(windows: Windows, web_site: WebSite) -> None:
    ada, bob, cleo = web_site.newcomer("ada"), web_site.newcomer("bob"), web_site.newcomer("cleo")
    ada.follow(bob)
    ada.follow(cleo)
    tweet_id = asked_by(bob)
    ask(cleo, "PUT", f"/tweets/{tweet_id}/retweet")
    web_site.settle()
    page = windows.open(by=ada)
    page.goto("/")
    polls = page.locator(f'.poll[data-poll="{tweet_id}"]')
    expect(polls).to_have_count(2)
    page.evaluate("() => { window.stays = true; }")
    vote(page, polls.first, "Linnets")
    for at in (0, 1):
        expect(bars(polls.nth(at))).to_have_text(["Finches 0 %", "Linnets, your choice 100 %"])
        expect(polls.nth(at)).to_contain_text("1 person · ends in 5 minutes")
    # Whoever stood on the button stands on what came in its place.
    expect(polls.first).to_be_focused()
    assert page.evaluate("() => window.stays"), "the page is the same"
    page.reload()
    expect(bars(polls.first)).to_have_text(["Finches 0 %", "Linnets, your choice 100 %"])


def test_what_was_refused_is_said_and_can_be_chosen_again(windows: Windows, web_site: WebSite) -> None:
    ada, bob = web_site.newcomer("ada"), web_site.newcomer("bob")
    tweet_id = asked_by(bob, multiple=True)
    page = windows.open(by=ada)
    page.goto(f"/@{bob.name}/{tweet_id}")
    windows.expect_complaint("422")
    poll = page.locator(".poll")
    poll.get_by_role("button", name="Vote").click()
    expect(page.locator("[role=status] .live")).to_have_text("Please choose something.")
    poll.get_by_label("Finches").check()
    vote(page, poll, "Linnets")
    expect(bars(poll)).to_have_text(["Finches, your choice 100 %", "Linnets, your choice 100 %"])
    # Elsewhere, in the meantime: the first vote stands.
    second = asked_by(bob)
    page.goto(f"/@{bob.name}/{second}")
    ask(ada, "PUT", f"/tweets/{second}/vote", json={"choices": [0]})
    vote(page, poll, "Linnets")
    expect(page.locator("[role=status] .live")).to_contain_text("You have voted in this poll")
    expect(poll.get_by_role("button", name="Vote")).to_be_visible()


def test_a_poll_is_asked_without_leaving_the_page(windows: Windows, web_site: WebSite) -> None:
    page = windows.open(by=web_site.newcomer("ada"))
    page.goto("/")
    composer = page.locator(".composer")
    composer.get_by_label("New tweet").fill("Which?")
    composer.get_by_text("Pictures, poll, warning").click()
    composer.locator(".asked summary").click()
    composer.get_by_label("Option 1").fill("Finches")
    composer.get_by_label("Option 2").fill("Linnets")
    composer.get_by_label("Ends").select_option(label="in 1 hour")
    composer.get_by_label("Several may be chosen").check()
    composer.get_by_role("button", name="Post").click()
    poll = page.locator(".feed .tweet .poll")
    expect(bars(poll)).to_have_text(["Finches 0 %", "Linnets 0 %"])
    expect(poll).to_contain_text("ends in 1 hour")
    expect(composer.get_by_label("Option 1")).to_have_value("")
    expect(composer.get_by_label("Option 1")).to_be_hidden()
    composer.get_by_label("New tweet").fill("No question")
    composer.get_by_role("button", name="Post").click()
    expect(page.locator(".feed .tweet").first).to_contain_text("No question")
    expect(page.locator(".feed .poll")).to_have_count(1)
