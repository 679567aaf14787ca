"""Being asked before one is followed: over our own interface, as apps for Mastodon have it, and on pages."""

from typing import Any

from tests.http.app_world import Person, Site, assert_problem, problem_fields
from tests.http.page_world import PageSite


async def stands(site: Site, by: Person, to: Person) -> dict[str, Any]:
    [found] = (await site.ask("GET", f"/api/v1/accounts/relationships?id[]={to.id}", by=by)).json()
    relationship: dict[str, Any] = found
    return relationship


async def home(site: Site, by: Person) -> list[str]:
    return [item["text"] for item in (await site.ask("GET", "/api/timelines/home", by=by)).json()["items"]]


async def asking(site: Site, by: Person) -> list[str]:
    return [item["username"] for item in (await site.ask("GET", "/api/me/follow-requests", by=by)).json()["items"]]


async def test_a_request_over_our_own_interface(site: Site) -> None:
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    assert (await site.ask("PATCH", "/api/me", {"locked": True}, by=ada)).json()["locked"] is True
    for wrong in (None, "yes", 1):
        assert problem_fields(await site.ask("PATCH", "/api/me", {"locked": wrong}, by=ada)) == ["locked"]
    await site.post(ada, "hello")
    for follower in (ben, cleo):
        found = (await site.ask("PUT", f"/api/users/{ada.id}/follow", by=follower)).json()
        assert (found["viewer"]["following"], found["viewer"]["requested"], found["locked"]) == (False, True, True)
        # Each at its turn: what two ask in one moment is told in either order.
        await site.settle()
    assert await home(site, ben) == []
    assert await asking(site, ada) == ["cleo", "ben"]
    told = (await site.ask("GET", "/api/notifications", by=ada)).json()
    assert [(item["kind"], item["people"][0]["username"], item["tweet"]) for item in told["items"]] == [
        ("requested", "cleo", None),
        ("requested", "ben", None),
    ]
    path = "/api/me/follow-requests"
    accepted = (await site.ask("PUT", f"{path}/{ben.id}", by=ada)).json()
    assert (accepted["viewer"]["followed_by"], accepted["viewer"]["requested_by"]) == (True, False)
    assert await home(site, ben) == ["hello"]
    refused = (await site.ask("DELETE", f"{path}/{cleo.id}", by=ada)).json()
    assert (refused["viewer"]["followed_by"], refused["viewer"]["requested_by"]) == (False, False)
    assert_problem(await site.ask("PUT", f"{path}/{cleo.id}", by=ada), 404, "request_not_found")
    assert_problem(await site.ask("PUT", f"{path}/1", by=ada), 404, "user_not_found")
    assert_problem(await site.ask("PUT", f"{path}/{ada.id}", by=ada), 422, "cannot_follow_yourself")
    assert (await site.ask("DELETE", f"{path}/{ben.id}", by=ada)).json()["viewer"]["followed_by"] is True
    await site.settle()
    told = (await site.ask("GET", "/api/notifications", by=ada)).json()
    assert [item["kind"] for item in told["items"]] == ["followed"]
    assert (await site.ask("DELETE", f"/api/users/{ada.id}/follow", by=cleo)).status_code == 200
    assert await asking(site, ada) == []


