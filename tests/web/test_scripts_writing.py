"""Writing with scripts: the counter beside a text is the server's rule, and nothing typed is lost."""

import random

import pytest
from playwright.sync_api import Page, Route, expect

from linnet.domain.text import TextRules, count_chars, find_entities, normalise
from tests.flows._linnet_process import Person
from tests.unit.test_counted_texts import COUNTED
from tests.unit.test_text import HASHTAGS, LINKS, MENTIONS
from tests.web._browser import Windows, become
from tests.web._scripts import lose_the_answer
from tests.web._site import WebSite

# Pieces that mean something to the rules, in any order.
_PIECES = (
    *("http://", "https://", "HTTP://", "a", "b.", "com", "example.com", "example.de", "bit.ly", "t.co", "www.", "org"),
    *("/", "?", "#", "@", "＠", "＃", "$", "(", ")", ".", ",", "-", "_", "~", "%", "|", "'", "!", "::", "<", '"', "&"),
    *("=", ":8080", ":0", ":99999", "日本", "한글", "中国", "みんな", "рф", "é", "e\u0301", "नम", "𠮷", "ａ", "ſ", "K"),
    *("🎉", "👩\u200d👩", "\u200d", "\ufe0f", "\u20e3", " ", "\n", "\t", "\r\n", "\u2028", "\x85", "\u3000", "1", "٣"),
    *("xn--p1ai", ".py", "co.uk", "_.com"),
)


def expected_chars(raw: str) -> int:
    text, rules = normalise(raw), TextRules()
    return count_chars(text, find_entities(text, rules).links, rules)


def counted_by_the_page(page: Page, texts: list[str]) -> list[int]:
    counted: list[int] = page.evaluate(
        """async (texts) => {
          const entry = document.querySelector("script[type=module]").src;
          const { countChars, learnLinks } = await import(entry.replace("linnet.js", "characters.js"));
          await learnLinks();
          return texts.map(countChars);
        }""",
        texts,
    )
    return counted


def test_the_page_counts_what_the_table_says(windows: Windows) -> None:
    page = windows.open()
    page.goto("/")
    counted = counted_by_the_page(page, [case.text for case in COUNTED])
    assert dict(zip((case.why for case in COUNTED), counted, strict=True)) == {case.why: case.chars for case in COUNTED}


def test_the_page_counts_as_the_server_does_whatever_is_typed(windows: Windows) -> None:
    page = windows.open()
    page.goto("/")
    drawn = random.Random(140)
    texts = [text for text, _ in (*LINKS, *HASHTAGS, *MENTIONS)]
    texts += ["".join(drawn.choices(_PIECES, k=drawn.randint(1, 14))) for _ in range(4_000)]
    counted = counted_by_the_page(page, texts)
    differing = [(text, chars) for text, chars in zip(texts, counted, strict=True) if chars != expected_chars(text)]
    assert differing == []


@pytest.fixture
def ada(web_site: WebSite) -> Person:
    return web_site.newcomer("ada")


def test_a_tweet_is_posted_without_leaving_the_page(windows: Windows, ada: Person) -> None:
    page = windows.open(by=ada)
    page.goto("/")
    page.evaluate("window.stayed = true")
    area, count = page.locator(".composer textarea"), page.locator(".composer .count")
    expect(count).to_have_text("140")
    area.fill("see example.com/a/long/path")
    expect(count).to_have_text("113")
    for text in ("see example.com/a/long/path", "another one"):
        area.fill(text)
        page.locator(".composer button").click()
        expect(area).to_have_value("")
    expect(page.locator(".feed .tweet .text").first).to_have_text("another one")
    expect(page.locator(".feed .tweet")).to_have_count(2)
    # Also where there was nothing yet but what others like.
    expect(page.locator(".feed > :first-child")).to_contain_text("another one")
    expect(page.locator("[role=status] .live")).to_have_text("Posted.")
    assert page.evaluate("window.stayed") is True
    assert [tweet.strip() for tweet in ada.home()] == ["another one", "see example.com/a/long/path"]


def test_what_the_server_refuses_is_kept_with_its_sentence(windows: Windows, ada: Person) -> None:
    page = windows.open(by=ada)
    page.goto("/")
    area = page.locator(".composer textarea")
    windows.expect_complaint("422")
    area.fill("x" * 141)
    expect(page.locator(".composer .count")).to_have_text("-1")
    # The server has the last word: the button is never locked before it.
    page.locator(".composer button").click()
    wrong = page.get_by_role("alert")
    expect(wrong).to_have_text("Your text has 141 characters; 140 are allowed.")
    expect(area).to_have_value("x" * 141)
    expect(area).to_be_focused()
    assert area.get_attribute("aria-describedby") == wrong.get_attribute("id")
    area.fill("x" * 140)
    page.locator(".composer button").click()
    expect(area).to_have_value("")
    expect(wrong).to_have_count(0)


