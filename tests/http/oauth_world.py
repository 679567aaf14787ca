"""Apps that people let in: over the interface and the pages of a site, no sockets between."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec

from linnet.ids import random_bytes
from tests.http.app_world import Person, Site
from tests.http.page_world import Browser, Page, PageSite

CALLBACK = "https://app.example/back?from=linnet"
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
ALL = "read write follow push"


class Client(msgspec.Struct, frozen=True):
    """An app that is registered."""

    id: str
    secret: str
    redirect_uri: str
    scopes: str

    def credentials(self) -> dict[str, str]:
        return {"client_id": self.id, "client_secret": self.secret}

    def asks(self, **changed: str) -> dict[str, str]:
        """What it sends a person's browser with."""
        return {
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": self.scopes,
            **changed,
        }

    def address(self, **changed: str) -> str:
        return f"/oauth/authorize?{urlencode(self.asks(**changed))}"

    def redeems(self, code: str, **changed: str) -> dict[str, str]:
        """What it sends for a token."""
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            **self.credentials(),
            **changed,
        }


def proof() -> tuple[str, str]:
    """A verifier, and its challenge."""
    verifier = random_bytes(32).hex()
    return verifier, base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


async def register(site: Site, redirect_uri: str = CALLBACK, scopes: str = ALL, **more: Any) -> Client:
    wish = {"client_name": "An app", "redirect_uris": redirect_uri, "scopes": scopes, **more}
    answer = await site.client.post("/api/v1/apps", data=wish)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    return Client(made["client_id"], made["client_secret"], redirect_uri, scopes)


async def answered(browser: Browser, client: Client, answer: str = "yes", **changed: str) -> Page:
    """What a person's browser gets who is asked, and answers."""
    form = (await browser.see(client.address(**changed))).form("/oauth/authorize")
    return await browser.post("/oauth/authorize", {**form.fields(), "answer": answer})


def told(page: Page) -> dict[str, str]:
    """What an app is told in the address that the browser goes to."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.location).query).items()}


async def code_of(pages: PageSite, person: Person, client: Client, **changed: str) -> str:
    """What a person's yes comes to."""
    page = await answered(pages.browser(person), client, **changed)
    return page.root.one(id="code").text if client.redirect_uri == OUT_OF_BAND else told(page)["code"]


async def token_for(pages: PageSite, person: Person, scopes: str = ALL) -> str:
    """The token of a new app that may do so much in somebody's name."""
    client = await register(pages.site, scopes=scopes)
    code = await code_of(pages, person, client)
    answer = await pages.site.client.post("/oauth/token", data=client.redeems(code))
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


async def ask(site: Site, token: str | None, method: str, path: str, **more: Any) -> httpx.Response:
    """A request of an app."""
    headers = {**more.pop("headers", {}), **({} if token is None else {"Authorization": f"Bearer {token}"})}
    return await site.client.request(method, path, headers=headers, **more)
