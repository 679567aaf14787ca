"""Promise: whom somebody shows on their page is there for all who may meet them, and goes with the follow."""

import asyncio
from typing import Any

import pytest

from tests.http.app_world import Person, Site
from tests.http.page_world import PageSite, pages_of


async def call(site: Site, by: Person | None, method: str, path: str, status: int = 200) -> Any:
    answer = await site.ask(method, f"/api/v1/{path}", by=by)
    assert answer.status_code == status, f"{path}: {answer.text}"
    return answer.json()


async def follow(site: Site, one: Person, other: Person) -> None:
    assert (await site.ask("PUT", f"/api/users/{other.id}/follow", by=one)).status_code == 200


def names(accounts: list[dict[str, Any]]) -> list[str]:
    return [account["username"] for account in accounts]


async def test_one_shows_whom_one_follows_until_one_does_not(site: Site) -> None:
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    refused = await call(site, ada, "POST", f"accounts/{ben.id}/endorse", 422)
    assert refused == {"error": "You can show people on your page whom you follow."}
    for other in (ben, cleo):
        await follow(site, ada, other)
    assert not (await call(site, ada, "GET", f"accounts/relationships?id[]={ben.id}"))[0]["endorsed"]
    for _ in range(2):
        assert (await call(site, ada, "POST", f"accounts/{ben.id}/endorse"))["endorsed"]
    # The old name of it.
    assert (await call(site, ada, "POST", f"accounts/{cleo.id}/pin"))["endorsed"]
    assert names(await call(site, ada, "GET", "endorsements")) == ["cleo", "ben"]
    for by in (None, ben):
        assert names(await call(site, by, "GET", f"accounts/{ada.id}/endorsements")) == ["cleo", "ben"]
    first = await site.ask("GET", "/api/v1/endorsements?limit=1", by=ada)
    second = await site.ask("GET", first.links["next"]["url"].removeprefix("http://linnet.test"), by=ada)
    assert names(first.json() + second.json()) == ["cleo", "ben"]
    for verb in ("unendorse", "unpin", "unendorse"):
        assert not (await call(site, ada, "POST", f"accounts/{cleo.id}/{verb}"))["endorsed"]
    assert names(await call(site, ada, "GET", "endorsements")) == ["ben"]
    await call(site, ada, "POST", f"accounts/{ben.id}/unfollow")
    assert await call(site, ada, "GET", "endorsements") == []
    await follow(site, ada, ben)
    assert await call(site, ada, "GET", "endorsements") == [], "it does not come back with the follow"
    await call(site, ada, "POST", f"accounts/{ada.id}/endorse", 422)
    await call(site, ada, "POST", "accounts/1/endorse", 404)
    await call(site, None, "GET", "accounts/1/endorsements", 404)


@pytest.mark.parametrize("ends", ["block", "remove_from_followers", "blocked"])
async def test_whatever_ends_the_follow_ends_it(site: Site, ends: str) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await follow(site, ada, ben)
    await call(site, ada, "POST", f"accounts/{ben.id}/endorse")
    by, whom = (ada, ben) if ends == "block" else (ben, ada)
    await call(site, by, "POST", f"accounts/{whom.id}/{'block' if ends == 'blocked' else ends}")
    assert await call(site, ada, "GET", "endorsements") == []
    assert await call(site, None, "GET", f"accounts/{ada.id}/endorsements") == []


async def test_of_a_follow_and_its_end_at_once_nobody_is_left_who_is_not_followed(site: Site) -> None:
    """Whichever comes first: shown is whom one follows."""
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    for _ in range(15):
        await follow(site, ada, ben)
        await asyncio.gather(
            *(site.ask("POST", f"/api/v1/accounts/{ben.id}/{verb}", by=ada) for verb in ("endorse", "unfollow"))
        )
        [stands] = await call(site, ada, "GET", f"accounts/relationships?id[]={ben.id}")
        assert (stands["following"], stands["endorsed"]) == (False, False)


async def test_familiar_followers_are_followed_by_both(site: Site) -> None:
    ada, ben, cleo, dora = [await site.sign_up(name) for name in ("ada", "ben", "cleo", "dora")]
    for one, other in ((ada, ben), (ada, cleo), (ben, dora), (cleo, dora), (dora, ben)):
        await follow(site, one, other)
    path = f"accounts/familiar_followers?id[]={dora.id}&id[]={ben.id}&id[]={ada.id}&id[]=1"
    found = await call(site, ada, "GET", path)
    assert [(each["id"], sorted(names(each["accounts"]))) for each in found] == [
        (dora.id, ["ben", "cleo"]),
        (ben.id, []),
    ]


async def test_the_page_shows_them_and_its_menu_changes_it(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await follow(site, ada, ben)
    async with pages_of(site) as pages:
        browser = pages.browser(ada)
        sent = await browser.send((await browser.see("/@ben")).form(f"/users/{ben.id}/endorse"))
        assert sent.location == "/@ben"
        for who in (None, ben):
            page = await pages.browser(who).see("/@ada")
            [shown] = page.main.all("p", cls="tags")
            assert [(each.text, each.attributes["href"]) for each in shown.all("a")] == [("Ben", "/@ben")]
            assert "Ben" in (await pages.browser(who).see("/@ada/recommends")).main.text
        await browser.send((await browser.see("/@ben")).form(f"/users/{ben.id}/unendorse"))
        assert (await browser.see("/@ada")).main.all("p", cls="tags") == []
        assert "shows nobody" in (await browser.see("/@ada/recommends")).main.text


async def test_whom_one_does_not_want_is_not_suggested_again(pages: PageSite) -> None:
    site = pages.site
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]

    async def suggested() -> set[str]:
        found = await call(site, ada, "GET", "suggestions")
        newer = (await site.ask("GET", "/api/v2/suggestions", by=ada)).json()
        assert names([each["account"] for each in newer]) == names(found)
        return set(names(found))

    assert await suggested() >= {"ben", "cleo"}
    for _ in range(2):
        assert await call(site, ada, "DELETE", f"suggestions/{ben.id}") == {}
    assert {"ben", "cleo"} & await suggested() == {"cleo"}
    await call(site, ada, "DELETE", "suggestions/1", 404)
    await call(site, ada, "DELETE", "suggestions/x", 404)
    browser = pages.browser(ada)
    form = (await browser.see("/explore")).form(f"/users/{cleo.id}/not-interested")
    assert (await browser.send(form)).location == "/explore"
    assert not {"ben", "cleo"} & await suggested()
    assert "cleo" in names(await call(site, ben, "GET", "suggestions")), "it is ada's wish alone"
