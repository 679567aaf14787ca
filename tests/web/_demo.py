"""The demo as somebody finds it who has just started linnet, and a browser in which its first person is logged in."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Browser, Page

from tests.flows._linnet_process import Linnet, eventually, family, free_port
from tests.web._browser import DEADLINE_MS, open_browser


class Demo(msgspec.Struct, frozen=True):
    """``page`` is logged in and without scripts; ``cookies`` make others so."""

    url: str
    browser: Browser
    page: Page
    cookies: Any


@contextmanager
def open_demo() -> Iterator[Demo]:
    """A new town in a temporary directory, gone after the block."""
    with tempfile.TemporaryDirectory() as directory, family(Path(directory)) as linnets:
        port = free_port()
        linnet = linnets.start("serve", "--data-dir", str(linnets.directory), "--port", str(port))
        linnet.wait_ready(port)
        with open_browser() as browser:
            context = browser.new_context(base_url=linnet.url, java_script_enabled=False)
            context.set_default_timeout(DEADLINE_MS)
            page = context.new_page()
            log_in(page, linnet)
            # The town's last events are still on their way when it answers.
            eventually(lambda: page.goto("/") and page.locator("main .tweet").count() >= 20, what="a full page")
            yield Demo(linnet.url, browser, page, context.cookies())
        linnet.stop()


def log_in(page: Page, linnet: Linnet) -> None:
    """With what the demo said."""
    found = linnet.wait_said(r"Log in as\s+(\S+)\s+with the password\s+(\S+)")
    page.goto("/login")
    page.get_by_label("Username or e-mail").fill(found[1])
    page.get_by_label("Password").fill(found[2])
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Home").wait_for()
