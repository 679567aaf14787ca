"""A site, a browser, and windows for each test. Sites and browsers are shared by the tests of a file.

Playwright keeps an event loop running in the thread, where other tests want to run theirs: so a browser ends with its
file.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.servers import Servers
from tests.web._browser import Windows, open_browser
from tests.web._site import WebSite, open_web_site


@pytest.fixture(scope="module")
def web_site(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    """Nobody has signed up yet; tests of one file meet each other's people."""
    with open_web_site(servers, tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def browser(web_site: WebSite) -> Iterator[Browser]:
    """Comes after the site, whose servers are started by an event loop."""
    with open_browser() as browser:
        yield browser


@pytest.fixture
def windows(browser: Browser, web_site: WebSite) -> Iterator[Windows]:
    """``windows.open(look, by=person)`` opens one. They are closed at the end, and must have been quiet."""
    windows = Windows(browser, web_site.url)
    try:
        yield windows
        windows.assert_quiet()
    finally:
        windows.close()
