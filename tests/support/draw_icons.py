"""Draws the icons of the installed app from the bird: ``python -m tests.support.draw_icons``. Commit what it makes.

The pictures are made with the browser that the tests use, so that nothing that draws SVG is needed to run linnet.
"""

import asyncio
from pathlib import Path

from playwright.async_api import async_playwright

STATIC = Path(__file__).parents[2] / "src/linnet/web/static"
# Name, pixels, how much of the side the bird takes, and how round the corners are. A maskable icon is cut by the
# system to a shape of its own, of which only the inner four fifths are sure to be seen.
ICONS = (
    ("icon-192.png", 192, 0.78, 0.22),
    ("icon-512.png", 512, 0.78, 0.22),
    ("icon-maskable-512.png", 512, 0.58, 0.0),
)
PAGE = """<!doctype html><style>
body {{ margin: 0; background: transparent; }}
div {{ width: {side}px; height: {side}px; border-radius: {corner}px; background: #fbfaf7; }}
div {{ display: grid; place-items: center; }}
svg {{ width: {bird}px; height: {bird}px; }}
</style><div>{svg}</div>"""


async def draw() -> None:
    svg = (STATIC / "bird.svg").read_text()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, side, share, round_share in ICONS:
            page = await browser.new_page(viewport={"width": side, "height": side})
            corner, bird = round(side * round_share), round(side * share)
            await page.set_content(PAGE.format(side=side, corner=corner, bird=bird, svg=svg))
            await page.screenshot(path=STATIC / name, omit_background=True)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(draw())
