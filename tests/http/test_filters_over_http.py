"""Promise: what matches a filter says so on every page, in every process, from the answer to its making on."""

from typing import Any

import pytest

from linnet.domain.timeline import Range
from linnet.ids import MAX_ID, UserId
from linnet.read.timelines.home import home_page
from linnet.stores.valkey.marks import Marks
from linnet.write.actions import filters
from tests.http.app_world import Person, Site, assert_problem
from tests.http.page_world import PageSite
from tests.support.servers import Servers
from tests.support.world import open_process_beside


async def make(site: Site, by: Person, *words: str, **more: Any) -> dict[str, Any]:
    wish = {"title": "Cats", "contexts": ["home"], "keywords": [{"keyword": word} for word in words], **more}
    answer = await site.ask("POST", "/api/filters", wish, by=by)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def titles_at(site: Site, by: Person, path: str) -> dict[str, list[str]]:
    """By text, which filters each tweet of a page matches."""
    answer = await site.ask("GET", path, by=by)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    items = found["items"] if "items" in found else found["replies"]["items"]
    return {
        (item["retweet_of"] or item)["text"]: [match["filter"]["title"] for match in item.get("filtered", [])]
        for item in items
    }


async def a_cat_and_a_dog(site: Site) -> tuple[Person, Person, dict[str, str]]:
    """ada follows ben, who wrote of both; ids by what is in them."""
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    await site.ask("PUT", f"/api/users/{ben.id}/follow", by=ada)
    ids = {word: (await site.post(ben, f"My {word} #pets"))["id"] for word in ("cat", "dog")}
    await site.settle()
    return ada, ben, ids


async def test_every_page_says_at_once_which_filters_a_tweet_matches(site: Site) -> None:
    ada, ben, ids = await a_cat_and_a_dog(site)
    cleo = await site.sign_up("cleo")
    await site.ask("PUT", f"/api/users/{cleo.id}/follow", by=ada)
    await site.ask("PUT", f"/api/tweets/{ids['cat']}/retweet", by=cleo)
    answered = await site.post(ada, "Whose?", reply_to=ids["dog"])
    await site.post(ben, "The cat's", reply_to=answered["id"])
    await site.post(ada, "My own cat")
    await site.settle()
    await site.ask("GET", "/api/timelines/home", by=ada)
    made = await make(site, ada, "CAT", action="hide")
    pages = {
        "home": "/api/timelines/home",
        "everyone's": "/api/tweets",
        "a tag": "/api/tags/pets/tweets",
        "a person's": f"/api/users/{ben.id}/tweets",
        "a retweet": f"/api/users/{cleo.id}/tweets",
        "found": "/api/search?q=cat",
        "answers": f"/api/tweets/{answered['id']}/thread",
    }
    for where, path in pages.items():
        for text, titles in (await titles_at(site, ada, path)).items():
            is_mine = text in ("Whose?", "My own cat")
            assert titles == (["Cats"] if "cat" in text and not is_mine else []), f"{where}: {text}"
        for titles in (await titles_at(site, cleo, path)).values():
            assert titles == [], "nobody else's filter"
    told = (await site.ask("GET", "/api/notifications", by=ada)).json()["items"]
    assert {
        item["tweet"]["text"]: [match["by_name"] for match in item["tweet"].get("filtered", [])]
        for item in told
        if item["kind"] == "replied"
    } == {"The cat's": [False]}
    assert (await site.ask("DELETE", f"/api/filters/{made['id']}", by=ada)).status_code == 204
    assert set(map(str, (await titles_at(site, ada, pages["home"])).values())) == {"[]"}


