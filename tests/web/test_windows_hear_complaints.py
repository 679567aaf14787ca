"""The tests' own ears: what goes wrong in a browser is not overlooked."""

import pytest

from tests.web._browser import Windows
from tests.web._looks import PAIRED_LOOKS, Look


@pytest.mark.parametrize("look", PAIRED_LOOKS, ids=str)
def test_the_front_page_is_quiet(windows: Windows, look: Look) -> None:
    page = windows.open(look)
    answer = page.goto("/")
    assert answer is not None
    assert answer.status == 200
    assert page.evaluate("innerWidth") == look.width
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (look.scheme == "dark")


def test_an_inline_script_is_refused_and_heard_of(windows: Windows) -> None:
    page = windows.open()
    page.goto("/")
    windows.expect_complaint("Content Security Policy")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = true'}))")
    assert page.evaluate("window.ran") is None
    windows.wait_complaint(page, "Content Security Policy")


def test_a_missing_file_and_a_failing_script_are_heard_of(windows: Windows) -> None:
    page = windows.open()
    page.goto("/")
    windows.expect_complaint("404")
    windows.expect_complaint("a script failed")
    with page.expect_event("pageerror"):
        page.evaluate("fetch('/static/nothing.js').then(() => setTimeout(() => { throw Error('a script failed') }))")
    for words in ("404", "a script failed"):
        windows.wait_complaint(page, words)
