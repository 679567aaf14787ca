"""The pictures of the README: ``python -m tests.web.screenshots`` takes them in the demo's town, into ``docs/images``.

A new town is planted for them, so they show what somebody sees who has just started linnet.
"""

import argparse
import io
from pathlib import Path

import msgspec
from PIL import Image
from playwright.sync_api import Page

from tests.web._demo import Demo, open_demo

IMAGES = Path(__file__).parents[2] / "docs" / "images"
MAX_KB = 120
_WIDE, _PHONE = (1280, 860), (390, 844)


class Shot(msgspec.Struct, frozen=True):
    """One picture: a page as the demo's first person sees it. ``thread``: of the tweet that is answered most."""

    name: str
    path: str
    scheme: str = "light"
    is_phone: bool = False


SHOTS = (
    Shot("home", "/"),
    Shot("home-dark", "/", "dark"),
    Shot("thread", "thread"),
    Shot("profile", "/@ada"),
    Shot("explore-dark", "/explore", "dark"),
    Shot("phone-home", "/", is_phone=True),
    Shot("phone-thread-dark", "thread", "dark", is_phone=True),
    Shot("phone-notifications", "/notifications", is_phone=True),
)


def find_thread(page: Page) -> str:
    """The address of the town's tweet that has the most answers."""
    found: list[tuple[int, str]] = []
    page.goto("/everyone")
    while True:
        answered = page.locator("main .tweet .act.reply").evaluate_all(
            "(links) => links.map((link) => [Number(link.textContent), link.pathname])"
        )
        found += [(count, path) for count, path in answered]
        older = page.locator("main .older a")
        if not older.count():
            return max(found)[1]
        page.goto(older.get_attribute("href") or "")


def take(demo: Demo, shot: Shot, path: str) -> bytes:
    """The picture as WebP."""
    width, height = _PHONE if shot.is_phone else _WIDE
    context = demo.browser.new_context(
        base_url=demo.url,
        viewport={"width": width, "height": height},
        device_scale_factor=2 if shot.is_phone else 1,
        is_mobile=shot.is_phone,
        color_scheme="dark" if shot.scheme == "dark" else "light",
        reduced_motion="reduce",
        locale="en-GB",
    )
    try:
        context.add_cookies(demo.cookies)
        page = context.new_page()
        page.goto(path)
        page.evaluate("Promise.all([...document.images].map((image) => (image.loading = 'eager', image.decode())))")
        taken = io.BytesIO()
        Image.open(io.BytesIO(page.screenshot())).save(taken, "WEBP", quality=82, method=6)
        return taken.getvalue()
    finally:
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.web.screenshots", description=__doc__)
    parser.add_argument("--into", type=Path, default=IMAGES, help="the directory (default docs/images)")
    into: Path = parser.parse_args().into
    into.mkdir(parents=True, exist_ok=True)
    with open_demo() as demo:
        thread = find_thread(demo.page)
        for shot in SHOTS:
            picture = take(demo, shot, thread if shot.path == "thread" else shot.path)
            assert len(picture) < MAX_KB * 1000, f"{shot.name} has {len(picture)} bytes"
            (into / f"{shot.name}.webp").write_bytes(picture)
            print(f"{shot.name}.webp: {len(picture) // 1000} kB")


if __name__ == "__main__":
    main()