async def test_a_change_shows_on_the_next_page_of_every_process(site: Site, servers: Servers) -> None:
    ada, _, ids = await a_cat_and_a_dog(site)
    me = UserId(int(ada.id))
    async with open_process_beside(site.world, servers.valkey_url) as beside:

        async def shown() -> list[list[bytes]]:
            """Which filters match at home, in either process, on a page of the window and one below it."""
            found = []
            for process in (site.world, beside):
                for wanted in (Range(15), Range(15, before=MAX_ID - 1)):
                    page = await home_page(process.read, me, wanted)
                    found.append([item for item in page.items if b'"filtered":' in item])
            return found

        for _ in range(2):
            assert await shown() == [[]] * 4
        made = await make(site, ada, "cat")
        assert [len(each) for each in await shown()] == [1] * 4
        path = f"/api/filters/{made['id']}"
        changes = [
            (("PATCH", path, {"keywords": [{"keyword": "fish"}]}), 0),
            (("PATCH", path, {"keywords": [{"keyword": "my", "whole_word": False}]}), 2),
            (("PATCH", path, {"keywords": []}), 0),
            (("PUT", f"{path}/tweets/{ids['dog']}", None), 1),
            (("DELETE", f"{path}/tweets/{ids['dog']}", None), 0),
            (("PUT", f"{path}/tweets/{ids['cat']}", None), 1),
            (("DELETE", path, None), 0),
        ]
        for (method, where, body), count in changes:
            answer = await site.ask(method, where, body, by=ada)
            assert answer.status_code in (200, 204), answer.text
            assert [len(each) for each in await shown()] == [count] * 4, (method, where, body)


async def test_whoever_has_no_filters_pays_nothing_for_them_and_whoever_has_pays_once(site: Site) -> None:
    ada, ben, _ = await a_cat_and_a_dog(site)
    me, other = UserId(int(ada.id)), UserId(int(ben.id))
    await make(site, ada, "cat")
    for reader in (me, other):
        for _ in range(3):
            await home_page(site.world.read, reader, Range(15))
        with site.world.budget(sql=0, valkey=1):
            assert len((await home_page(site.world.read, reader, Range(15))).items) == 2


async def test_a_filter_made_by_a_process_that_dies_is_brought_by_the_event(site: Site) -> None:
    """As if the drop that follows the commit had been lost, and the marks of before were there."""
    ada, _, _ = await a_cat_and_a_dog(site)
    me, store = UserId(int(ada.id)), site.world.write.marks
    await filters.create_filter(site.world.write, me, title="Cats", contexts=("home",))
    assert await store.begin(me, b"12345678")
    assert await store.finish(me, b"12345678", Marks({}))
    made = (await site.ask("GET", "/api/filters", by=ada)).json()["items"]
    assert [each["title"] for each in made] == ["Cats"]
    await site.settle()
    assert await store.begin(me, b"87654321"), "the event dropped them"


@pytest.mark.parametrize(
    "broken",
    [
        {"contexts": []},
        {"contexts": "home"},
        {"action": "blur"},
        {"expires_in": -1},
        {"keywords": [{"keyword": ""}]},
        {"keywords": ["cat"]},
        {"title": " "},
        {"expires_in": "soon"},
    ],
)
async def test_what_cannot_be_a_filter_is_said(busy_site: Site, broken: dict[str, Any]) -> None:
    ada = await busy_site.newcomer()
    wish = {"title": "Cats", "contexts": ["home"], **broken}
    assert_problem(await busy_site.ask("POST", "/api/filters", wish, by=ada), 422, "invalid_input")


async def test_filters_are_few_and_end_when_their_time_is_over(site: Site) -> None:
    ada, _, _ = await a_cat_and_a_dog(site)
    ended = await make(site, ada, "cat", expires_in=0)
    assert ended["expires_at"] is not None
    assert set(map(str, (await titles_at(site, ada, "/api/timelines/home")).values())) == {"[]"}
    assert len((await site.ask("GET", "/api/filters", by=ada)).json()["items"]) == 1, "it can be given more time"
    path = f"/api/filters/{ended['id']}"
    longer = await site.ask("PATCH", path, {"expires_in": 3600}, by=ada)
    assert longer.json()["expires_at"] > ended["expires_at"]
    assert (await titles_at(site, ada, "/api/timelines/home"))["My cat #pets"] == ["Cats"]
    for _ in range(49):
        await make(site, ada)
    wish = {"title": "Cats", "contexts": ["home"]}
    assert_problem(await site.ask("POST", "/api/filters", wish, by=ada), 409, "too_many_filters")
    many = [{"keyword": f"word{number}"} for number in range(201)]
    assert_problem(await site.ask("PATCH", path, {"keywords": many}, by=ada), 409, "too_many_filters")


