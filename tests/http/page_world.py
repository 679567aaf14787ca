"""Pages as a browser without scripts has them: read, followed, and their forms sent. No sockets between."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any

import httpx

from linnet.api.app import create_app
from linnet.bootstrap.web import with_pages
from linnet.web.services import WebOptions, WebServices
from linnet.web.sessions import COOKIE
from tests.http.app_world import USER_AGENT, Person, Site, ending_streams

ORIGIN = "http://linnet.test"
_VOID = {"meta", "link", "img", "input", "br", "hr", "use", "path", "circle"}


class Element:
    """One element of a page. ``text`` is all that is written in it."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: "Element | None") -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.children: list[Element | str] = []

    def walk(self) -> Iterator["Element"]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, tag: str = "", **attributes: str) -> list["Element"]:
        """Those with this tag and these attributes; ``cls`` is one of the classes."""
        cls = attributes.pop("cls", None)
        return [
            element
            for element in self.walk()
            if tag in ("", element.tag)
            and (cls is None or cls in element.attributes.get("class", "").split())
            and all(element.attributes.get(name) == value for name, value in attributes.items())
        ]

    def one(self, tag: str = "", **attributes: str) -> "Element":
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} × <{tag} {attributes}> in {self.text[:2000]}"
        return found[0]

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def fields(self) -> dict[str, str]:
        """Of a form: what would be sent if nobody typed anything."""
        inputs = [field for field in self.all("input") if _is_sent(field)]
        sent = [*inputs, *(button for button in self.all("button") if "name" in button.attributes)]
        typed = {field.attributes["name"]: field.attributes.get("value", "") for field in sent}
        for chooser in self.all("select"):
            options = chooser.all("option")
            chosen = next((option for option in options if "selected" in option.attributes), options[0])
            typed[chooser.attributes["name"]] = chosen.attributes["value"]
        # A browser leaves out one line end at the beginning.
        return typed | {field.attributes["name"]: field.text.removeprefix("\n") for field in self.all("textarea")}


def _is_sent(field: Element) -> bool:
    """Of what nobody touched: no file is chosen, and a box says nothing unless it is ticked."""
    kind = field.attributes.get("type")
    return kind != "file" and (kind != "checkbox" or "checked" in field.attributes)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice: {attrs}"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(element)
        if tag not in _VOID:
            self.at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.children.append(Element(tag, {name: value or "" for name, value in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def parse(html: str) -> Element:
    """The whole page. Fails where elements are not closed in the order in which they were opened."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert parser.at is parser.root, f"<{parser.at.tag}> is not closed"
    return parser.root


class Page:
    """An answer, and what is on it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.status = answer.status_code
        self.headers = answer.headers
        is_page = answer.headers.get("content-type", "").startswith("text/html")
        self.root = parse(answer.text) if is_page and answer.request.method != "HEAD" else Element("", {}, None)

    @property
    def main(self) -> Element:
        return self.root.one("main")

    @property
    def location(self) -> str:
        assert self.status == 303, f"{self.status}: {self.root.text}"
        return self.headers["location"]

    def form(self, action: str) -> Element:
        """The first form that goes there; or what is sent by the first button that sends another form there."""
        forms = self.root.all("form", action=action)
        for button in [] if forms else self.root.all("button", formaction=action):
            sent = Element("form", {"method": "post", "action": action}, None)
            [owner] = self.root.all("form", id=button.attributes["form"])
            sent.children = [*owner.children, button]
            return sent
        assert forms, f"no form for {action} among {[form.attributes['action'] for form in self.root.all('form')]}"
        return forms[0]


class Browser:
    """Somebody's browser. It keeps cookies, follows nothing by itself, and says from where a form is sent."""

    def __init__(self, app: Any) -> None:
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=ending_streams(app)), base_url=ORIGIN, headers={"User-Agent": USER_AGENT}
        )

    def become(self, person: Person) -> "Browser":
        """Logged in as somebody, without the log-in form."""
        self.client.cookies.set(COOKIE, person.token, domain="linnet.test", path="/")
        return self

    async def get(self, path: str, **more: Any) -> Page:
        return Page(await self.client.get(path, **more))

    async def see(self, path: str) -> Page:
        """A page that must be there."""
        page = await self.get(path)
        assert page.status == 200, f"{path}: {page.status} {page.root.text}"
        return page

    async def post(self, path: str, fields: dict[str, str], **more: Any) -> Page:
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN, **more.pop("headers", {})}
        return Page(await self.client.post(path, data=fields, headers=headers, **more))

    async def send(self, form: Element, **typed: str) -> Page:
        """A form of a page, with what was typed into it."""
        fields = {**form.fields(), **typed}
        return await self.post(form.attributes["action"], fields)

    async def csrf(self) -> str:
        """What a form of this session carries."""
        return (await self.see("/settings")).form("/logout").fields()["csrf"]


class PageSite:
    """A site, and browsers that look at its pages."""

    def __init__(self, site: Site, *, public_url: str = "") -> None:
        services = site.services
        self.site = site
        self.services = WebServices(
            read=services.read,
            write=services.write,
            viewers=services.viewers,
            streams=services.streams,
            passwords=services.passwords,
            options=WebOptions(public_url=public_url),
            limits=services.limits,
            proxies=services.proxies,
        )
        self.app = with_pages(create_app(services), self.services)
        self._browsers: list[Browser] = []

    def rebuild(self) -> None:
        """After a change of the services, for browsers that are opened then."""
        self.app = with_pages(create_app(self.site.services), self.services)

    def browser(self, person: Person | None = None) -> Browser:
        browser = Browser(self.app)
        self._browsers.append(browser)
        return browser if person is None else browser.become(person)

    async def aclose(self) -> None:
        for browser in self._browsers:
            await browser.client.aclose()


@asynccontextmanager
async def pages_of(site: Site, *, public_url: str = "") -> AsyncIterator[PageSite]:
    pages = PageSite(site, public_url=public_url)
    try:
        yield pages
    finally:
        await pages.aclose()
