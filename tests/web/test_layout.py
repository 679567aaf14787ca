"""Pages fit: phones, large type, zoomed windows, fingers, and whatever people write. Nothing moves while it loads."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web._browser import Windows
from tests.web._looks import DESKTOP, PHONE, Look
from tests.web._site import WebSite
from tests.web._town import Place, Town, by_person

TARGET_PX = 44

# What sticks out to the right of the window; what is cut off or scrolls inside of something narrower does not.
_STICKS_OUT = """() => {
  const width = document.documentElement.clientWidth, whole = document.scrollingElement.scrollWidth;
  const isClipped = (element) => {
    for (let one = element; one && one !== document.body; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.overflowX !== "visible" || style.clipPath !== "none" || style.position === "fixed") return true;
    }
    return false;
  };
  const out = [...document.body.querySelectorAll("*")]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > width + 1 && !isClipped(one))
    .map((one) => one.outerHTML.slice(0, 120).replace(/\\s+/g, " "));
  if (whole <= width) return out;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
  while (texts.nextNode()) {
    range.selectNodeContents(texts.currentNode);
    const around = texts.currentNode.parentElement.outerHTML.slice(0, 120);
    if (range.getBoundingClientRect().right > width + 1) out.push(`text in ${around}`);
  }
  return [`scrolls to ${whole}`, ...out];
}"""
# What a finger has to hit: of a box in its label, the label. Links in running text, and in the line that says whose a
# tweet is and how old, are as high as their line.
_SMALL_TARGETS = """(px) => {
  const things = "a[href], button, summary, textarea, select, input:not([type=hidden])";
  const lines = ".who, .why, .sentence, .when";
  return [...document.querySelectorAll(things)]
    .filter((one) => one.checkVisibility() && getComputedStyle(one).display !== "inline" && !one.closest(lines))
    .map((one) => [one, one.matches("label [type=checkbox], label [type=radio]") ? one.closest("label") : one])
    .map(([one, hit]) => [one, hit.getBoundingClientRect()])
    .filter(([one, box]) => box.bottom > 0 && Math.min(box.width, box.height) < px - 0.5)
    .map(([one, box]) => `${Math.round(box.width)}×${Math.round(box.height)} ${one.outerHTML.slice(0, 120)}`);
}"""
# How far a page moves by itself, all of it together (0.1 is what browsers call good). A browser may show a page of
# which it has read a part: what stands at the right edge, or shares its row, moves as the rest of the row is read.
MAX_SHIFT = 0.005
_SHIFTS = """async (most) => {
  const found = [], eager = [...document.images].filter((image) => image.loading !== "lazy");
  new PerformanceObserver((list) => found.push(...list.getEntries())).observe({ type: "layout-shift", buffered: true });
  await Promise.all(eager.map((image) => image.decode().catch(() => 0)));
  for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
  const shifts = found.filter((shift) => !shift.hadRecentInput);
  if (shifts.reduce((sum, shift) => sum + shift.value, 0) <= most) return [];
  const html = (source) => source.node?.outerHTML?.slice(0, 100);
  return shifts.map((shift) => `${shift.value}: ${shift.sources.map(html)}`);
}"""


@pytest.fixture(scope="module")
def town(web_site: WebSite) -> Town:
    return Town(web_site)


def go(page: Page, place: Place) -> None:
    answer = page.goto(place.path)
    assert answer is not None
    assert answer.status == place.status, place


def test_every_page_fits_a_phone_stands_still_and_has_targets_for_fingers(windows: Windows, town: Town) -> None:
    windows.expect_complaint("404")
    found: list[str] = []
    for person, places in by_person(town.places()):
        page = windows.open(PHONE, by=person)
        for place in places:
            go(page, place)
            found += [f"{place.name} moves: {line}" for line in page.evaluate(_SHIFTS, MAX_SHIFT)]
            found += [f"{place.name} is wide: {line}" for line in page.evaluate(_STICKS_OUT)]
            found += [f"{place.name}, target: {line}" for line in page.evaluate(_SMALL_TARGETS, TARGET_PX)]
            page.evaluate("document.documentElement.style.fontSize = '150%'")
            found += [f"{place.name}, large type, is wide: {line}" for line in page.evaluate(_STICKS_OUT)]
    assert found == [], "\n".join(found)


def test_every_page_fits_every_window_also_zoomed(windows: Windows, town: Town) -> None:
    windows.expect_complaint("404")
    found: list[str] = []
    for person, places in by_person(town.places()):
        page = windows.open(DESKTOP, by=person)
        # 640 and 320 are what is left of 1280 when somebody zooms to 200 and to 400 %.
        widths = [1280, 1000, 640, 320]
        for place in places:
            go(page, place)
            for width in widths:
                page.set_viewport_size({"width": width, "height": DESKTOP.height})
                found += [f"{place.name} at {width}: {line}" for line in page.evaluate(_STICKS_OUT)]
            # The next page comes at the width at which this one ends.
            widths.reverse()
    assert found == [], "\n".join(found)


def test_nothing_moves_while_a_page_loads(windows: Windows, town: Town) -> None:
    windows.expect_complaint("404")
    found: list[str] = []
    for person, places in by_person(town.places()):
        # A window that has been made narrower and wider moves what it shows by itself.
        page = windows.open(DESKTOP, by=person)
        for place in places:
            go(page, place)
            found += [f"{place.name} moves: {line}" for line in page.evaluate(_SHIFTS, MAX_SHIFT)]
    assert found == [], "\n".join(found)


# Where the keyboard stands shows on what has it, or on what stands around that.
_SHOWN_FOCUS = """() => {
  const seen = (one) => {
    const { outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor } = getComputedStyle(one);
    return [outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor].join();
  };
  const active = document.activeElement;
  if (!active || active === document.body) return null;
  const around = [active, active.parentElement, active.parentElement.parentElement, active.closest("form") ?? active];
  const box = active.getBoundingClientRect(), during = around.map(seen);
  active.blur();
  const after = around.map(seen);
  active.focus({ preventScroll: true });
  return { html: active.outerHTML.slice(0, 140), shown: during.some((style, at) => style !== after[at]),
    inside: box.bottom > 0 && box.top < innerHeight && box.width > 0 };
}"""


@pytest.mark.parametrize("look", [DESKTOP, Look(scripts=False, scheme="dark")], ids=str)
def test_the_keyboard_reaches_everything_and_one_sees_where_it_stands(windows: Windows, town: Town, look: Look) -> None:
    page = windows.open(look, by=town.ada)
    page.goto(f"/@{town.bob.name}/{town.question}")
    stops: list[dict[str, Any]] = []
    for _ in range(200):
        page.keyboard.press("Tab")
        stop = page.evaluate(_SHOWN_FOCUS)
        if stop is None or (stops and stop["html"] == stops[0]["html"]):
            break
        stops.append(stop)
    assert "Skip to the content" in stops[0]["html"]
    assert [stop["html"] for stop in stops if not (stop["shown"] and stop["inside"])] == []
    expected = page.locator("a[href]:visible, button:visible, textarea:visible, summary:visible, input:visible").all()
    reachable = [one for one in expected if one.get_attribute("tabindex") != "-1"]
    assert len(stops) >= len(reachable)


@pytest.mark.parametrize("scripts", [True, False])
def test_the_skip_link_leads_into_the_page(windows: Windows, town: Town, scripts: bool) -> None:
    page = windows.open(Look(scripts=scripts), by=town.ada)
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
