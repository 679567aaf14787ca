"""Every form of the pages, as somebody without scripts fills it in: what it does, and that nothing typed is lost."""

import io
from typing import Any

import msgspec
import pytest
from PIL import Image

from linnet.domain.limits import RULES, Quota
from linnet.ids import IdSource
from linnet.stores.valkey.limits import LimitOptions, Limits
from linnet.web.sessions import COOKIE
from tests.http.app_world import PASSWORD, Person, Site, open_site
from tests.http.page_world import Browser, PageSite, pages_of
from tests.support.servers import Servers


def picture(side: int = 40) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), "#b3262e").save(out, "PNG")
    return out.getvalue()


async def test_signing_up_keeps_what_was_typed_until_it_is_right(pages: PageSite) -> None:
    browser = pages.browser()
    form = (await browser.see("/signup?next=/explore")).form("/signup")
    page = await browser.send(form, username="a b", name="Ada <3", email="nonsense", password="short")
    assert page.status == 422
    form = page.form("/signup")
    assert form.fields() == {
        "next": "/explore",
        "username": "a b",
        "name": "Ada <3",
        "email": "nonsense",
        "password": "",
    }
    for name in ("username", "email", "password"):
        hint = form.one("input", name=name).attributes["aria-describedby"]
        assert form.one("span", id=hint).attributes["role"] == "alert"
    page = await browser.send(form, username="ada", email="ada@example.com", password=PASSWORD)
    assert page.location == "/explore"
    cookie = page.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert "Ada <3" in (await browser.see("/@ada")).main.text


async def test_a_name_that_is_taken_is_said_beside_its_field(pages: PageSite) -> None:
    await pages.site.sign_up("ada")
    browser = pages.browser()
    form = (await browser.see("/signup")).form("/signup")
    page = await browser.send(form, username="ADA", email="other@example.com", password=PASSWORD)
    assert page.status == 409
    assert page.form("/signup").one("input", name="username").attributes["aria-invalid"] == "true"


async def test_behind_tls_the_cookie_goes_nowhere_else(site: Site) -> None:
    await site.sign_up("ada")
    async with pages_of(site, public_url="https://linnet.test") as pages:
        page = await pages.browser().post("/login", {"login": "ada", "password": PASSWORD})
        assert "Secure" in page.headers["set-cookie"]


