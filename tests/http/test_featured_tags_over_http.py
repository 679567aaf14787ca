"""Promise: the tags that somebody shows stand on their page with what they come to, in the web app and in apps."""

from typing import Any

from tests.http.app_world import Site, assert_problem
from tests.http.page_world import PageSite


async def test_tags_are_shown_with_how_often_they_are_used(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    for text in ("one #Birds", "two #birds #Straße", "none", "three #BIRDS"):
        last = await site.post(ada, text)
    await site.post(ben, "not hers #birds")
    await site.settle()

    async def call(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await site.ask(method, f"/api/{path}", body, by=ada)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    assert (await call("GET", "me/used-tags"))["items"] == ["birds", "strasse"]
    put = await call("PUT", "me/featured-tags/%23Birds")
    assert put == {**put, "tag": "Birds", "name": "birds", "tweets_count": 3, "last_tweet_at": last["created_at"]}
    assert await call("PUT", "me/featured-tags/BIRDS") == put, "it is there already"
    assert (await call("GET", "me/used-tags"))["items"] == ["strasse"]
    shown = await site.ask("GET", f"/api/users/{ada.id}/featured-tags")
    assert shown.json() == {"items": [put]}
    street = await call("POST", "v1/featured_tags", {"name": "Straße"})
    assert (street["name"], street["statuses_count"]) == ("Straße", "1")
    by_ben = (await site.ask("GET", f"/api/v1/accounts/{ada.id}/featured_tags", by=ben)).json()
    assert [(tag["name"], tag["statuses_count"]) for tag in by_ben] == [("Birds", "3"), ("Straße", "1")]
    assert by_ben[0]["last_status_at"] == last["created_at"][:10]
    assert await call("GET", "v1/featured_tags/suggestions") == []
    assert await call("DELETE", f"v1/featured_tags/{street['id']}") == {}
    await call("DELETE", f"v1/featured_tags/{street['id']}", status=404)
    assert (await call("POST", "v1/tags/sky/feature"))["name"] == "sky"
    assert (await call("POST", "v1/tags/sky/unfeature"))["name"] == "sky"
    for _ in range(2):
        await call("DELETE", "me/featured-tags/birds", status=204)
    assert await call("GET", "v1/featured_tags") == []
    assert_problem(await site.ask("PUT", "/api/me/featured-tags/%23", by=ada), 422, "invalid_input")
    for number in range(10):
        await call("PUT", f"me/featured-tags/tag{number}")
    assert_problem(await site.ask("PUT", "/api/me/featured-tags/tag11", by=ada), 409, "too_many_featured_tags")
    await call("PUT", "me/featured-tags/tag3")


async def test_tags_on_a_profile_are_chosen_in_the_settings(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    await pages.site.post(ada, "a #Finch & co")
    await pages.site.settle()
    browser = pages.browser(ada)
    settings = await browser.see("/settings")
    assert (await browser.send(settings.form("/settings/tags"), tag="#Finch")).location == "/settings#s-tags"
    refused = await browser.send(settings.form("/settings/tags"), tag="no tag")
    assert refused.status == 422
    assert "This is no tag that a tweet can carry." in refused.main.text
    profile = await pages.browser().see("/@ada")
    assert profile.main.one("a", cls="tag").attributes["href"] == "/tags/finch"
    assert profile.main.one("a", cls="tag").text == "#Finch 1"
    removing = (await browser.see("/settings")).form("/settings/tags/remove")
    assert (await browser.send(removing)).location == "/settings#s-tags"
    assert not (await browser.see("/@ada")).main.all("a", cls="tag")
