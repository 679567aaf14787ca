"""Figures of a first visit, as Chromium takes them: ``python -m tests.web.first_view``.

A phone, with the line and the processor that Lighthouse gives it: 1.6 Mbit/s, 150 ms there and back, a quarter of this
machine's speed. And a desktop with nothing slowed. Each figure is the median of some visits with nothing in the cache.
"""

import argparse
import statistics
from typing import Any

from playwright.sync_api import Page

from tests.web._demo import Demo, open_demo
from tests.web._looks import DESKTOP, PHONE, Look

_SLOW_LINE = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
_SLOWDOWN = 4
# Everything up to a second after the page has loaded, when nothing is left to happen.
_VITALS = """async () => {
  const seen = { shift: 0, largest: 0 }, kinds = ["layout-shift", "largest-contentful-paint"];
  const watch = new PerformanceObserver((list) => { for (const entry of list.getEntries()) {
    if (entry.entryType === "layout-shift") seen.shift += entry.hadRecentInput ? 0 : entry.value;
    else seen.largest = entry.startTime;
  } });
  for (const type of kinds) watch.observe({ type, buffered: true });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const [page] = performance.getEntriesByType("navigation"), files = performance.getEntriesByType("resource");
  const ours = [page, ...files].filter(({ name }) => !name.includes("/media/avatars/"));
  const [first] = performance.getEntriesByName("first-contentful-paint");
  const bytes = ours.reduce((sum, { transferSize }) => sum + transferSize, 0);
  return { ...seen, first: first.startTime, loaded: page.loadEventEnd, bytes, files: ours.length };
}"""


def visit(demo: Demo, look: Look, path: str, *, cookies: Any) -> dict[str, float]:
    """One visit in a window that was nowhere before."""
    context = demo.browser.new_context(
        base_url=demo.url,
        viewport={"width": look.width, "height": look.height},
        is_mobile=look.is_phone,
        has_touch=look.is_phone,
        service_workers="block",
    )
    try:
        context.add_cookies(cookies)
        page: Page = context.new_page()
        if look.is_phone:
            session = context.new_cdp_session(page)
            session.send("Network.enable")
            session.send("Network.emulateNetworkConditions", _SLOW_LINE)
            session.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWDOWN})
        page.goto(path)
        found: dict[str, float] = page.evaluate(_VITALS)
        return found
    finally:
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.web.first_view", description=__doc__)
    parser.add_argument("--visits", type=int, default=7, help="of each page (default 7)")
    visits: int = parser.parse_args().visits
    with open_demo() as demo:
        for look, how in ((PHONE, "phone, slowed"), (DESKTOP, "desktop")):
            for name, cookies in (("home", demo.cookies), ("landing", [])):
                found = [visit(demo, look, "/", cookies=cookies) for _ in range(visits)]
                middle = {key: statistics.median(one[key] for one in found) for key in found[0]}
                print(
                    f"{name}, {how}: first paint {middle['first']:.0f} ms, largest {middle['largest']:.0f} ms, "
                    f"loaded {middle['loaded']:.0f} ms, layout shift {max(one['shift'] for one in found):.4f}, "
                    f"{middle['bytes'] / 1000:.1f} kB in {middle['files']:.0f} files"
                )


if __name__ == "__main__":
    main()