async def test_logging_in_leads_back_and_never_to_another_site(pages: PageSite) -> None:
    await pages.site.sign_up("ada")
    for wanted, led in (
        ("/@ada?before=5#t4", "/@ada?before=5#t4"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test/", "/"),
        ("/\t/evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("/ok\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ):
        browser = pages.browser()
        form = (await browser.get("/login", params={"next": wanted})).form("/login")
        assert form.fields()["next"] == led
        page = await browser.send(form, login="ada", password=PASSWORD, next=wanted)
        assert page.location == led, wanted


async def test_a_wrong_password_is_said_and_the_name_stays(pages: PageSite) -> None:
    await pages.site.sign_up("ada")
    browser = pages.browser()
    page = await browser.send((await browser.see("/login")).form("/login"), login="ada", password="wrong one")
    assert page.status == 401
    assert page.form("/login").fields() == {"next": "/", "login": "ada", "password": ""}
    assert page.main.one("p", role="alert").text == "The name or the password is not right."
    assert COOKIE not in browser.client.cookies


async def test_logging_in_makes_a_session_of_its_own_and_ends_the_one_before(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser = pages.browser(ada)
    page = await browser.post("/login", {"login": "ada", "password": PASSWORD})
    assert page.status == 303
    assert browser.client.cookies[COOKIE] != ada.token
    assert (await pages.browser(ada).get("/settings")).status == 303
    # A token that somebody planted is nobody's.
    planted = pages.browser()
    planted.client.cookies.set(COOKIE, "planted", domain="linnet.test", path="/")
    await planted.post("/login", {"login": "ada", "password": PASSWORD})
    assert planted.client.cookies[COOKIE] != "planted"


async def test_a_session_that_is_used_keeps_its_cookie(busy_pages: PageSite) -> None:
    ada = await busy_pages.site.newcomer()
    cookie = (await busy_pages.browser(ada).see("/")).headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={ada.token}; HttpOnly; Max-Age=7776000")
    assert "set-cookie" not in (await busy_pages.browser().see("/")).headers


async def test_logging_out_ends_the_session_everywhere(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser, same = pages.browser(ada), pages.browser(ada)
    page = await browser.send((await browser.see("/")).form("/logout"))
    assert page.location == "/"
    assert page.headers["clear-site-data"] == '"cache"'
    assert COOKIE not in browser.client.cookies
    assert (await same.get("/settings")).status == 303


async def test_posting_and_answering(pages: PageSite) -> None:
    ada, ben = await pages.site.sign_up("ada"), await pages.site.sign_up("ben")
    browser = pages.browser(ada)
    form = (await browser.see("/")).form("/tweets")
    page = await browser.send(form, text="first line\r\nsecond line")
    assert page.location == "/"
    # The same form once more is the same tweet, with another text it is another.
    await browser.send(form, text="first line\r\nsecond line")
    await browser.send(form, text="second thoughts")
    texts = [text.text for text in (await browser.see("/")).main.all("p", cls="text")]
    assert texts == ["second thoughts", "first line\nsecond line"]

    tweet_id = (await browser.see("/")).main.all("article")[1].attributes["data-id"]
    other = pages.browser(ben)
    form = (await other.see(f"/@ada/{tweet_id}")).form("/tweets")
    page = await other.send(form, text="well said")
    assert page.location.startswith("/@ben/")
    both = ["first line\nsecond line", "well said"]
    # At once under what it answers, and from there when a worker has noted it.
    assert [text.text for text in (await other.see(page.location)).main.all("p", cls="text")] == both
    await pages.site.settle()
    assert [text.text for text in (await other.see(f"/@ada/{tweet_id}")).main.all("p", cls="text")] == both


@pytest.mark.parametrize("text", ["", "   ", "x" * 141, "nul \x00", "x" * 5000])
async def test_what_cannot_be_posted_stays_in_its_field(busy_pages: PageSite, text: str) -> None:
    ada = await busy_pages.site.newcomer()
    browser = busy_pages.browser(ada)
    tweet = await busy_pages.site.post(ada)
    for path in ("/", "/compose", f"/@{ada.username}/{tweet['id']}"):
        page = await browser.send((await browser.see(path)).form("/tweets"), text=text)
        assert page.status == 422
        assert page.form("/tweets").fields()["text"] == text
        assert page.main.one("p", role="alert").text
    assert len((await busy_pages.site.ask("GET", f"/api/users/{ada.id}/tweets")).json()["items"]) == 1


async def test_an_answer_to_what_is_gone_is_not_lost(busy_pages: PageSite) -> None:
    ada = await busy_pages.site.newcomer()
    browser = busy_pages.browser(ada)
    tweet = await busy_pages.site.post(ada)
    form = (await browser.see(f"/@{ada.username}/{tweet['id']}")).form("/tweets")
    await busy_pages.site.ask("DELETE", f"/api/tweets/{tweet['id']}", by=ada)
    page = await browser.send(form, text="too late")
    assert page.status == 404
    assert page.form("/tweets").fields()["text"] == "too late"


async def test_whoever_was_logged_out_while_writing_finds_the_text_behind_the_log_in(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    tweet = await pages.site.post(ada)
    browser = pages.browser(ada)
    form = (await browser.see(f"/@ada/{tweet['id']}")).form("/tweets")
    await pages.site.ask("DELETE", "/api/sessions/current", by=ada)
    page = await browser.send(form, text="żółw & co?")
    page = await browser.send((await browser.see(page.location)).form("/login"), login="ada", password=PASSWORD)
    form = (await browser.see(page.location)).form("/tweets")
    assert form.fields()["text"] == "żółw & co?"
    assert form.fields()["reply_to"] == tweet["id"]


async def test_what_another_app_shares_is_in_the_field(busy_pages: PageSite) -> None:
    browser = busy_pages.browser(await busy_pages.site.newcomer())
    shared = {"title": "A page", "text": "A page", "url": "https://example.org/"}
    page = await browser.get("/compose", params=shared)
    assert page.form("/tweets").fields()["text"] == "A page\nhttps://example.org/"


async def test_every_button_under_a_tweet_does_what_it_says(pages: PageSite) -> None:
    ada, ben = await pages.site.sign_up("ada"), await pages.site.sign_up("ben")
    tweet_id = (await pages.site.post(ada, "bread"))["id"]
    path = f"/@ada/{tweet_id}"
    browser, owner = pages.browser(ben), pages.browser(ada)

    async def press(who: Browser, action: str) -> None:
        page = await who.send((await who.see(path)).form(f"/tweets/{tweet_id}/{action}"))
        assert page.location == f"{path}#t{tweet_id}"
        await pages.site.settle()

    for action in ("like", "retweet"):
        await press(browser, action)
        button = (await browser.see(path)).form(f"/tweets/{tweet_id}/un{action}").one("button")
        assert button.attributes["aria-pressed"] == "true"
        assert button.text == "1"
        await press(browser, f"un{action}")
    await press(owner, "pin")
    assert "Pinned" in (await owner.see("/@ada")).main.text
    await press(owner, "unpin")

    # What cannot be brought back asks once, and forgets nothing when one says no.
    page = await owner.send((await owner.see("/@ada")).form(f"/tweets/{tweet_id}/delete"))
    assert page.status == 200
    form = page.form(f"/tweets/{tweet_id}/delete")
    assert (await browser.get(path)).status == 200
    assert (await owner.send(form)).location == "/@ada"
    assert (await browser.get(path)).status == 404


async def test_every_button_beside_a_person_does_what_it_says(pages: PageSite) -> None:
    ada, ben = await pages.site.sign_up("ada"), await pages.site.sign_up("ben")
    browser = pages.browser(ben)
    for verb in ("follow", "mute", "block"):
        for action in (verb, f"un{verb}"):
            page = await browser.send((await browser.see("/@ada")).form(f"/users/{ada.id}/{action}"))
            assert page.location == "/@ada"
            await pages.site.settle()
    await browser.send((await browser.see("/@ada")).form(f"/users/{ada.id}/block"))
    await browser.send((await browser.see("/settings")).form(f"/users/{ada.id}/unblock"))
    assert not (await browser.see("/settings")).root.all("form", action=f"/users/{ada.id}/unblock")


async def test_a_profile_is_saved_and_a_mistake_loses_nothing(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser = pages.browser(ada)
    typed = {"name": "Ada M.", "bio": "\nbirds\r\nbread", "location": "Reedwater", "phone": "no digits"}
    page = await browser.send((await browser.see("/settings")).form("/settings/profile"), **typed)
    assert page.status == 422
    form = page.form("/settings/profile")
    kept = form.fields()
    assert (kept["name"], kept["location"], kept["phone"]) == ("Ada M.", "Reedwater", "no digits")
    page = await browser.send(form, phone="+48 601 234 567")
    assert page.location.startswith("/settings?done=profile")
    shown = (await browser.see(page.location)).form("/settings/profile").fields()
    assert shown["phone"] == "+48601234567"
    assert "Ada M." in (await browser.see("/@ada")).main.text
    assert "601" not in (await pages.browser().see("/@ada")).main.text


async def _upload(browser: Browser, content: bytes, **fields: str) -> Any:
    csrf = await browser.csrf()
    files = {"picture": ("me.png", content, "image/png")}
    return await browser.post("/settings/avatar", {"csrf": csrf, **fields}, files=files)


async def test_a_picture_is_shown_and_taken_away_again(pages: PageSite) -> None:
    browser = pages.browser(await pages.site.sign_up("ada"))
    assert (await _upload(browser, picture())).location.startswith("/settings?done=avatar")
    page = await browser.see("/settings")
    assert page.main.all("img", alt="Your picture")[0].attributes["src"].endswith(".webp")
    page = await browser.send(page.form("/settings/avatar/remove"))
    src = (await browser.see("/settings")).main.all("img", alt="Your picture")[0].attributes["src"]
    assert src.endswith(".svg")


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 422), (b"GIF89a", 422), (b"\x89PNG\r\n\x1a\n", 422), (b"x" * (5 * 1024 * 1024 + 1), 422)],
)
async def test_what_is_no_picture_is_refused_in_words(busy_pages: PageSite, content: bytes, status: int) -> None:
    browser = busy_pages.browser(await busy_pages.site.newcomer())
    page = await _upload(browser, content)
    assert page.status == status
    assert page.main.one("span", id="picture-hint").attributes["role"] == "alert"


async def test_far_too_much_is_refused_on_the_same_page(busy_pages: PageSite) -> None:
    browser = busy_pages.browser(await busy_pages.site.newcomer())
    page = await _upload(browser, b"x" * (6 * 1024 * 1024))
    assert page.status == 413
    assert "up to 5 MB" in page.main.one("span", id="picture-hint").text


async def test_a_new_password_ends_the_other_sessions(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser, elsewhere = pages.browser(ada), pages.browser()
    await elsewhere.post("/login", {"login": "ada", "password": PASSWORD})
    form = (await browser.see("/settings")).form("/settings/password")
    page = await browser.send(form, old_password="wrong one", new_password="two feathers")
    assert page.status == 403
    assert page.form("/settings/password").one("input", name="old_password").attributes["aria-invalid"] == "true"
    page = await browser.send(form, old_password=PASSWORD, new_password="two feathers")
    assert page.location.startswith("/settings?done=password")
    assert (await browser.get("/settings")).status == 200
    assert (await elsewhere.get("/settings")).status == 303


async def test_one_device_is_logged_out_from_another(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser, elsewhere = pages.browser(ada), pages.browser()
    await elsewhere.post(
        "/login", {"login": "ada", "password": PASSWORD}, headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/1"}
    )
    items = (await browser.see("/settings")).main.one("section", id="s-devices").all("li")
    assert len(items) == 2
    other = next(item for item in items if "Firefox on Linux" in item.text)
    page = await browser.send(other.one("form"))
    assert page.location.startswith("/settings?done=devices")
    # Once more, from a page that is old by now.
    assert (await browser.send(other.one("form"))).status == 303
    assert (await elsewhere.get("/settings")).status == 303
    this = (await browser.see("/settings")).main.one("section", id="s-devices").one("li")
    assert (await browser.send(this.one("form"))).location == "/"
    assert (await browser.get("/settings")).status == 303


async def test_notifications_are_new_until_one_says_so(pages: PageSite) -> None:
    ada, ben = await pages.site.sign_up("ada"), await pages.site.sign_up("ben")
    await pages.site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    await pages.site.settle()
    browser = pages.browser(ada)
    page = await browser.see("/notifications")
    assert len(page.main.all("article", cls="unread")) == 1
    assert page.root.one("b", cls="new").text == ", 1 new"
    assert page.main.one("article").one("p", cls="sentence").text.startswith("New: Ben followed you")
    await browser.send(page.form("/notifications/read"))
    page = await browser.see("/notifications")
    assert not page.main.all("article", cls="unread")
    assert not page.root.all("b", cls="new")


async def test_leaving_asks_for_the_password_and_is_for_good(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    browser = pages.browser(ada)
    form = (await browser.see("/settings")).form("/settings/leave")
    page = await browser.send(form, password="")
    assert page.status == 422
    page = await browser.send(form, password=PASSWORD)
    assert page.location == "/"
    assert COOKIE not in browser.client.cookies
    assert (await pages.browser().get("/@ada")).status == 404
    assert (await pages.browser(ada).get("/settings")).status == 303


async def test_a_limit_loses_nothing_and_says_when_to_try_again(servers: Servers, busy_database_url: str) -> None:
    quotas: dict[str, Quota | None] = {rule.name: None for rule in RULES}
    names = ("sign_up", "log_in", "tweet", "profile", "avatar", "password")
    quotas |= {name: Quota(1, 3600) for name in names}

    def limited(services: Any) -> Any:
        write = services.write
        limits = Limits(write.valkey, write.keys, write.clock, LimitOptions(quotas=quotas))
        return msgspec.structs.replace(services, limits=limits)

    async with open_site(busy_database_url, servers.valkey_url, change=limited) as site, pages_of(site) as pages:
        ada = await _sign_up(pages, site.world.write.ids)
        browser, stranger = pages.browser(ada), pages.browser()

        async def twice(who: Browser, path: str, action: str, first: dict[str, str], second: dict[str, str]) -> Any:
            form = (await who.see(path)).form(action)
            assert (await who.send(form, **first)).status in (303, 401, 403)
            page = await who.send(form, **second)
            assert page.status == 429, action
            assert int(page.headers["retry-after"]) > 3000
            assert "You can try again in" in page.root.text
            return page.form(action).fields()

        # Mistakes do not count.
        form = (await browser.see("/")).form("/tweets")
        assert (await browser.send(form, text="x" * 141)).status == 422
        assert (await twice(browser, "/", "/tweets", {"text": "a"}, {"text": "b"}))["text"] == "b"
        profile = await twice(browser, "/settings", "/settings/profile", {"bio": "a"}, {"bio": "b"})
        assert profile["bio"] == "b"
        wrong = {"old_password": "wrong one", "new_password": "two feathers"}
        await twice(browser, "/settings", "/settings/password", wrong, wrong)
        log_in = {"login": "nobody_at_all", "password": "wrong one"}
        assert (await twice(stranger, "/login", "/login", log_in, log_in))["login"] == "nobody_at_all"
        page = await stranger.send(
            (await stranger.see("/signup")).form("/signup"), username="somebody", email="a@b.cc", password=PASSWORD
        )
        assert page.status == 429
        assert page.form("/signup").fields()["username"] == "somebody"
        headers = (await browser.post("/tweets", {"csrf": await browser.csrf(), "text": "c"})).headers
        assert headers["ratelimit-policy"] == '"tweet";q=1;w=3600'
        assert headers["ratelimit"].startswith('"tweet";r=0;t=')


async def _sign_up(pages: PageSite, ids: IdSource) -> Person:
    browser = pages.browser()
    name = f"n{ids.mint()}"
    page = await browser.post("/signup", {"username": name, "email": f"{name}@example.com", "password": PASSWORD})
    assert page.status == 303, page.root.text
    return Person("", name, browser.client.cookies[COOKIE])
