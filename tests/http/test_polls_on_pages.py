"""Promise: polls are asked and voted in on pages without scripts, and what was counted is read there."""

from collections.abc import AsyncIterator

import pytest

from linnet.clock import ManualClock
from linnet.write.jobs.polls import end_polls
from tests.http.app_world import open_site
from tests.http.page_world import Element, Page, PageSite, pages_of
from tests.support.servers import Servers


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
async def pages(servers: Servers, database_url: str, clock: ManualClock) -> AsyncIterator[PageSite]:
    """The pages of a site that nobody has signed up to yet."""
    async with open_site(database_url, servers.valkey_url, clock=clock) as site, pages_of(site) as pages:
        yield pages


def poll_on(page: Page) -> Element:
    return page.main.one("div", **{"class": "poll"})


def bars_of(page: Page) -> list[str]:
    return [" ".join(bar.text.split()) for bar in poll_on(page).all("li")]


async def test_a_poll_is_asked_voted_in_and_read_without_scripts(pages: PageSite, clock: ManualClock) -> None:
    site = pages.site
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    asking, voting, looking = pages.browser(ada), pages.browser(ben), pages.browser(cleo)
    form = (await asking.see("/compose")).form("/tweets")
    assert form.fields()["lasts"] == "86400"
    page = await asking.send(form, text="Which?", option1="Tea", option2="Coffee", option4="<b>Milk", lasts="300")
    assert page.status == 303
    [tweet] = (await site.ask("GET", "/api/tweets")).json()["items"]
    path = f"/@ada/{tweet['id']}"
    assert bars_of(await asking.see(path)) == ["Tea 0 %", "Coffee 0 %", "<b>Milk 0 %"], "nobody votes in their own"
    assert "0 people · ends in 5 minutes" in poll_on(await asking.see(path)).text
    page = await voting.see(path)
    choices = poll_on(page).all("input")
    assert [(choice.attributes["type"], choice.attributes["value"]) for choice in choices] == [
        ("radio", "0"), ("radio", "1"), ("radio", "2"),
    ]  # fmt: skip
    assert {choice.attributes["form"] for choice in choices} == {"acts"}
    vote = f"/tweets/{tweet['id']}/vote"
    assert poll_on(page).one("button").attributes["formaction"] == vote
    fields = {"csrf": await voting.csrf(), "back": path, "at": f"t{tweet['id']}"}
    assert (await voting.post(vote, fields)).status == 422, "nothing was chosen"
    name = choices[0].attributes["name"]
    # What was chosen in other polls on the page comes along.
    gone = await voting.post(vote, {**fields, name: "2", "v1": "0", "v2-1": "1"})
    assert (gone.status, gone.location) == (303, f"{path}#t{tweet['id']}")
    assert bars_of(await voting.see(path)) == ["Tea 0 %", "Coffee 0 %", "<b>Milk, your choice 100 %"]
    for other in ("0", "7", "-1", "x", ""):
        assert (await voting.post(vote, {**fields, name: other})).status == 422
    await site.settle()
    clock.advance(241)
    assert "1 person · ends in 1 minute" in poll_on(await looking.see(path)).text
    clock.advance(59)
    page = await looking.see(path)
    assert bars_of(page) == ["Tea 0 %", "Coffee 0 %", "<b>Milk 100 %"]
    assert "1 person · final" in poll_on(page).text
    await end_polls.run(site.world.write, {})
    await site.settle()
    assert "Your poll has ended" in (await asking.see("/notifications")).main.text
    assert "Ada asked, and the poll has ended" in (await voting.see("/notifications")).main.text


async def test_several_are_chosen_and_votes_are_hidden_until_the_end(pages: PageSite, clock: ManualClock) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    poll = {"options": ["a", "b", "c"], "expires_in": 300, "multiple": True, "hides_votes": True}
    tweet = (await site.ask("POST", "/api/tweets", {"text": "?", "poll": poll}, by=ada)).json()
    path, browser = f"/@ada/{tweet['id']}", pages.browser(ben)
    choices = poll_on(await browser.see(path)).all("input")
    assert {choice.attributes["type"] for choice in choices} == {"checkbox"}
    fields = {"csrf": await browser.csrf(), "back": path}
    chosen = {choices[at].attributes["name"]: choices[at].attributes["value"] for at in (0, 2)}
    assert (await browser.post(f"/tweets/{tweet['id']}/vote", {**fields, **chosen})).status == 303
    assert bars_of(await browser.see(path)) == ["a, your choice", "b", "c, your choice"]
    assert "votes are shown then" in poll_on(await browser.see(path)).text
    clock.advance(300)
    assert bars_of(await browser.see(path)) == ["a, your choice 100 %", "b 0 %", "c, your choice 100 %"]
    # Strangers see what was counted.
    assert bars_of(await pages.browser().see(path)) == ["a 0 %", "b 0 %", "c 0 %"], "nobody has counted it yet"
    await site.settle()
    assert bars_of(await pages.browser().see(path)) == ["a 100 %", "b 0 %", "c 100 %"]


async def test_what_cannot_be_asked_is_shown_again_with_all_that_was_typed(pages: PageSite) -> None:
    browser = pages.browser(await pages.site.sign_up("ada"))
    form = (await browser.see("/compose")).form("/tweets")
    typed = {"text": "Which?", "option1": 'Tea "hot"', "option3": "x" * 60, "lasts": "3600", "multiple": "yes"}
    page = await browser.send(form, **typed)
    assert page.status == 422
    assert "60 characters; 50 are allowed" in page.main.text
    again = page.form("/tweets")
    assert {name: again.fields().get(name) for name in typed} == typed
    page = await browser.send(again, option3="Tea", lasts="soon")
    assert page.status == 422
    assert "at least five minutes" in page.main.text
    for text, options in (("", {"option1": "a", "option2": "b"}), ("?", {"option1": "a"})):
        page = await browser.send((await browser.see("/compose")).form("/tweets"), text=text, **options)
        assert page.status == 422
    # Nothing in any option is no poll, however long it was to last.
    page = await browser.send((await browser.see("/compose")).form("/tweets"), text="plain", option1="  ")
    assert page.status == 303
    [tweet] = (await pages.site.ask("GET", "/api/tweets")).json()["items"]
    assert "poll" not in tweet


async def test_the_same_form_with_another_poll_is_another_form(pages: PageSite) -> None:
    browser = pages.browser(await pages.site.sign_up("ada"))
    form = (await browser.see("/compose")).form("/tweets")
    for _ in range(2):
        assert (await browser.send(form, text="Which?", option1="a", option2="b")).status == 303
    assert (await browser.send(form, text="Which?", option1="a", option2="c")).status in (409, 422)
    assert len((await pages.site.ask("GET", "/api/tweets")).json()["items"]) == 1
