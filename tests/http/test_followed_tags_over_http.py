"""Promise: tags are followed by our own interface, by apps and by the web app, and all three say the same."""

from typing import Any

from tests.http.app_world import Site, assert_problem
from tests.http.page_world import PageSite


def _links(answer: Any) -> dict[str, str]:
    parts = [part.split("; ") for part in answer.headers.get("link", "").split(", ") if part]
    return {rel.removeprefix('rel="').rstrip('"'): where.strip("<>") for where, rel in parts}


async def test_a_tag_is_followed_listed_and_brought_home(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    posted = await site.post(ben, "look, #Birds")
    await site.settle()

    async def call(method: str, path: str, status: int = 200) -> Any:
        answer = await site.ask(method, f"/api/{path}", by=ada)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def home() -> list[str]:
        return [item["id"] for item in (await call("GET", "timelines/home"))["items"]]

    assert await home() == []
    put = await call("PUT", "tags/%23Birds/follow")
    assert (put["tag"], put["name"]) == ("Birds", "birds")
    assert await call("PUT", "tags/BIRDS/follow") == put, "it is followed already"
    assert await home() == [posted["id"]]
    assert [status["id"] for status in await call("GET", "v1/timelines/home")] == [posted["id"]]
    assert (await call("GET", "me/followed-tags"))["items"] == [put]
    for _ in range(2):
        await call("DELETE", "tags/birds/follow", status=204)
    assert await home() == []
    assert (await call("GET", "me/followed-tags"))["items"] == []
    for method in ("PUT", "DELETE"):
        assert_problem(await site.ask(method, "/api/tags/123/follow", by=ada), 422, "invalid_input")
        assert (await site.ask(method, "/api/tags/birds/follow")).status_code == 401


async def test_a_list_of_tags_is_paged_like_any_other(site: Site) -> None:
    ada = await site.sign_up("ada")
    for number in range(5):
        assert (await site.ask("PUT", f"/api/tags/tag{number}/follow", by=ada)).status_code == 200
    seen: list[str] = []
    before = ""
    while True:
        page = (await site.ask("GET", f"/api/me/followed-tags?limit=2{before}", by=ada)).json()
        seen += [item["tag"] for item in page["items"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == [f"tag{number}" for number in range(4, -1, -1)]
    upwards = (await site.ask("GET", f"/api/me/followed-tags?limit=3&after={page['prev']}", by=ada)).json()
    assert [item["tag"] for item in upwards["items"]] == ["tag3", "tag2", "tag1"]


async def test_apps_see_everywhere_which_tags_one_follows(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.post(ben, "look, #Birds and #boats")
    await site.settle()

    async def call(method: str, path: str, by: Any = ada) -> Any:
        answer = await site.ask(method, f"/api/{path}", by=by)
        assert answer.status_code == 200, answer.text
        return answer.json()

    tag = await call("POST", "v1/tags/birds/follow")
    assert (tag["name"], tag["following"], tag["history"]) == ("birds", True, [])
    assert (await call("POST", "v1/tags/Birds/follow"))["following"] is True
    for path in ("v1/tags/BIRDS", "v1/tags/%23birds"):
        assert (await call("GET", path))["following"] is True
        assert (await call("GET", path, by=ben))["following"] is False
        assert (await call("GET", path, by=None))["following"] is False
    assert (await call("GET", "v1/tags/123"))["following"] is False
    found = (await call("GET", "v2/search?q=b&type=hashtags"))["hashtags"]
    assert {tag["name"]: tag["following"] for tag in found} == {"Birds": True, "boats": False}
    assert (await call("POST", "v1/tags/birds/feature"))["following"] is True
    for tag in await call("GET", "v1/trends/tags"):
        assert tag["following"] is (tag["name"].lower() == "birds")
    assert (await call("POST", "v1/tags/birds/unfollow"))["following"] is False
    assert (await call("GET", "v1/tags/birds"))["following"] is False
    for name in ("one", "two", "three"):
        await call("POST", f"v1/tags/{name}/follow")
    first = await site.ask("GET", "/api/v1/followed_tags?limit=2", by=ada)
    assert [(tag["name"], tag["following"]) for tag in first.json()] == [("three", True), ("two", True)]
    older = await site.ask("GET", _links(first)["next"], by=ada)
    assert [tag["name"] for tag in older.json()] == ["one"]
    assert "next" not in _links(older)
    newer = await site.ask("GET", _links(older)["prev"], by=ada)
    assert [tag["name"] for tag in newer.json()] == ["three", "two"]
    refused = await site.ask("POST", "/api/v1/tags/123/follow", by=ada)
    assert refused.status_code == 422
    assert refused.json()["error"]


async def test_nobody_follows_more_than_a_hundred(site: Site) -> None:
    ada = await site.sign_up("ada")
    for number in range(100):
        assert (await site.ask("PUT", f"/api/tags/tag{number}/follow", by=ada)).status_code == 200
    assert_problem(await site.ask("PUT", "/api/tags/more/follow", by=ada), 409, "too_many_followed_tags")
    refused = await site.ask("POST", "/api/v1/tags/more/follow", by=ada)
    assert "100" in refused.json()["error"]
    assert (await site.ask("PUT", "/api/tags/tag7/follow", by=ada)).status_code == 200
    everything = await site.ask("GET", "/api/v1/followed_tags?limit=200", by=ada)
    assert len(everything.json()) == 100


async def test_a_tags_page_follows_it_and_the_list_ends_it(pages: PageSite) -> None:
    ada, ben = await pages.site.sign_up("ada"), await pages.site.sign_up("ben")
    await pages.site.post(ben, "look, #Straße")
    await pages.site.settle()
    browser = pages.browser(ada)
    assert "None yet" in (await browser.see("/followed-tags")).main.text
    page = await browser.see("/tags/stra%C3%9Fe")
    followed = await browser.send(page.form("/tags/stra%C3%9Fe/follow"))
    assert followed.location == "/tags/stra%C3%9Fe"
    assert (await browser.see("/tags/STRASSE")).form("/tags/STRASSE/unfollow").one("button").text == "Following"
    assert "look, #Straße" in (await browser.see("/")).main.text
    listed = await browser.see("/followed-tags")
    assert listed.main.one("a", cls="name").text == "#straße"
    assert (await browser.send(listed.form("/tags/stra%C3%9Fe/unfollow"))).location == "/followed-tags"
    assert "None yet" in (await browser.see("/followed-tags")).main.text
    assert (await pages.site.ask("GET", "/api/timelines/home", by=ada)).json()["items"] == []
    # What no tweet can carry has no button; a stranger is led to the log-in.
    assert not [form for form in (await browser.see("/tags/123")).main.all("button") if "Follow" in form.text]
    assert "/login?next=" in (await pages.browser().see("/tags/x")).main.one("a", cls="quiet").attributes["href"]
