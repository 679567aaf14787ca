"""Pages say which of theirs is newest, so that a script can find out whether something newer is there."""

from tests.http.page_world import Page, PageSite


def newest_on(page: Page) -> list[str]:
    return [element.attributes["data-newest"] for element in page.main.all("div", cls="news")]


async def test_the_page_of_everyone_is_told_which_tweet_is_on_top_and_that_it_still_is(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    browser = pages.browser(ada)
    assert newest_on(await browser.see("/everyone")) == ["0"]
    first = await browser.get("/fragments/everyone")
    assert first.answer.json() == {"newest": "0"}
    tweet = (await site.post(ben, "hello"))["id"]
    await site.settle()
    answer = (await browser.get("/fragments/everyone", headers={"If-None-Match": first.answer.headers["etag"]})).answer
    assert answer.json() == {"newest": tweet}
    again = (await browser.get("/fragments/everyone", headers={"If-None-Match": answer.headers["etag"]})).answer
    assert (again.status_code, again.content) == (304, b"")
    assert newest_on(await browser.see("/everyone")) == [tweet]
    # Older pages and strangers are told of nothing.
    assert newest_on(await browser.see(f"/everyone?before={tweet}")) == []
    assert newest_on(await pages.browser().see("/everyone")) == []
    # Nobody is told of tweets that they would not see.
    await site.ask("PUT", f"/api/users/{ben.id}/mute", by=ada)
    assert (await browser.get("/fragments/everyone")).answer.json() == {"newest": "0"}


async def test_the_list_of_notifications_says_which_is_newest(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    browser = pages.browser(ada)
    assert newest_on(await browser.see("/notifications")) == ["0"]
    await site.post(ben, "hello @ada")
    await site.settle()
    newest = (await site.ask("GET", "/api/notifications", by=ada)).json()["items"][0]["id"]
    assert newest_on(await browser.see("/notifications")) == [newest]
    assert newest_on(await browser.see(f"/notifications?before={newest}")) == []


async def test_ones_own_page_says_which_of_ones_tweets_is_newest(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = (await site.post(ada, "mine"))["id"]
    assert newest_on(await pages.browser(ada).see("/@ada")) == [tweet]
    assert newest_on(await pages.browser(ada).see("/@ada/replies")) == []
    assert newest_on(await pages.browser(ben).see("/@ada")) == []
