"""Pictures and warnings in a browser: chosen, previewed, posted, seen in their place, and folded until asked for."""

import msgspec
import pytest
from playwright.sync_api import Page, expect

from tests.flows._linnet_process import Person
from tests.support.drawn import encoded, quarters
from tests.web._browser import Windows
from tests.web._looks import DESKTOP, PHONE, Look
from tests.web._site import WebSite
from tests.web._town import ask


def file(width: int = 300, height: int = 200, name: str = "a.png") -> dict[str, object]:
    return {"name": name, "mimeType": "image/png", "buffer": encoded(quarters(width, height), "PNG")}


@pytest.fixture
def ada(web_site: WebSite) -> Person:
    return web_site.newcomer("ada")


def choose(page: Page, *descriptions: str) -> None:
    """Unfolds the fields and fills them, one picture after the other."""
    page.get_by_text("Pictures, poll").click()
    for number, description in enumerate(descriptions, 1):
        page.get_by_label(f"Picture {number}").set_input_files(file())  # type: ignore[arg-type]
        page.locator(f"input[name=alt{number}]").fill(description)


def test_pictures_are_shown_as_they_are_chosen_and_posted_without_leaving(windows: Windows, ada: Person) -> None:
    page = windows.open(by=ada)
    page.goto("/")
    page.evaluate("window.stayed = true")
    choose(page, "Red and green", "Blue")
    expect(page.locator(".extras .slot img")).to_have_count(2)
    # One more is offered, and no more than that.
    expect(page.locator(".extras .slot:visible")).to_have_count(3)
    page.locator(".composer button").click()
    shots = page.locator(".feed .tweet").first.locator(".shots")
    expect(shots.get_by_role("img", name="Red and green")).to_be_visible()
    expect(shots.get_by_role("link")).to_have_count(2)
    expect(page.locator(".extras[open]")).to_have_count(0)
    page.get_by_text("Pictures, poll").click()
    expect(page.locator(".extras .slot img")).to_have_count(0)
    assert page.evaluate("window.stayed")
    first = shots.get_by_role("link").first
    image = first.get_by_role("img")
    expect(image).to_have_js_property("complete", True)
    expect(image).to_have_js_property("naturalWidth", 300)


def test_a_warning_counts_and_folds(windows: Windows, ada: Person) -> None:
    page = windows.open(by=ada)
    page.goto("/")
    page.locator(".composer textarea").fill("The gardener did it")
    page.get_by_text("Pictures, poll").click()
    page.get_by_label("Warning, to be read first").fill("The end")
    expect(page.locator(".composer .count")).to_have_text(str(140 - 19 - 7))
    page.locator(".composer button").click()
    tweet = page.locator(".feed .tweet").first
    expect(tweet.get_by_text("The end")).to_be_visible()
    expect(tweet.get_by_text("The gardener did it")).to_be_hidden()
    tweet.get_by_text("The end").click()
    expect(tweet.get_by_text("The gardener did it")).to_be_visible()


_MOVES = """async () => {
  const found = [];
  new PerformanceObserver((list) => found.push(...list.getEntries())).observe({ type: "layout-shift", buffered: true });
  const images = [...document.querySelectorAll(".shots img")];
  for (const image of images) image.loading = "eager";
  await Promise.all(images.map((image) => image.decode()));
  for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
  return found.reduce((sum, shift) => sum + shift.value, 0);
}"""


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=str)
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_nothing_moves_when_pictures_come(
    windows: Windows, web_site: WebSite, ada: Person, look: Look, scripts: bool
) -> None:
    for number in range(1, 5):
        post_pictures(ada, number)
    web_site.settle()
    page = windows.open(msgspec.structs.replace(look, scripts=scripts), by=ada)
    page.goto("/")
    expect(page.locator(".shots")).to_have_count(4)
    boxes = [shots.bounding_box() for shots in page.locator(".shots").all()]
    for box in boxes:
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 80
    if scripts:
        assert page.evaluate(_MOVES) < 0.005
        assert [shots.bounding_box() for shots in page.locator(".shots").all()] == boxes


def post_pictures(person: Person, count: int) -> None:
    ids = []
    for number in range(count):
        content = encoded(quarters(300 + 100 * number, 300), "PNG")
        sent = ask(person, "POST", "/attachments", content=content, headers={"Content-Type": "image/png"})
        ids.append(sent["id"])
    ask(person, "POST", "/tweets", json={"text": f"{count} of them", "attachments": ids})
