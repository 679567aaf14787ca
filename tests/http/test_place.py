"""What this place says of itself, in its own words and in those of apps; and who may come in, by which door."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from linnet.api.services import ApiServices
from linnet.domain.place import Place
from tests.http.app_world import PASSWORD, Person, Site, open_site
from tests.http.oauth_world import Client, register
from tests.http.page_world import PageSite, pages_of
from tests.support.servers import Servers

TOLD = Place(
    title="Kitchen <&>",
    description="We bake, and say so.",
    about="Bread on weekdays.\n\nBuns <b>otherwise</b>.",
    contact_email="oven@kitchen.example",
    contact_username="ada",
    rules=("Be kind", "No <crumbs>"),
)
CLOSED = {"error": "This place takes no new accounts at the moment."}


def told(services: ApiServices, **changed: Any) -> ApiServices:
    place = msgspec.structs.replace(TOLD, **changed)
    options = msgspec.structs.replace(services.write.options, place=place)
    return msgspec.structs.replace(services, write=msgspec.structs.replace(services.write, options=options))


@pytest.fixture
async def kitchen(servers: Servers, database_url: str) -> AsyncIterator[Site]:
    async with open_site(database_url, servers.valkey_url, change=told) as site:
        yield site


@pytest.fixture
async def closed(servers: Servers, database_url: str) -> AsyncIterator[PageSite]:
    def close(services: ApiServices) -> ApiServices:
        return told(services, takes_sign_ups=False)

    async with open_site(database_url, servers.valkey_url, change=close) as site, pages_of(site) as pages:
        yield pages


async def test_a_place_is_what_its_operator_says(kitchen: Site) -> None:
    ada = await kitchen.sign_up("ada")
    new = (await kitchen.ask("GET", "/api/v2/instance")).json()
    old = (await kitchen.ask("GET", "/api/v1/instance")).json()
    assert (new["title"], new["description"]) == (TOLD.title, TOLD.description)
    assert (old["title"], old["short_description"], old["email"]) == (TOLD.title, TOLD.description, TOLD.contact_email)
    assert old["description"] == "<p>Bread on weekdays.</p><p>Buns &lt;b&gt;otherwise&lt;/b&gt;.</p>"
    assert new["contact"]["email"] == TOLD.contact_email
    assert new["contact"]["account"]["id"] == old["contact_account"]["id"] == ada.id
    assert new["configuration"]["urls"]["about"] == "http://linnet.test/about"
    assert new["registrations"]["enabled"]
    rules = (await kitchen.ask("GET", "/api/v1/instance/rules")).json()
    assert rules == new["rules"] == old["rules"]
    assert [(rule["id"], rule["text"]) for rule in rules] == [("1", "Be kind"), ("2", "No <crumbs>")]
    more = (await kitchen.ask("GET", "/api/v1/instance/extended_description")).json()
    assert more["content"] == old["description"]
    node = (await kitchen.ask("GET", "/nodeinfo/2.0")).json()
    assert node["metadata"] == {"nodeName": TOLD.title, "nodeDescription": TOLD.description}
    ours = (await kitchen.ask("GET", "/api/about")).json()
    assert (ours["title"], ours["rules"], ours["max_tweet_chars"]) == (TOLD.title, list(TOLD.rules), 140)
    assert (ours["contact"]["email"], ours["contact"]["user"]["id"]) == (TOLD.contact_email, ada.id)


async def test_its_page_says_the_same_and_every_page_its_name(kitchen: Site) -> None:
    async with pages_of(kitchen) as pages:
        # Nobody has that name yet.
        assert "oven@kitchen.example" in (await pages.browser().see("/about")).main.text
        ada = await kitchen.sign_up("ada")
        for browser in (pages.browser(), pages.browser(ada)):
            page = await browser.see("/about")
            said = page.main.text
            for words in (TOLD.description, "Bread on weekdays.", "Buns <b>otherwise</b>.", "No <crumbs>", "@ada"):
                assert words in said
            assert page.root.one("title").text == f"About {TOLD.title} · {TOLD.title}"
            home = await browser.see("/")
            assert TOLD.title in home.root.one("title").text
            assert home.root.all("a", href="/about")
        assert "Sign up" in (await pages.browser().see("/about")).main.text


async def test_a_closed_place_is_closed_at_every_door(closed: PageSite) -> None:
    site = closed.site
    body = {"username": "ada", "name": "Ada", "email": "ada@example.com", "password": PASSWORD}
    refused = await site.ask("POST", "/api/users", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_ups_closed")
    browser = closed.browser()
    assert (await browser.get("/signup")).status == 403
    sent = await browser.post("/signup", {**body, "next": "/"})
    assert sent.status == 403
    assert "no new accounts" in sent.main.text
    assert "Sign up" not in (await browser.see("/")).main.text
    assert "no new accounts" in (await browser.see("/about")).main.text
    by_app = await signed_up(site, await register(site), username="ada")
    assert (by_app.status_code, by_app.json()) == (403, CLOSED)
    said = (await site.ask("GET", "/api/v2/instance")).json()["registrations"]
    assert (said["enabled"], said["message"]) == (False, CLOSED["error"])
    assert (await site.ask("GET", "/api/v1/instance")).json()["registrations"] is False
    assert (await site.ask("GET", "/nodeinfo/2.0")).json()["openRegistrations"] is False
    assert (await site.ask("GET", "/api/users/by-username/ada")).status_code == 404


async def token_of(site: Site, client: Client) -> str:
    wish = {"grant_type": "client_credentials", "scope": client.scopes, **client.credentials()}
    answer = await site.client.post("/oauth/token", data=wish)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


async def signed_up(site: Site, client: Client, **fields: Any) -> httpx.Response:
    wish = {"email": "ada@example.com", "password": PASSWORD, "agreement": True, "locale": "en", **fields}
    headers = {"Authorization": f"Bearer {await token_of(site, client)}"}
    return await site.ask("POST", "/api/v1/accounts", wish, headers=headers)


async def test_an_app_signs_somebody_up_and_is_let_in(site: Site) -> None:
    client = await register(site, scopes="read write:statuses write:accounts")
    answer = await signed_up(site, client, username="Ada")
    assert answer.status_code == 200, answer.text
    granted = answer.json()
    assert granted["token_type"] == "Bearer"
    assert granted["scope"] == "read write:accounts write:statuses"
    me = Person("", "ada", granted["access_token"])
    shown = (await site.ask("GET", "/api/v1/accounts/verify_credentials", by=me)).json()
    assert (shown["username"], shown["display_name"]) == ("ada", "Ada")
    posted = await site.ask("POST", "/api/v1/statuses", {"status": "Hello"}, by=me)
    assert posted.status_code == 200
    # It may what the app registered for, and is no log-in.
    assert (await site.ask("POST", f"/api/v1/accounts/{shown['id']}/follow", {}, by=me)).status_code == 403
    assert (await site.ask("GET", "/api/me", by=me)).status_code == 401
    logged_in = await site.ask("POST", "/api/sessions", {"login": "ada", "password": PASSWORD})
    sessions = (await site.ask("GET", "/api/sessions", by=Person("", "ada", logged_in.json()["token"]))).json()["items"]
    assert [session["device"] for session in sessions if session["scopes"]] == ["An app"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"agreement": False}, {"agreement": "ERR_ACCEPTED"}),
        ({"username": "", "email": "", "password": ""}, dict.fromkeys(("username", "email", "password"), "ERR_BLANK")),
        ({"username": "a b", "email": "x"}, {"username": "ERR_INVALID", "email": "ERR_INVALID"}),
        ({"password": "short"}, {"password": "ERR_INVALID"}),
        ({"username": "BEN"}, {"username": "ERR_TAKEN"}),
        ({"email": "Ben@example.com"}, {"email": "ERR_TAKEN"}),
    ],
)
async def test_what_is_wrong_with_a_sign_up_is_said_by_fields(
    site: Site, fields: dict[str, Any], wrong: dict[str, str]
) -> None:
    await site.sign_up("ben")
    answer = await signed_up(site, await register(site), **{"username": "ada", **fields})
    assert answer.status_code == 422, answer.text
    said = answer.json()
    assert {field: [each["error"] for each in errors] for field, errors in said["details"].items()} == {
        field: [error] for field, error in wrong.items()
    }
    assert said["error"].startswith("Validation failed: ")
    assert all(each["description"] for errors in said["details"].values() for each in errors)
    assert (await site.ask("GET", "/api/users/by-username/ada")).status_code == 404


async def test_only_an_app_itself_with_the_scope_signs_people_up(site: Site) -> None:
    ben = await site.sign_up("ben")
    wish = {"username": "ada", "email": "ada@example.com", "password": PASSWORD, "agreement": True, "locale": "en"}
    assert (await site.ask("POST", "/api/v1/accounts", wish)).status_code == 401
    assert (await site.ask("POST", "/api/v1/accounts", wish, by=ben)).status_code == 403
    reader = await register(site, scopes="read")
    assert (await signed_up(site, reader, username="ada")).status_code == 403


async def test_a_tweet_is_quoted_by_pages_of_others(site: Site) -> None:
    ada = await site.sign_up("ada", "Ada <3")
    tweet = await site.post(ada, "Fresh <bread> & #butter")
    url = f"http://linnet.test/@ada/{tweet['id']}"
    answer = await site.ask("GET", "/api/oembed", params={"url": f"{url}?from=feed#top", "maxwidth": "300"})
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["type"], shown["version"], shown["width"], shown["height"]) == ("rich", "1.0", 300, None)
    assert (shown["author_name"], shown["author_url"]) == ("Ada <3", "http://linnet.test/@ada")
    assert "Fresh &lt;bread&gt; &amp; " in shown["html"]
    assert f'<a href="{url}">Ada &lt;3 (@ada)</a>' in shown["html"]
    assert answer.headers["access-control-allow-origin"] == "*"
    for other in (f"http://elsewhere.test/@ada/{tweet['id']}", "http://linnet.test/@ada", f"{url}1", "", "@ada/1"):
        assert (await site.ask("GET", "/api/oembed", params={"url": other})).status_code == 404, other
    assert (await site.ask("GET", "/api/oembed", params={"url": url, "format": "xml"})).status_code == 422
    await site.ask("DELETE", f"/api/tweets/{tweet['id']}", by=ada)
    assert (await site.ask("GET", "/api/oembed", params={"url": url})).status_code == 404


async def test_a_quoted_tweet_keeps_its_warning(site: Site) -> None:
    ada = await site.sign_up("ada")
    wish = {"status": "The baker did it.", "spoiler_text": "The end of <the> book"}
    url = (await site.ask("POST", "/api/v1/statuses", wish, by=ada)).json()["url"]
    quoted = (await site.ask("GET", "/api/oembed", params={"url": url})).json()["html"]
    assert "<details><summary>The end of &lt;the&gt; book</summary>" in quoted
    assert quoted.index("<details>") < quoted.index("The baker did it.") < quoted.index("</details>")
