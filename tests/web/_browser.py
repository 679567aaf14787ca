"""Debian's Chromium, driven by Playwright: windows of their own for people, and nothing that goes wrong unnoticed.

The driver and Chromium hang on pipes of this process, and end when it does, however it ends.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.flows._linnet_process import Person, eventually
from tests.web._looks import DESKTOP, Look

# For a machine that is slow, and busy with something else.
DEADLINE_MS = 60_000
COOKIE = "linnet_session"
# Somebody's timeline must not look different where the machine stands elsewhere.
_PLACE = {"locale": "en-GB", "timezone_id": "UTC"}


def become(page: Page, person: Person) -> None:
    """From the next request on the window is this person's."""
    page.context.add_cookies(
        [{"name": COOKIE, "value": person.token, "url": person.url, "httpOnly": True, "sameSite": "Lax"}]
    )


class Windows:
    """A test's browser windows, and the complaints of all of them. A complaint that nobody expected fails the test."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.complaints: list[str] = []
        self._expected: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def open(self, look: Look = DESKTOP, by: Person | None = None, **more: Any) -> Page:
        """A window with cookies of its own, on no page yet. ``by``: logged in. ``more`` goes to Playwright as it is."""
        context = self._browser.new_context(
            base_url=self.url,
            viewport={"width": look.width, "height": look.height},
            is_mobile=look.is_phone,
            has_touch=look.is_phone,
            color_scheme=look.scheme,
            java_script_enabled=look.scripts,
            **{**_PLACE, **more},
        )
        self._contexts.append(context)
        context.set_default_timeout(DEADLINE_MS)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(f"{error.page and error.page.url}: {error.error}"))
        page = context.new_page()
        if by is not None:
            become(page, by)
        return page

    def expect_complaint(self, words: str) -> None:
        """The browser will say something with these words, and is right."""
        self._expected.append(words)

    def assert_quiet(self) -> None:
        """The browser had nothing to complain of: no script failed, no file was missing, no policy was broken."""
        unexpected = [said for said in self.complaints if not any(words in said for words in self._expected)]
        assert not unexpected, "\n".join(unexpected)

    def wait_complaint(self, page: Page, words: str) -> None:
        """Waits until the browser says something with these words: it tells of what happens a moment later."""
        eventually(
            lambda: page.evaluate("() => true") and any(words in said for said in self.complaints),
            what=f"the browser complains of {words!r}",
        )

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.location.get('url', '')}: {message.text}")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Chromium without windows. No event loop may run in this thread meanwhile, nor be started."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("There is no chromium. Please install it: apt-get install chromium", pytrace=False)
    expect.set_options(timeout=DEADLINE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()
