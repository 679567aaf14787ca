"""Lists on pages: followed to their end by their links they hold everything once, and what belongs on them."""

from linnet.ids import UserId
from tests.http.app_world import Person
from tests.http.page_world import Browser, Page, PageSite


def texts(page: Page) -> list[str]:
    return [text.text for text in page.main.all("p", cls="text")]


async def walk(browser: Browser, path: str) -> list[Page]:
    """The page and all older ones, as one gets to them by their links."""
    pages = [await browser.see(path)]
    while links := pages[-1].main.all("a", rel="next"):
        pages.append(await browser.see(links[0].attributes["href"]))
        assert len(pages) < 50
    return pages


async def test_tweets_replies_and_likes_are_told_apart_and_complete(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    asked = (await site.post(ben, "a question"))["id"]
    own, said, answered = "", [], []
    for number in range(60):
        match number % 5:
            case 0:
                own = (await site.post(ada, f"tweet {number}"))["id"]
                said.append(f"tweet {number}")
            case 1:
                await site.post(ada, f"more of it {number}", reply_to=own)
                said.append(f"more of it {number}")
            case _:
                await site.post(ada, f"answer {number}", reply_to=asked)
                answered.append(f"answer {number}")
    await site.ask("PUT", f"/api/tweets/{asked}/retweet", by=ada)
    await site.ask("PUT", f"/api/tweets/{asked}/like", by=ada)
    await site.settle()
    browser = pages.browser(ben)
    tweets = [text for page in await walk(browser, "/@ada") for text in texts(page)]
    assert tweets == ["a question", *reversed(said)]
    replies = await walk(browser, "/@ada/replies")
    assert [text for page in replies for text in texts(page)] == answered[::-1]
    assert [len(texts(page)) for page in replies] == [20, 16]
    assert texts(await browser.see("/@ada/likes")) == ["a question"]
    for tab, path in (("Tweets", "/@ada"), ("Replies", "/@ada/replies"), ("Likes", "/@ada/likes")):
        [here] = [link for link in (await browser.see(path)).main.all("a") if "aria-current" in link.attributes]
        assert here.text == tab


async def test_the_pinned_tweet_stands_first_and_once_and_says_so_there_alone(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    pinned = (await site.post(ada, "the pinned one"))["id"]
    for number in range(25):
        await site.post(ada, f"tweet {number}")
    await site.ask("PUT", f"/api/tweets/{pinned}/pin", by=ada)
    await site.settle()
    browser = pages.browser(ben)
    first, second = await walk(browser, "/@ada")
    assert texts(first)[0] == "the pinned one"
    assert [text for page in (first, second) for text in texts(page)].count("the pinned one") == 1
    assert first.main.text.count("Pinned") == 1
    assert not any("Pinned" in page.main.text for page in await walk(browser, "/"))


async def test_somebody_who_only_answers_has_a_page_of_tweets_that_leads_to_its_end(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.post(ada, "the first word")
    world = site.world
    world.ids.update(ada=UserId(int(ada.id)), ben=UserId(int(ben.id)))
    asked = await world.post("ben", "a question")
    for _ in range(2200):
        await world.post("ada", "again", reply_to=asked)
    walked = await walk(pages.browser(), "/@ada")
    assert len(walked) == 2
    assert texts(walked[0]) == []
    assert not walked[0].main.all("p", cls="empty")
    assert texts(walked[1]) == ["the first word"]


async def test_what_is_popular_stands_within_the_first_page_of_home_and_is_on_it_once(pages: PageSite) -> None:
    site = pages.site
    people: list[Person] = [await site.sign_up(name) for name in ("ada", "ben", "cleo", "dora")]
    ada, ben, cleo, dora = people
    await site.ask("PUT", f"/api/users/{ben.id}/follow", by=ada)
    liked = [(await site.post(cleo, f"liked {number}"))["id"] for number in range(5)]
    near = (await site.post(ben, "near and liked"))["id"]
    for tweet in (*liked, near):
        for person in (ben, dora):
            await site.ask("PUT", f"/api/tweets/{tweet}/like", by=person)
    for number in range(30):
        await site.post(ben, f"tweet {number}")
    await site.post(ben, "one more")
    await site.settle()
    browser = pages.browser(ada)
    first, second = await walk(browser, "/")
    popular = first.main.one("section", cls="popular")
    shown = [peek.text for peek in popular.all("span", cls="said")]
    assert len(shown) == 3
    assert not set(shown) & set(texts(first))
    assert "2 likes" in popular.text
    assert not second.main.all("section", cls="popular")
    # It is not said a second time in the margin, where other pages have it.
    assert "popular" not in {element.attributes.get("id") for element in first.root.one("aside").walk()}
    assert (await browser.see("/notifications")).root.one("aside").all("h2", id="popular")
    for card in (await browser.see("/notifications")).root.one("aside").all("a", cls="peek"):
        assert " 0 " not in card.text


async def test_people_are_listed_to_the_last_one(pages: PageSite) -> None:
    site = pages.site
    ada = await site.sign_up("ada")
    world = site.world
    world.ids["ada"] = UserId(int(ada.id))
    names = [f"fan{number}" for number in range(45)]
    for name in names:
        await world.person(name)
        await world.follow(name, "ada")
        await world.follow("ada", name)
        if int(name[3:]) < 30:
            await world.mute("ada", name)
    await world.settle()
    browser = pages.browser(ada)

    def handles(page: Page) -> list[str]:
        return [element.text.removeprefix("@") for element in page.main.all("span", cls="handle")]

    for path in ("/@ada/followers", "/@ada/following"):
        assert [name for page in await walk(browser, path) for name in handles(page)] == names[::-1]
    kept_away = [name for page in await walk(browser, "/settings/muted") for name in handles(page)]
    assert kept_away == names[:30][::-1]
    settings = await browser.see("/settings")
    assert len(settings.main.one("section", id="s-away").all("div", cls="person")) == 5
    assert settings.main.all("a", href="/settings/muted")


async def test_a_thread_shows_what_is_gone_as_a_gap(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    first = (await site.post(ben, "the beginning"))["id"]
    middle = (await site.post(ada, "in the middle", reply_to=first))["id"]
    last = (await site.post(ben, "the end", reply_to=middle))["id"]
    browser = pages.browser()
    assert texts(await browser.see(f"/@ben/{last}")) == ["the beginning", "in the middle", "the end"]
    await site.ask("DELETE", f"/api/tweets/{first}", by=ben)
    page = await browser.see(f"/@whoever/{last}")
    assert texts(page) == ["in the middle", "the end"]
    assert page.main.one("p", cls="gone").text == "This tweet is not here any more."


async def test_strangers_who_want_to_do_something_come_back_to_it_after_the_log_in(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    tweet = (await pages.site.post(ada))["id"]
    page = await pages.browser().see("/@ada")
    acts = page.main.one("div", cls="acts").all("a")
    assert [link.attributes["href"] for link in acts] == [
        f"/login?next=/%40ada/{tweet}%23reply",
        f"/login?next=/%40ada/{tweet}",
        f"/login?next=/%40ada/{tweet}",
    ]
    assert page.main.one("a", cls="button").attributes["href"] == "/login?next=/%40ada"
    form = (await pages.browser().see(acts[0].attributes["href"])).form("/login")
    assert form.fields()["next"] == f"/@ada/{tweet}#reply"