async def test_a_mute_hides_that_somebody_asks_and_not_that_they_wait(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.ask("PATCH", "/api/me", {"locked": True}, by=ada)
    await site.ask("PUT", f"/api/users/{ben.id}/mute", by=ada)
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    await site.settle()
    assert (await site.ask("GET", "/api/notifications", by=ada)).json()["items"] == []
    assert await asking(site, ada) == ["ben"]
    await site.ask("PUT", f"/api/users/{ben.id}/block", by=ada)
    assert await asking(site, ada) == []


async def test_a_request_as_apps_have_it(site: Site) -> None:
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    account = (await site.ask("PATCH", "/api/v1/accounts/update_credentials", {"locked": True}, by=ada)).json()
    assert account["locked"] is True
    assert (await site.ask("GET", f"/api/v1/accounts/{ada.id}", by=ben)).json()["locked"] is True
    await site.post(ada, "hello")
    for follower in (ben, cleo):
        asked = (await site.ask("POST", f"/api/v1/accounts/{ada.id}/follow", by=follower)).json()
        assert (asked["following"], asked["requested"]) == (False, True)
        await site.settle()
    assert (await stands(site, ada, ben))["requested_by"] is True
    own = (await site.ask("GET", "/api/v1/accounts/verify_credentials", by=ada)).json()
    assert own["source"]["follow_requests_count"] == 2
    waiting = await site.ask("GET", "/api/v1/follow_requests?limit=1", by=ada)
    assert [each["username"] for each in waiting.json()] == ["cleo"]
    [older] = [part for part in waiting.headers["link"].split(", ") if part.endswith('rel="next"')]
    path = older[1 : older.index(">")].partition("/api/")[2]
    assert [each["username"] for each in (await site.ask("GET", f"/api/{path}", by=ada)).json()] == ["ben"]
    told = (await site.ask("GET", "/api/v1/notifications?types[]=follow_request", by=ada)).json()
    assert [(each["type"], each["account"]["username"]) for each in told] == [
        ("follow_request", "cleo"),
        ("follow_request", "ben"),
    ]
    assert all(each["group_key"].startswith("ungrouped-") for each in told)
    grouped = (await site.ask("GET", "/api/v2/notifications", by=ada)).json()["notification_groups"]
    assert [(group["type"], group["sample_account_ids"]) for group in grouped] == [
        ("follow_request", [cleo.id]),
        ("follow_request", [ben.id]),
    ]
    let_in = (await site.ask("POST", f"/api/v1/follow_requests/{ben.id}/authorize", by=ada)).json()
    assert (let_in["followed_by"], let_in["requested_by"]) == (True, False)
    refused = (await site.ask("POST", f"/api/v1/follow_requests/{cleo.id}/reject", by=ada)).json()
    assert (refused["followed_by"], refused["requested_by"]) == (False, False)
    again = await site.ask("POST", f"/api/v1/follow_requests/{cleo.id}/authorize", by=ada)
    assert (again.status_code, list(again.json())) == (404, ["error"])
    assert [each["content"] for each in (await site.ask("GET", "/api/v1/timelines/home", by=ben)).json()] == [
        "<p>hello</p>"
    ]
    await site.ask("POST", f"/api/v1/accounts/{ada.id}/follow", by=cleo)
    back = (await site.ask("POST", f"/api/v1/accounts/{ada.id}/unfollow", by=cleo)).json()
    assert back["requested"] is False
    account = (await site.ask("PATCH", "/api/v1/accounts/update_credentials", {"locked": False}, by=ada)).json()
    assert account["locked"] is False


async def test_the_whole_of_it_on_pages(pages: PageSite) -> None:
    site = pages.site
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    adas, bens, cleos = pages.browser(ada), pages.browser(ben), pages.browser(cleo)
    settings = await adas.see("/settings")
    box = settings.form("/settings/followers").one("input", name="locked")
    assert "checked" not in box.attributes
    saved = await adas.post("/settings/followers", {"csrf": await adas.csrf(), "locked": "yes"})
    assert saved.location == "/settings?done=followers#s-followers"
    box = (await adas.see("/settings")).form("/settings/followers").one("input", name="locked")
    assert "checked" in box.attributes

    for browser in (bens, cleos):
        profile = await browser.see("/@ada")
        assert "asks first" in profile.root.text
        assert (await browser.send(profile.form(f"/users/{ada.id}/follow"))).status == 303
        button = (await browser.see("/@ada")).form(f"/users/{ada.id}/unfollow").one("button", cls="following")
        assert button.text == "Asked"
    await site.settle()
    notifications = await adas.see("/notifications")
    assert notifications.main.text.count("asks to follow you") == 2
    assert (await adas.send(notifications.form(f"/users/{ben.id}/accept"))).location == "/notifications"
    waiting = await adas.see("/follow-requests")
    assert [name.text for name in waiting.main.all("a", cls="name")] == ["Cleo"]
    assert "@cleo asks to follow you." in (await adas.see("/@cleo")).root.text
    assert (await adas.send(waiting.form(f"/users/{cleo.id}/refuse"))).location == "/follow-requests"
    # What was on a page that is old by now is quiet.
    assert (await adas.send(waiting.form(f"/users/{cleo.id}/accept"))).status == 303
    assert "Nobody waits." in (await adas.see("/follow-requests")).main.text
    assert (await bens.see("/@ada")).form(f"/users/{ada.id}/unfollow").one("button").text == "Following"
    assert (await cleos.see("/@ada")).form(f"/users/{ada.id}/follow").one("button").text == "Follow"

    saved = await adas.post("/settings/followers", {"csrf": await adas.csrf()})
    assert saved.status == 303
    assert "asks first" not in (await cleos.see("/@ada")).root.text