async def test_apps_make_filters_in_every_way_they_write_them(site: Site) -> None:
    ada, _, ids = await a_cat_and_a_dog(site)

    async def call(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await site.ask(method, f"/api/{path}", body, by=ada)
        assert answer.status_code == status, answer.text
        return answer.json()

    form = "title=Pets&context[]=home&context[]=thread&filter_action=hide&expires_in=3600"
    form += "&keywords_attributes[][keyword]=cat&keywords_attributes[][whole_word]=true"
    form += "&keywords_attributes[][keyword]=og"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Bearer {ada.token}"}
    answer = await site.client.post("/api/v2/filters", content=form, headers=headers)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    words = [(each["keyword"], each["whole_word"]) for each in made["keywords"]]
    assert words == [("cat", True), ("og", False)]
    assert (made["context"], made["filter_action"], made["statuses"]) == (["home", "thread"], "hide", [])
    path = f"v2/filters/{made['id']}"
    found = {status["content"].split()[1]: status["filtered"] for status in await call("GET", "v1/timelines/home")}
    assert {word: [result["keyword_matches"] for result in results] for word, results in found.items()} == {
        "cat": [["cat"]],
        "dog": [["og"]],
    }
    assert found["cat"][0]["filter"]["title"] == "Pets"
    cat, og = made["keywords"]
    changed = await call(
        "PUT",
        path,
        {
            "expires_in": "",
            "keywords_attributes": [
                {"id": cat["id"], "keyword": "kitten"},
                {"id": og["id"], "_destroy": True},
                {"keyword": "fish"},
            ],
        },
    )
    assert [each["keyword"] for each in changed["keywords"]] == ["kitten", "fish"]
    assert (changed["title"], changed["expires_at"]) == ("Pets", None)
    more = await call("POST", f"{path}/keywords", {"keyword": "pony", "whole_word": 1})
    assert await call("GET", f"v2/filters/keywords/{more['id']}") == more
    assert (await call("PUT", f"v2/filters/keywords/{more['id']}", {"keyword": "foal"}))["whole_word"] is True
    assert await call("DELETE", f"v2/filters/keywords/{more['id']}") == {}
    assert len(await call("GET", f"{path}/keywords")) == 2
    named = await call("POST", f"{path}/statuses", {"status_id": ids["dog"]})
    assert await call("POST", f"{path}/statuses", {"status_id": ids["dog"]}) == named
    assert await call("GET", f"{path}/statuses") == [named]
    dog = await call("GET", f"v1/statuses/{ids['dog']}")
    assert [result["status_matches"] for result in dog["filtered"]] == [[ids["dog"]]]
    assert await call("GET", f"v2/filters/statuses/{named['id']}") == named
    assert await call("DELETE", f"v2/filters/statuses/{named['id']}") == named
    [old, _] = await call("GET", "v1/filters")
    assert (old["phrase"], old["irreversible"], old["context"]) == ("kitten", True, ["home", "thread"])
    assert await call("GET", f"v1/filters/{old['id']}") == old
    await call("POST", "v2/filters", {"title": "x", "context": ["everywhere"]}, 422)
    await call("POST", "v2/filters", {"context": ["home"]}, 422)
    assert await call("DELETE", path) == {}
    for gone in (path, f"{path}/keywords", f"v2/filters/keywords/{cat['id']}", f"v2/filters/statuses/{named['id']}"):
        await call("GET", gone, status=404)


async def test_what_is_deleted_is_named_no_more(site: Site) -> None:
    ada, ben, ids = await a_cat_and_a_dog(site)
    made = await make(site, ada)
    await site.ask("PUT", f"/api/filters/{made['id']}/tweets/{ids['cat']}", by=ada)
    assert (await site.ask("DELETE", f"/api/tweets/{ids['cat']}", by=ben)).status_code == 204
    await site.settle()
    assert (await site.ask("GET", f"/api/filters/{made['id']}", by=ada)).json()["tweet_ids"] == []


async def test_pages_fold_and_leave_out_and_go_on_all_the_same(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.ask("PUT", f"/api/users/{ben.id}/follow", by=ada)
    for number in range(6):
        await site.post(ben, f"dog number {number}")
    for number in range(45):
        await site.post(ben, f"cat number {number}")
    await site.settle()
    browser = pages.browser(ada)
    shown = await browser.see("/settings/filters")
    refused = await browser.post("/settings/filters", {**shown.form("/settings/filters").fields(), "title": ""})
    assert refused.status == 422
    assert "A filter needs a title." in refused.main.text
    csrf = shown.form("/settings/filters").fields()["csrf"]
    wish = {"csrf": csrf, "title": "No <b>cats", "words": "cat\n\ncat", "whole": "on", "at_home": "on", "until": ""}
    assert (await browser.post("/settings/filters", {**wish, "action": "hide"})).location == "/settings/filters"
    home = await browser.see("/")
    assert len(home.main.all("article", cls="tweet")) == 6, "all that is not hidden, though it is far below"
    assert not home.main.all("a", rel="next")
    assert len((await browser.see("/@ben")).main.all("article", cls="tweet")) == 20, "not there"
    row = (await browser.see("/settings/filters")).main.one("a", cls="name")
    assert row.text == "No <b>cats"
    edit = await browser.see(row.attributes["href"])
    assert edit.form(row.attributes["href"]).one("textarea").text.strip() == "cat"
    changed = {**wish, "action": "warn", "at_account": "on", "until": "as it is"}
    assert (await browser.post(row.attributes["href"], changed)).location == "/settings/filters"
    for path in ("/", "/@ben"):
        page = await browser.see(path)
        assert len(page.main.all("article", cls="tweet")) == 20
        assert [each.text.strip() for each in page.main.all("summary") if "Filtered" in each.text] == [
            "Filtered: No <b>cats"
        ] * 20
    assert "Filtered" not in (await browser.see("/everyone")).main.text
    assert "Filtered" not in (await pages.browser(ben).see("/")).main.text
    gone = await browser.send((await browser.see("/settings/filters")).form(f"{row.attributes['href']}/delete"))
    assert gone.location == "/settings/filters"
    assert "Filtered" not in (await browser.see("/")).main.text


async def test_apps_of_the_first_version_make_change_and_delete_them(site: Site) -> None:
    """Each of their filters is a keyword of one; what the newer version put together stays together."""
    ada = await site.sign_up("ada")

    async def call(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await site.ask(method, f"/api/{path}", body, by=ada)
        assert answer.status_code == status, answer.text
        return answer.json()

    made = await call("POST", "v1/filters", {"phrase": "rain", "context": ["home", "public"], "whole_word": True})
    assert (made["phrase"], made["irreversible"], made["whole_word"]) == ("rain", False, True)
    assert (made["context"], made["expires_at"]) == (["home", "public"], None)
    [newer] = await call("GET", "v2/filters")
    assert (newer["title"], newer["filter_action"]) == ("rain", "warn")
    assert [(word["id"], word["keyword"]) for word in newer["keywords"]] == [(made["id"], "rain")]
    path = f"v1/filters/{made['id']}"
    changed = await call("PUT", path, {"phrase": "hail", "context": ["thread"], "irreversible": True, "expires_in": 60})
    assert (changed["id"], changed["phrase"], changed["context"]) == (made["id"], "hail", ["thread"])
    assert (changed["irreversible"], changed["whole_word"]) == (True, True)
    assert changed["expires_at"] is not None
    assert await call("GET", path) == changed
    [newer] = await call("GET", "v2/filters")
    assert (newer["title"], newer["filter_action"]) == ("hail", "hide")
    # With a second word its filter is nobody's alone.
    other = await call("POST", f"v2/filters/{newer['id']}/keywords", {"keyword": "sleet"})
    refused = await call("PUT", path, {"phrase": "hail", "context": ["home"]}, 422)
    assert "newer app" in refused["error"]
    assert (await call("PUT", path, {"phrase": "hailstone", "context": ["thread"]}))["phrase"] == "hailstone"
    assert (await call("GET", f"v2/filters/{newer['id']}"))["title"] == "hail"
    assert await call("DELETE", path) == {}
    await call("DELETE", path, status=404)
    [left] = await call("GET", "v2/filters")
    assert [word["id"] for word in left["keywords"]] == [other["id"]]
    # The last word takes its filter along, unless that names a tweet.
    tweet = (await site.post(ada, "Snow"))["id"]
    named = await call("POST", f"v2/filters/{newer['id']}/statuses", {"status_id": tweet})
    await call("DELETE", f"v1/filters/{other['id']}")
    [left] = await call("GET", "v2/filters")
    assert (left["keywords"], [status["id"] for status in left["statuses"]]) == ([], [named["id"]])
    again = await call("POST", "v1/filters", {"phrase": "fog", "context": ["home"]})
    await call("DELETE", f"v1/filters/{again['id']}")
    assert [each["title"] for each in await call("GET", "v2/filters")] == ["hail"]
    for wrong in (
        {"phrase": "", "context": ["home"]},
        {"phrase": "x", "context": []},
        {"phrase": "x", "context": ["x"]},
    ):
        await call("POST", "v1/filters", wrong, 422)
