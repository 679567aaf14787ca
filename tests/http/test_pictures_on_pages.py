"""Pictures and warnings on pages, without a script: written in one form, shown, folded, and nothing typed is lost."""

import pytest

from linnet.domain.attachments import ATTACHMENT_DIRECTORY
from tests.http.app_world import Person
from tests.http.page_world import Browser, Element, Page, PageSite
from tests.support import drawn
from tests.support.drawn import encoded, quarters

FILE = encoded(quarters(60, 40), "PNG")


async def send(browser: Browser, form: Element, files: list[bytes], **typed: str) -> Page:
    """As a browser sends the form for writing: with its files."""
    chosen = {f"picture{number}": (f"{number}.png", content, "image/png") for number, content in enumerate(files, 1)}
    return await browser.post(form.attributes["action"], {**form.fields(), **typed}, files=chosen)


async def write(pages: PageSite, by: Person, files: list[bytes], **typed: str) -> tuple[Browser, Page]:
    browser = pages.browser(by)
    form = (await browser.see("/compose")).form("/tweets")
    assert form.attributes["enctype"] == "multipart/form-data"
    return browser, await send(browser, form, files, **typed)


async def test_a_tweet_with_four_pictures_is_written_and_shown_without_a_script(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser, sent = await write(pages, ada, [FILE] * 4, text="Four", alt1="The <first>", alt2="Second")
    assert sent.location == "/"
    [tweet] = (await browser.see("/")).main.all("article")
    shots = tweet.one("div", cls="shots")
    assert "n4" in shots.attributes["class"]
    images = shots.all("img")
    assert [image.attributes["alt"] for image in images] == ["The <first>", "Second", "Picture", "Picture"]
    for link, image in zip(shots.all("a"), images, strict=True):
        assert (image.attributes["width"], image.attributes["height"]) == ("60", "40")
        for address in (link.attributes["href"], image.attributes["src"]):
            assert (await browser.get(address)).status == 200
    assert not tweet.all("details", cls="folded")


async def test_a_warning_folds_text_and_pictures_and_sensitive_pictures_are_folded_alone(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser, _ = await write(pages, ada, [FILE], text="The gardener", warning="The <end> of the book")
    await write(pages, ada, [FILE], text="A wound", sensitive="yes")
    sensitive, warned = (await browser.see("/")).main.all("article")
    folded = warned.one("details", cls="folded")
    assert "open" not in folded.attributes
    assert folded.one("summary").text == "The <end> of the book"
    assert folded.all("p", cls="text")
    assert folded.all("img")
    folded = sensitive.one("details", cls="folded")
    assert "picture" in folded.one("summary").text
    assert not folded.all("p", cls="text")
    assert folded.all("img")
    # Small, as in notifications and beside pages, it says no more than its warning.
    answered = await browser.see(f"/compose?reply_to={warned.attributes['data-tweet']}")
    assert "The gardener" not in answered.root.text
    assert "The <end> of the book" in answered.root.text


async def test_what_is_refused_is_shown_again_with_its_pictures(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser, refused = await write(pages, ada, [FILE], text="x" * 141, alt1="Colours", warning="Long")
    assert refused.status == 422
    form = refused.form("/tweets")
    assert "open" in form.one("details", cls="extras").attributes
    assert form.one("img").attributes["alt"] == "Colours"
    fields = form.fields()
    assert (fields["text"], fields["warning"]) == ("x" * 141, "Long")
    assert len(form.all("input", type="file")) == 3
    sent = await send(browser, form, [], text="short")
    assert sent.location == "/"
    [tweet] = (await browser.see("/")).main.all("article")
    assert [image.attributes["alt"] for image in tweet.one("div", cls="shots").all("img")] == ["Colours"]


async def test_a_picture_that_is_kept_can_be_left_out(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser, refused = await write(pages, ada, [FILE], text="x" * 141)
    form = refused.form("/tweets")
    fields = {name: value for name, value in form.fields().items() if not name.startswith("kept")}
    assert (await browser.post("/tweets", {**fields, "text": "without"})).location == "/"
    [tweet] = (await browser.see("/")).main.all("article")
    assert not tweet.all("img", loading="lazy", decoding="async")


@pytest.mark.parametrize("content", [b"no picture", drawn.moving("WEBP"), drawn.png_that_says(30_000, 30_000)])
async def test_what_is_no_picture_is_said_and_the_text_stays(busy_pages: PageSite, content: bytes) -> None:
    ada = await busy_pages.site.newcomer()
    _, refused = await write(busy_pages, ada, [FILE, content], text="Look at this")
    assert refused.status == 422
    form = refused.form("/tweets")
    assert form.fields()["text"] == "Look at this"
    assert form.one("p", id="wrong").text
    # The one that is a picture is there already.
    assert len(form.all("img")) == 1


async def test_a_form_with_a_picture_that_is_sent_twice_is_one_tweet(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser = pages.browser(ada)
    form = (await browser.see("/compose")).form("/tweets")
    for _ in range(2):
        assert (await send(browser, form, [FILE], text="once")).location == "/"
    assert len((await browser.see("/")).main.all("article")) == 1


async def test_a_script_sends_the_same_form_and_gets_the_tweet(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser = pages.browser(ada)
    form = (await browser.see("/")).form("/tweets")
    answer = await browser.post(
        "/fragments/tweets",
        {**form.fields(), "alt1": "Colours"},
        files={"picture1": ("a.png", FILE, "image/png")},
        headers={"Accept": "application/json"},
    )
    assert answer.status == 200, answer.answer.text
    assert 'alt="Colours"' in answer.answer.json()["html"]


async def test_strangers_upload_nothing(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    form = (await pages.browser(ada).see("/compose")).form("/tweets")
    stranger = await send(pages.browser(), form, [FILE], text="mine")
    assert stranger.status in (303, 403)
    store = pages.services.write.media
    assert [path async for some in store.fetch_paths(ATTACHMENT_DIRECTORY) for path in some] == []
