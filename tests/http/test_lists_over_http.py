"""Promise: lists are made, filled and read by our own interface, by apps and on pages, and are the same everywhere."""

from typing import Any

from tests.http.app_world import Person, Site, assert_problem
from tests.http.page_world import PageSite


async def three(site: Site) -> tuple[Person, Person, Person]:
    """ada follows ben and cleo."""
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    for other in (ben, cleo):
        await site.ask("PUT", f"/api/users/{other.id}/follow", by=ada)
    return ada, ben, cleo


async def texts(site: Site, by: Person, path: str) -> list[str]:
    answer = await site.ask("GET", path, by=by)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return [item["text"] for item in found["items"]] if isinstance(found, dict) else [item["content"] for item in found]


async def test_a_list_from_its_making_to_its_end(site: Site) -> None:
    ada, ben, cleo = await three(site)
    made = await site.ask("POST", "/api/lists", {"title": " Birds ", "exclusive": True}, by=ada)
    assert made.status_code == 201
    one = made.json()
    assert one == {"id": one["id"], "title": "Birds", "replies": "list", "exclusive": True}
    path = f"/api/lists/{one['id']}"
    put = await site.ask("PUT", f"{path}/members/{ben.id}", by=ada)
    assert (put.status_code, put.json()["username"]) == (200, "ben")
    await site.post(ben, "chirp")
    await site.post(cleo, "tweet")
    await site.settle()
    assert await texts(site, ada, f"{path}/tweets") == ["chirp"]
    assert await texts(site, ada, "/api/timelines/home") == ["tweet"]
    changed = await site.ask("PATCH", path, {"exclusive": False, "replies": "none", "title": None}, by=ada)
    assert changed.json() == {**one, "replies": "none", "exclusive": False}
    assert await texts(site, ada, "/api/timelines/home") == ["tweet", "chirp"]
    assert (await site.ask("GET", "/api/lists", by=ada)).json() == {"items": [changed.json()]}
    assert (await site.ask("GET", "/api/lists", by=ben)).json() == {"items": []}
    assert (await site.ask("DELETE", path, by=ada)).status_code == 204
    assert_problem(await site.ask("GET", f"{path}/tweets", by=ada), 404, "list_not_found")


async def test_what_cannot_be_on_a_list_is_said(site: Site) -> None:
    ada, ben, _ = await three(site)
    dan = await site.sign_up("dan")
    for body, field in (({"title": ""}, "title"), ({"title": "x", "replies": "all"}, "replies"), ({}, "title")):
        answer = await site.ask("POST", "/api/lists", body, by=ada)
        assert_problem(answer, 422, "invalid_input")
        assert [each["field"] for each in answer.json()["errors"]] == [field]
    path = f"/api/lists/{(await site.ask('POST', '/api/lists', {'title': 'x'}, by=ada)).json()['id']}"
    assert_problem(await site.ask("PUT", f"{path}/members/{dan.id}", by=ada), 409, "not_followed")
    assert_problem(await site.ask("PUT", f"{path}/members/{ben.id}", by=ben), 404, "list_not_found")
    assert_problem(await site.ask("PUT", "/api/lists/1/members/1", by=ada), 404, "list_not_found")


async def test_apps_make_lists_and_fill_them_in_every_way_they_write_it(site: Site) -> None:
    ada, ben, cleo = await three(site)
    dan = await site.sign_up("dan")

    async def call(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await site.ask(method, f"/api/v1{path}", body, by=ada)
        assert answer.status_code == status, answer.text
        return answer.json()

    one = await call("POST", "/lists", {"title": "Birds", "replies_policy": "followed"})
    assert one == {"id": one["id"], "title": "Birds", "replies_policy": "followed", "exclusive": False}
    path = f"/lists/{one['id']}"
    assert await call("PUT", path, {"exclusive": "true"}) == {**one, "exclusive": True}
    assert await call("PUT", path, {"title": "Finches", "exclusive": 0}) == {**one, "title": "Finches"}
    await call("PUT", path, {"replies_policy": "all"}, 422)
    assert await call("POST", f"{path}/accounts", {"account_ids": [ben.id, cleo.id]}) == {}
    assert await call("POST", f"{path}/accounts", {"account_ids": [ben.id]}) == {}
    assert await call("POST", f"{path}/accounts", {"account_ids": [dan.id]}, 404) == {"error": "Record not found"}
    names = [account["username"] for account in await call("GET", f"{path}/accounts?limit=0")]
    assert sorted(names) == ["ben", "cleo"]
    answer = await site.ask("GET", f"/api/v1{path}/accounts?limit=1", by=ada)
    assert len(answer.json()) == 1
    assert 'rel="next"' in answer.headers["link"]
    assert [each["id"] for each in await call("GET", f"/accounts/{ben.id}/lists")] == [one["id"]]
    await site.post(ben, "chirp")
    assert await texts(site, ada, f"/api/v1/timelines/list/{one['id']}") == ["<p>chirp</p>"]
    # A body of a DELETE, or the address.
    assert await call("DELETE", f"{path}/accounts", {"account_ids": [cleo.id]}) == {}
    assert await call("DELETE", f"{path}/accounts?account_ids[]={ben.id}") == {}
    assert await call("GET", f"{path}/accounts") == []
    assert await call("DELETE", path) == {}
    await call("GET", path, status=404)
    await call("GET", "/timelines/list/x", status=404)


async def test_lists_on_pages_without_scripts(pages: PageSite) -> None:
    ada, ben, _ = await three(pages.site)
    await pages.site.post(ben, "chirp")
    await pages.site.settle()
    browser = pages.browser(ada)
    refused = await browser.send((await browser.see("/lists")).form("/lists"), title=" ")
    assert refused.status == 422
    assert "A list needs a title." in refused.main.text
    form = refused.form("/lists")
    fields = {name: value for name, value in form.fields().items() if name != "exclusive"}
    made = await browser.post("/lists", {**fields, "title": "Birds & <b>", "replies": "none"})
    path = made.location.removesuffix("/members")
    assert "Nobody yet." in (await browser.see(made.location)).main.text
    profile = await browser.see("/@ben")
    assert profile.form(f"/users/{ben.id}/lists").attributes.get("method", "get") == "get"
    listed = await browser.see(f"/users/{ben.id}/lists")
    assert (await browser.send(listed.form(f"{path}/members"))).location == f"/users/{ben.id}/lists"
    shown = await browser.see(path)
    assert "chirp" in shown.main.text
    assert shown.root.one("h1").text == "Birds & <b>"
    assert "ben" in (await browser.see(f"{path}/members")).main.text
    edit = (await browser.see(f"{path}/edit")).form(f"{path}/edit")
    assert edit.one("option", selected="").attributes["value"] == "none"
    wish = {"title": "Finches", "replies": "list", "exclusive": "on"}
    assert (await browser.send(edit, **wish)).location == path
    assert not (await browser.see("/")).main.all("article"), "not at home"
    row = (await browser.see("/lists")).root.one("a", href=path)
    assert row.text == "Finches not at home"
    taken = await browser.send((await browser.see(f"{path}/members")).form(f"{path}/members"))
    assert taken.location == f"{path}/members"
    assert "chirp" in (await browser.see("/")).main.one("article").text
    assert (await browser.send((await browser.see(f"{path}/edit")).form(f"{path}/delete"))).location == "/lists"
    assert (await browser.get(path)).status == 404
    stranger = await browser.see(f"/users/{(await pages.site.sign_up('dan')).id}/lists")
    assert "Follow @dan to put them on a list." in stranger.main.text
