"""axe finds nothing on any page, bright or dark, wide or narrow; and a page is used without a mouse."""

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.web._browser import Windows
from tests.web._looks import NARROW, WIDE, Look
from tests.web._site import WebSite
from tests.web._town import Town, by_person

RULES_OF_COLOUR = ("color-contrast", "link-in-text-block")


@pytest.fixture(scope="module")
def town(web_site: WebSite) -> Town:
    return Town(web_site)


def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds, by all its rules or only by some, as ``rule: element``."""
    options: dict[str, Any] = {"resultTypes": ["violations"], "elementRef": False}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("async (options) => (await axe.run(document, options)).violations", options)
    return [
        f"{one['id']}: {node['html'][:160]}: {' '.join(node['failureSummary'].split())[:200]}"
        for one in found
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_axe_finds_nothing_on_any_page(windows: Windows, town: Town, width: int) -> None:
    windows.expect_complaint("404")
    found: list[str] = []
    for person, places in by_person(town.places()):
        page = windows.open(Look(width), by=person)
        for place in places:
            answer = page.goto(place.path)
            assert answer is not None
            assert answer.status == place.status, place
            found += [f"{place.name}: {line}" for line in violations(page)]
            # What changes with the theme is colour.
            page.emulate_media(color_scheme="dark")
            found += [f"{place.name}, dark: {line}" for line in violations(page, *RULES_OF_COLOUR)]
            page.emulate_media(color_scheme="light")
    assert found == [], "\n".join(found)
