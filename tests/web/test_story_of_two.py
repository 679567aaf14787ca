"""The whole story of two people, in browsers with and without scripts, wide and narrow, bright and dark."""

import re

import pytest
from playwright.sync_api import expect

from tests.web._browser import Windows
from tests.web._looks import PAIRED_LOOKS, Look
from tests.web._site import WebSite
from tests.web._town import picture
from tests.web._visitor import Visitor


@pytest.mark.parametrize("look", PAIRED_LOOKS, ids=str)
def test_two_people_meet_talk_and_part(windows: Windows, web_site: WebSite, look: Look) -> None:
    number = PAIRED_LOOKS.index(look)
    ada, bob = (Visitor(windows.open(look), look, f"{name}_{number}") for name in ("ada", "bob"))
    ada.sign_up()
    bob.sign_up()
    bob.follow(ada)
    web_site.settle()
    bob.go("/")

    news = f"Fog over the reeds, number{number}."
    ada.post(news)
    if look.scripts:
        # Live: nobody asks for the page again.
        bob.button("1 new tweet").click()
    else:
        web_site.settle()
        bob.page.reload()
    expect(bob.tweet(news)).to_be_visible()

    answer = f"Clear by noon, say {bob.name}'s knees."
    bob.reply(news, answer)
    # At once, whatever workers do meanwhile.
    expect(bob.tweet(answer)).to_be_visible()
    bob.go("/")
    bob.press("Retweet", news)
    web_site.settle()
    ada.go("/")
    expect(ada.link(re.compile("^Notifications.*3 new"))).to_be_visible()
    ada.link(re.compile("^Notifications")).click()
    expect(ada.page.get_by_role("article").filter(has_text="answered you")).to_be_visible()
    ada.link(answer, ada.page.get_by_role("main")).click()
    ada.press("Like", answer)
    web_site.settle()
    bob.go("/notifications")
    expect(bob.page.get_by_role("article").filter(has_text="liked your tweet")).to_contain_text(ada.name)

    bob.search(f"number{number}")
    expect(bob.tweet(news)).to_be_visible()
    expect(bob.tweet(answer)).to_have_count(0)

    ada.choose_picture(picture(300, 200))
    web_site.settle()
    ada.go(f"/@{ada.username}")
    face = ada.page.get_by_role("main").locator("img").first
    assert face.evaluate("async (face) => { await face.decode(); return face.naturalWidth > 0 }")
    assert ".svg" not in (face.get_attribute("src") or "")

    ada.block(bob)
    web_site.settle()
    for path in ("/", f"/@{ada.username}"):
        bob.go(path)
        expect(bob.tweet(news)).to_have_count(0)

    ada.leave()
    web_site.settle()
    windows.expect_complaint("404")
    assert ada.go(f"/@{ada.username}").status == 404
    ada.go("/everyone")
    expect(ada.tweet(answer)).to_be_visible()
    expect(ada.tweet(news)).to_have_count(0)
