"""How pages go out: packed for whoever takes it so, whole in what they say of themselves, and made of what is there."""

import gzip

from linnet.web.sessions import COOKIE
from tests.http.page_world import PageSite


async def test_pages_are_packed_for_whoever_takes_it_so(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    client = pages.browser(ada).client
    plain = await client.get("/offline", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"
    assert int(plain.headers["content-length"]) == len(plain.content)
    for wish in ("gzip", "br, gzip;q=0.5", "deflate,gzip"):
        async with client.stream("GET", "/offline", headers={"Accept-Encoding": wish}) as packed:
            raw = b"".join([chunk async for chunk in packed.aiter_raw()])
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) == len(raw) < len(plain.content)
        assert gzip.decompress(raw) == plain.content
    for wish in ("", "br", "gzip;q=0"):
        assert "content-encoding" not in (await client.get("/offline", headers={"Accept-Encoding": wish})).headers


async def test_a_page_is_asked_for_without_its_body(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    client = pages.browser(ada).client
    for path in ("/", "/offline", "/@ada"):
        head = await client.head(path)
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["content-type"] == "text/html; charset=utf-8"


async def test_the_cookie_is_found_among_others(pages: PageSite) -> None:
    ada = await pages.site.sign_up("ada")
    client = pages.browser().client
    for cookie in (f"{COOKIE}={ada.token}", f"a=b; {COOKIE}={ada.token}; c", f'x="{COOKIE}=y";{COOKIE}={ada.token}'):
        answer = await client.get("/", headers={"Cookie": cookie})
        assert answer.headers["linnet-viewer"] == str(ada.id), cookie
    for cookie in ("", ";", "=", COOKIE, f"{COOKIE}=", f"{COOKIE}=nonsense", f"x{COOKIE}={ada.token}", "\xff=\xfe"):
        answer = await client.get("/", headers=[(b"Cookie", cookie.encode("latin-1"))])
        assert answer.status_code == 200
        assert answer.headers["linnet-viewer"] == "", cookie


async def test_what_is_kept_of_a_page_shows_nothing_of_whoever_saw_it_before(pages: PageSite) -> None:
    ada, ben = await pages.site.sign_up("ada"), await pages.site.sign_up("ben")
    seen: set[str] = set()
    for person in (ada, ben, ada):
        root = (await pages.browser(person).see("/")).root
        form = root.one("form", id="acts").fields()
        assert root.one("body").attributes["data-me"] == str(person.id)
        assert root.one("form", action="/logout").fields()["csrf"] == form["csrf"]
        assert form["back"] == "/"
        key = root.one("form", action="/tweets").fields()["once"]
        # Another token and another key each time.
        assert not {form["csrf"], key} & seen
        seen |= {form["csrf"], key}


async def test_a_button_of_a_tweet_leads_back_to_that_tweet(pages: PageSite) -> None:
    site = pages.site
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ben, "hello")
    browser, action = pages.browser(ada), f"/tweets/{tweet['id']}/like"
    form = (await browser.see("/everyone?before=9223372036854775807")).form(action)
    wanted = f"/everyone?before=9223372036854775807#t{tweet['id']}"
    assert (await browser.send(form)).location == wanted
    # What is no place on a page is none.
    for at in ("", "x", "t", f"t{'1' * 20}", "t1#", "t1\n", "//evil.test"):
        assert (await browser.send(form, at=at)).location == wanted.partition("#")[0]
