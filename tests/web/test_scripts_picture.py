"""A picture that is chosen in the settings shows before it is sent."""

import io

from PIL import Image
from playwright.sync_api import expect

from tests.web._browser import Windows
from tests.web._site import WebSite


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), "#b3262e").save(out, "PNG")
    return out.getvalue()


def test_a_chosen_picture_is_shown_before_it_is_sent(windows: Windows, web_site: WebSite) -> None:
    page = windows.open(by=web_site.newcomer())
    page.goto("/settings")
    shown, field = page.get_by_role("img", name="Your picture"), page.get_by_label("Choose a picture")
    drawn = shown.get_attribute("src")
    field.set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": picture()})
    expect(shown).to_have_js_property("naturalWidth", 40)
    # Whoever thinks again has the one before.
    field.set_input_files([])
    expect(shown).to_have_attribute("src", drawn or "")
    field.set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": picture()})
    page.get_by_role("region", name="Picture", exact=True).get_by_role("button", name="Upload").click()
    expect(page.get_by_text("This is you now.")).to_be_visible()
    expect(shown).to_have_js_property("naturalWidth", 192)


def test_one_that_is_too_large_is_not_sent(windows: Windows, web_site: WebSite) -> None:
    page = windows.open(by=web_site.newcomer())
    page.goto("/settings")
    field = page.get_by_label("Choose a picture")
    field.set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": b"x" * (5 * 1024 * 1024 + 1)})
    assert field.evaluate("field => field.validationMessage").startswith("This picture is too large.")
    page.get_by_role("region", name="Picture", exact=True).get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    assert page.url.endswith("/settings")
    field.set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": picture()})
    assert field.evaluate("field => field.validationMessage") == ""
