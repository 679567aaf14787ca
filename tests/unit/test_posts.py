"""What may be posted: a text, or none beside pictures; a warning that counts; descriptions and focus in bounds."""

import pytest

from linnet.domain.attachments import check_description, check_focus, parse_focus
from linnet.domain.posts import check_post
from linnet.domain.text import TextRules
from linnet.errors import Invalid

RULES = TextRules(max_chars=20)


@pytest.mark.parametrize(
    ("text", "warning", "pictures", "posted"),
    [
        ("crumbs", "", False, ("crumbs", None)),
        ("crumbs", "bread", False, ("crumbs", "bread")),
        ("", "", True, ("", None)),
        (" \n ", "bread", True, ("", "bread")),
        ("crumbs", "  much\n\tbread ", False, ("crumbs", "much bread")),
        ("crumbs", " \u200b ", False, ("crumbs", None)),
        ("x" * 15, "bread", False, ("x" * 15, "bread")),
        ("", "w" * 20, True, ("", "w" * 20)),
        ("see https://example.com/a/long/one", "", False, None),
    ],
)
def test_what_may_be_posted(text: str, warning: str, pictures: bool, posted: tuple[str, str | None] | None) -> None:
    if posted is None:
        with pytest.raises(Invalid):
            check_post(text, RULES, warning=warning, has_attachments=pictures)
        return
    post = check_post(text, RULES, warning=warning, has_attachments=pictures)
    assert (post.text.text, post.warning) == posted


@pytest.mark.parametrize(
    ("text", "warning", "pictures", "field"),
    [
        ("", "", False, "text"),
        ("", "bread", False, "text"),
        ("\u200b", "", True, "text"),
        ("x" * 16, "bread", False, "text"),
        ("x" * 21, "", True, "text"),
        ("crumbs", "w" * 21, False, "warning"),
        ("crumbs", "w" * 1_000_000, False, "warning"),
        ("crumbs", "bad\u0007", False, "warning"),
        ("crumbs", "\ud800", True, "warning"),
    ],
)
def test_what_may_not(text: str, warning: str, pictures: bool, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_post(text, RULES, warning=warning, has_attachments=pictures)
    [error] = refused.value.errors
    assert error.field == field
    assert error.message


def test_a_description_has_up_to_1500_characters() -> None:
    assert check_description("  Four finches.\r\nAt a window. ") == "Four finches.\nAt a window."
    assert check_description("") == ""
    assert check_description("x" * 1500) == "x" * 1500
    for wrong in ("x" * 1501, "x" * 1_000_000, "\0", "\ud83d"):
        with pytest.raises(Invalid):
            check_description(wrong)


def test_a_focus_lies_in_the_picture() -> None:
    assert check_focus(-1, 1) == (-1, 1)
    assert parse_focus("0.5,-0.25") == (0.5, -0.25)
    for x, y in ((1.1, 0), (0, -2), (float("nan"), 0), (float("inf"), 0)):
        with pytest.raises(Invalid):
            check_focus(x, y)
    for text in ("", "1", "1,2", "a,b", "0,0,0", "nan,0"):
        with pytest.raises(Invalid):
            parse_focus(text)
