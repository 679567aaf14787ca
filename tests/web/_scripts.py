"""What tests of the scripts have in common."""

import re
from typing import Any

from playwright.sync_api import Page, Route

from tests.web._browser import DEADLINE_MS


def lose_the_answer(route: Route) -> None:
    """The server hears the request, and the page nothing of it."""
    route.fetch()
    route.abort()


def deaf(page: Page) -> None:
    """From the next page on the window hears nothing of what is new."""
    page.route(re.compile(r"/(stream|fragments/news)\?"), lambda route: route.fulfill(status=204))


def wait_until(page: Page, question: str, arg: Any = None) -> None:
    """Asks the page until a JavaScript function says yes. Playwright's own way needs ``eval``, which no page allows."""
    page.evaluate(
        f"""async ([arg, most]) => {{
          const began = performance.now();
          while (!(await ({question})(arg))) {{
            if (performance.now() - began > most) throw Error("this did not come true");
            await new Promise((go) => setTimeout(go, 20));
          }}
        }}""",
        [arg, DEADLINE_MS],
    )
