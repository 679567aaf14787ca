"""Whatever people write is text on every page: no element, no attribute and no address comes of it but our own."""

import re

from tests.http.app_world import PASSWORD
from tests.http.page_world import Element, PageSite

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'\"><svg/onload=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    '<a href="javascript:alert(1)">x</a>',
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "<!-- <b> --> <b>&lt;b&gt;",
    '" autofocus onfocus=alert(1) x="',
    "<style>*{display:none}</style>",
    'http://x.yz/"onmouseover="alert(1)',
    "http://x.yz/<script>alert(1)</script>",
    "https://x.yz/'><b>",
    "#tag\"onclick=alert(1) #<b> @ben'onclick=x",
    "＜script＞alert(1)＜/script＞",
    "<base href=//evil.test>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<math><mtext></form><form action=//evil.test>",
)
OURS = {
    *("html", "head", "meta", "title", "link", "script", "body", "main", "nav", "aside", "section", "article"),
    *("header", "div", "p", "span", "a", "b", "bdi", "small", "time", "h1", "h2", "h3", "ul", "li", "dl", "dt", "dd"),
    *("form", "input", "textarea", "button", "label", "details", "summary", "img", "svg", "symbol", "use", "path"),
    *("circle", "rect", "br", "select", "option", "fieldset", "legend"),
}
ATTRIBUTES = {
    *("accept", "action", "alt", "aria-current", "aria-describedby", "aria-hidden", "aria-invalid", "aria-label"),
    *("aria-labelledby", "aria-pressed", "aria-live", "autocapitalize", "autocomplete", "charset", "class", "content"),
    *("cx", "cy", "d", "datetime", "dir", "enctype", "enterkeyhint", "for", "form", "formaction", "height", "hidden"),
    *("href", "id", "lang", "loading", "maxlength", "media", "method", "name", "open", "placeholder", "r", "rel"),
    *("checked", "decoding", "fill", "required", "role", "rows", "selected", "x", "y", "rx"),
    *("spellcheck", "src", "tabindex", "target", "title", "type", "value", "viewbox", "width"),
}


def assert_only_ours(page: Element) -> None:
    for element in page.walk():
        assert element.tag in OURS | {""}, element.tag
        for name, value in element.attributes.items():
            assert name in ATTRIBUTES or re.fullmatch(r"data-[a-z]+", name), f"{name} on <{element.tag}>"
            if name in ("href", "src", "action", "formaction"):
                assert re.match(r"/(?!/)|#i-|#middle|https?://x\.yz", value), value
        if element.tag == "script":
            assert element.attributes["src"].startswith("/static/")
            assert not element.text
        if element.attributes.get("href", "").startswith("http"):
            assert element.attributes["rel"] == "nofollow noopener noreferrer ugc"
        if element.tag == "form":
            assert all(above.tag != "form" for above in _above(element)), "a form in a form"


def _above(element: Element) -> list[Element]:
    found: list[Element] = []
    at = element.parent
    while at is not None:
        found.append(at)
        at = at.parent
    return found


async def test_an_xss_collection_in_every_field_is_shown_as_it_was_typed(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.ask("PUT", f"/api/users/{ben.id}/follow", by=ada)
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    mine = await site.post(ada, "@ben look")
    for number, nasty in enumerate(NASTY):
        text = (nasty + " #bread")[:140]
        tweet = await site.post(ben, f"@ada {text}"[:140], reply_to=mine["id"] if number % 2 else None)
        await site.ask("PUT", f"/api/tweets/{tweet['id']}/retweet", by=ada)
    await site.settle()
    browser, stranger = pages.browser(ada), pages.browser()
    last = tweet["id"]
    for number, nasty in enumerate(NASTY):
        wish = {"name": nasty[:50], "bio": nasty, "location": nasty[:50]}
        answer = await site.ask("PATCH", "/api/me", wish, by=ben)
        assert answer.status_code == 200, answer.text
        site.services.read.profiles.forget_all()
        profile = await browser.see("/@ben")
        assert profile.main.one("h1").text.strip() == answer.json()["name"]
        assert profile.main.one("p", cls="bio").text == answer.json()["bio"]
        assert_only_ours(profile.root)
        if number % 10 != 1:
            continue
        paths = ("/", "/everyone", "/explore", "/notifications", "/@ben/followers", "/@ada/following", "/@ben/replies")
        for path in (*paths, f"/@ben/{last}", f"/tweets/{last}/retweets", "/search?q=look&type=people", "/tags/bread"):
            for who in (browser, stranger):
                page = await who.get(path)
                assert page.status in (200, 303), path
                assert_only_ours(page.root)
    home = await browser.see("/")
    shown = {text.text for text in home.main.all("p", cls="text")}
    assert any(NASTY[-1] in text for text in shown)
    assert_only_ours((await browser.see("/@ben?before=" + last)).root)


async def test_what_is_typed_into_forms_and_addresses_is_shown_as_text(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser, stranger = pages.browser(ada), pages.browser()
    sign_up = (await stranger.see("/signup")).form("/signup")
    profile = (await browser.see("/settings")).form("/settings/profile")
    tweet = (await browser.see("/")).form("/tweets")
    for nasty in NASTY:
        page = await browser.get("/search", params={"q": nasty})
        assert page.main.one("input", name="q").attributes["value"] == nasty.strip()
        assert_only_ours(page.root)
        for kind in ("people", "tags"):
            assert_only_ours((await browser.get("/search", params={"q": nasty, "type": kind})).root)
        page = await browser.get("/compose", params={"text": nasty})
        assert page.form("/tweets").fields()["text"] == nasty.strip()
        assert_only_ours(page.root)
        page = await browser.send(tweet, text=nasty * 20)
        assert page.form("/tweets").fields()["text"] == nasty * 20
        assert_only_ours(page.root)
        page = await stranger.send(sign_up, username=nasty, name=nasty, email=nasty, password="x")
        assert page.form("/signup").fields()["username"] == nasty
        assert_only_ours(page.root)
        page = await browser.send(profile, name=nasty * 20, bio=nasty, location=nasty, phone=nasty)
        assert page.form("/settings/profile").fields()["phone"] == nasty
        assert_only_ours(page.root)
        for path in (f"/tags/{nasty}", f"/@ada/{nasty}"):
            assert_only_ours((await stranger.get(path.replace("#", "%23").replace("?", "%3F"))).root)
        assert_only_ours((await stranger.get("/login", params={"next": nasty})).root)
        assert_only_ours((await browser.get("/", params={"before": nasty, "x": nasty})).root)


async def test_a_device_that_calls_itself_markup_is_shown_as_text(pages: PageSite) -> None:
    await pages.site.sign_up("ada")
    browser = pages.browser()
    agent = {"User-Agent": NASTY[1]}
    await browser.post("/login", {"login": "ada", "password": PASSWORD}, headers=agent)
    page = await browser.see("/settings")
    assert NASTY[1] in page.main.one("section", id="s-devices").text
    assert_only_ours(page.root)