def test_a_post_whose_answer_was_lost_is_one_tweet(windows: Windows, ada: Person) -> None:
    page = windows.open(by=ada)
    page.goto("/")
    windows.expect_complaint("ERR_")
    windows.expect_complaint("422")
    area, button = page.locator(".composer textarea"), page.locator(".composer button")

    page.route("**/fragments/tweets", lose_the_answer, times=1)
    area.fill("only once")
    button.click()
    expect(page.get_by_role("alert")).to_have_text("There is no connection. Please try again.")
    button.click()
    expect(area).to_have_value("")
    assert ada.home() == ["only once"]

    page.route("**/fragments/tweets", lose_the_answer, times=1)
    area.fill("and this")
    button.click()
    expect(page.get_by_role("alert")).to_be_visible()
    area.fill("and this, changed")
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("came through after all")
    expect(area).to_have_value("and this, changed")
    button.click()
    expect(area).to_have_value("")
    assert ada.home() == ["and this, changed", "and this", "only once"]


def test_an_answer_joins_the_thread(windows: Windows, ada: Person) -> None:
    tweet_id = ada.post("a question")
    page = windows.open(by=ada)
    page.goto(f"/@{ada.name}/{tweet_id}#reply")
    area = page.locator("#reply textarea")
    expect(area).to_be_focused()
    area.fill("an answer")
    area.press("Control+Enter")
    expect(page.locator(".feed .tweet .text")).to_have_text("an answer")
    expect(page.locator(".tweet.main [aria-label='Reply: 1']")).to_be_visible()


def test_a_draft_outlives_a_log_in_and_is_nobody_elses(windows: Windows, web_site: WebSite, ada: Person) -> None:
    page = windows.open(by=ada)
    page.goto("/")
    windows.expect_complaint("401")
    page.locator(".composer textarea").fill("not said yet")
    page.context.clear_cookies()
    page.locator(".composer button").click()
    page.wait_for_url("**/login?next=%2F")
    become(page, web_site.newcomer("eve"))
    page.goto("/")
    expect(page.locator(".composer textarea")).to_have_value("")
    become(page, ada)
    page.goto("/")
    expect(page.locator(".composer textarea")).to_have_value("not said yet")


def test_what_is_typed_before_the_scripts_are_there_is_kept_too(windows: Windows, ada: Person) -> None:
    windows.expect_complaint("Service Worker registration blocked")
    page = windows.open(by=ada, service_workers="block")
    held: list[Route] = []
    page.route("**/composer.js", lambda route: held.append(route))
    with page.expect_request("**/composer.js"):
        page.goto("/", wait_until="commit")
    area = page.locator(".composer textarea")
    area.fill("quicker than a script")
    [route] = held
    route.continue_()
    page.unroute("**/composer.js")
    expect(page.locator(".composer [role=status]")).to_be_attached()
    page.goto("/")
    expect(area).to_have_value("quicker than a script")


def test_a_form_of_an_earlier_log_in_leads_to_a_new_one(windows: Windows, web_site: WebSite, ada: Person) -> None:
    page = windows.open(by=ada)
    page.goto("/")
    windows.expect_complaint("403")
    become(page, web_site.newcomer("eve"))
    page.locator(".composer textarea").fill("as whom?")
    page.locator(".composer button").click()
    # Somebody is logged in, so the way to log in ends on the first page, as who they are now.
    expect(page.locator(".composer textarea")).to_have_value("")


def test_what_is_left_to_say_is_spoken_near_the_end_alone(windows: Windows, ada: Person) -> None:
    page = windows.open(by=ada)
    page.goto("/")
    spoken = page.locator(".composer [role=status]")
    page.locator(".composer textarea").fill("x" * 135)
    expect(spoken).to_have_text("5 characters left")
    page.locator(".composer textarea").fill("x" * 143)
    expect(spoken).to_have_text("3 characters too many")
    page.locator(".composer textarea").fill("x" * 20)
    expect(spoken).to_have_text("")


def test_a_time_is_chosen_and_said_in_ones_own_zone(windows: Windows, ada: Person) -> None:
    page = windows.open(by=ada, timezone_id="Europe/Warsaw")
    page.goto("/")
    page.locator("#post .extras summary").first.click()
    page.locator("#post textarea").fill("At noon, in summer")
    page.locator("#post [name=later]").fill("2030-07-01T12:00")
    page.locator("#post button.button").click()
    page.wait_for_url("**/scheduled")
    field = page.locator("input[name=later]")
    expect(field).to_have_value("2030-07-01T12:00")
    expect(page.locator("time[data-local]")).to_contain_text("12:00")
    [made] = ada.call("GET", "/v1/scheduled_statuses").json()
    assert (made["scheduled_at"], made["params"]["text"]) == ("2030-07-01T10:00:00.000Z", "At noon, in summer")
    # In winter it is another hour, whatever it is now.
    field.fill("2030-01-01T12:00")
    page.get_by_role("button", name="Change time").click()
    expect(page.locator("input[name=later]")).to_have_value("2030-01-01T12:00")
    [made] = ada.call("GET", "/v1/scheduled_statuses").json()
    assert made["scheduled_at"] == "2030-01-01T11:00:00.000Z"
    page.goto("/")
    expect(page.locator("#post textarea")).to_have_value("")
