"""The page to read the documentation on."""

import re
from html.parser import HTMLParser

import pytest

from linnet.api import problems
from linnet.api.app import ENDPOINTS
from linnet.api.problems import FRAMEWORK_PROBLEMS, Refused
from linnet.api.services import ApiOptions
from linnet.errors import LinnetError
from tests.http.app_world import Site, assert_problem, open_site
from tests.support.servers import Servers

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Collects what a test asks of a page; fails when its tags do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.addresses: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("src", "href", "srcset", "action") and value:
                (self.targets if value.startswith("#") else self.addresses).append(value)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


@pytest.fixture
async def page(busy_site: Site) -> Page:
    answer = await busy_site.ask("GET", "/api/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


async def test_the_page_loads_nothing_from_anywhere(busy_site: Site, page: Page) -> None:
    assert page.addresses == ["/api/openapi.json"]
    assert not page.tags & {"script", "img", "iframe", "link", "form"}
    answer = await busy_site.ask("GET", "/api/docs")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "@import" not in answer.text
    assert "url(" not in answer.text


async def test_every_operation_schema_and_problem_has_its_place(busy_site: Site, page: Page) -> None:
    document = (await busy_site.ask("GET", "/api/openapi.json")).json()
    assert len(page.ids) == len(set(page.ids))
    for endpoint in ENDPOINTS:
        assert endpoint.operation_id in page.ids
    for name in document["components"]["schemas"]:
        assert f"schema-{name}" in page.ids
    for target in page.targets:
        assert target[1:] in page.ids, target


async def test_every_code_that_an_answer_can_name_is_explained(page: Page) -> None:
    codes = {code for code, _ in FRAMEWORK_PROBLEMS.values()}
    codes |= {kind.code for kind in _all_subclasses(Refused)}
    codes |= {kind.code for endpoint in ENDPOINTS for kind in endpoint.problems}
    codes |= {LinnetError.code, "invalid_input", "not_logged_in", "invalid_token", "unavailable"}
    for code in codes:
        assert f"{problems.TYPE_PREFIX.partition('#')[2]}{code}" in page.ids


async def test_the_page_shows_the_examples(busy_site: Site) -> None:
    text = (await busy_site.ask("GET", "/api/docs")).text
    assert "Finches at the window again" in text
    assert not re.search(r"{{|{%|%}", text)


async def test_the_document_is_served_whole(busy_site: Site) -> None:
    answer = await busy_site.ask("GET", "/api/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["openapi"] == "3.1.0"
    assert set(answer.json()["paths"]) == {endpoint.path for endpoint in ENDPOINTS}


async def test_documentation_can_be_switched_off(servers: Servers, busy_database_url: str) -> None:
    async with open_site(busy_database_url, servers.valkey_url, api_options=ApiOptions(docs_enabled=False)) as site:
        assert_problem(await site.ask("GET", "/api/docs"), 404, "not_found")
        assert_problem(await site.ask("GET", "/api/openapi.json"), 404, "not_found")


def _all_subclasses(kind: type[Refused]) -> set[type[Refused]]:
    return {kind}.union(*(_all_subclasses(subclass) for subclass in kind.__subclasses__()))
