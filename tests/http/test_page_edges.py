"""What pages answer to what no page sends: bad addresses, bodies, methods; and what every answer says of itself."""

import gzip
from typing import Any

import msgspec

from linnet.errors import Unavailable
from linnet.web.app import PAGES
from linnet.web.sessions import COOKIE, csrf_of, is_csrf_of
from tests.http.app_world import Site
from tests.http.page_world import PageSite, pages_of

FIELDS = (
    *("text", "once", "reply_to", "back", "next", "username", "name", "email", "login", "password", "bio", "location"),
    *("phone", "old_password", "new_password", "session_id", "up_to"),
)
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


async def test_pages_say_that_they_are_private_and_load_nothing_from_elsewhere(busy_pages: PageSite) -> None:
    browser = busy_pages.browser(await busy_pages.site.newcomer())
    for path in ("/", "/settings", "/explore", "/nope", "/offline", "/static/linnet.css", "/compose/x"):
        page = await browser.get(path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers.get_list("x-content-type-options") == ["nosniff"]
        for element in page.root.walk():
            assert "style" not in element.attributes
            assert not [name for name in element.attributes if name.startswith("on")]
    assert "private" in (await browser.get("/")).headers["cache-control"]


NOWHERE = (
    "/nope",
    "/nope/nope",
    "/@",
    "/@@",
    "/@no_such_person",
    "/@" + "x" * 3000,
    "/@%00",
    "/@%ff%fe",
    "/@ada/",
    "/ada/1",
    "/@ada/0",
    "/@ada/-1",
    "/@ada/99999999999999999999999",
    "/@ada/１２３",
    "/@ada/1e5",
    "/tweets/x",
    "/tweets/x/likes",
    "/tweets/1/retweets",
    "/static/../app.py",
    "/static/%2e%2e%2fapp.py",
    "/static/x/y/z",
    "/static/worker.js",
    "/@ada/nonsense",
    "/%",
    "/tags/",
)


async def test_what_is_nowhere_is_not_found(busy_pages: PageSite) -> None:
    for browser in (busy_pages.browser(), busy_pages.browser(await busy_pages.site.newcomer())):
        for path in NOWHERE:
            page = await browser.get(path)
            assert page.status == 404, path
            assert page.main.one("h1").text == "Nothing here"
            assert page.main.all("a", href="/")


STRANGE_QUERIES = (
    "before=x",
    "before=0",
    "before=-5",
    "before=" + "9" * 40,
    "before=%ff",
    "before=1&before=2",
    "%",
    "&&=",
    "q=%00",
    "q=%ff",
    "type=x",
    "x=" + "y" * 5000,
)


async def test_a_strange_query_is_no_failure(busy_pages: PageSite) -> None:
    ada = await busy_pages.site.newcomer()
    browser = busy_pages.browser(ada)
    for query in STRANGE_QUERIES:
        for path in (
            "/",
            "/everyone",
            "/explore",
            "/search",
            "/tags/x",
            f"/@{ada.username}",
            "/notifications",
            "/compose",
        ):
            assert (await browser.get(f"{path}?{query}")).status in (200, 422), path


async def test_a_slash_at_the_end_changes_nothing(busy_pages: PageSite) -> None:
    for path in ("/explore/", "/login/"):
        assert (await busy_pages.browser().get(path)).status == 200


async def test_another_method_is_refused_and_the_right_ones_are_named(busy_pages: PageSite) -> None:
    browser = busy_pages.browser(await busy_pages.site.newcomer())
    for method in ("PUT", "PATCH", "DELETE", "POST", "TRACE", "BREW"):
        answer = await browser.client.request(method, "/explore")
        assert answer.status_code == 405, method
        allowed = {name.strip() for name in answer.headers["allow"].split(",")}
        assert {"GET", "HEAD", "OPTIONS"} <= allowed


async def test_a_page_says_what_it_answers_to(busy_pages: PageSite) -> None:
    answer = await busy_pages.browser().client.request("OPTIONS", "/tweets/1/like")
    assert answer.status_code == 204
    assert answer.headers["allow"] == "OPTIONS, POST"


BODIES: list[tuple[dict[str, str], bytes, int]] = [
    ({"Content-Type": "application/json"}, b'{"text":"x"}', 400),
    ({"Content-Type": "text/plain"}, b"text=x", 400),
    ({}, b"", 400),
    (FORM, b"\xff\xfe", 400),
    (FORM, b"text=%ff", 400),
    (FORM, b"a=b&" * 100, 400),
    (FORM, b"text=" + b"x" * 70_000, 413),
    (FORM, b"", 403),
    (FORM, b"&&&==%", 403),
    ({"Content-Type": "multipart/form-data"}, b"x", 400),
    ({"Content-Type": "multipart/form-data; boundary=b"}, b"--b\r\nnonsense", 400),
    ({"Content-Type": "multipart/form-data; boundary=b"}, b"--b\r\n\r\nx\r\n--b--\r\n", 400),
    ({"Content-Type": "multipart/form-data; boundary=" + "b" * 3000}, b"x", 400),
    (
        {"Content-Type": "multipart/form-data; boundary=b"},
        b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\r\n--b--\r\n',
        400,
    ),
]


async def test_a_body_that_is_no_form_of_ours_is_refused(busy_pages: PageSite) -> None:
    browser = busy_pages.browser(await busy_pages.site.newcomer())
    for headers, content, status in BODIES:
        for path in ("/tweets", "/settings/profile", "/tweets/1/like", "/logout", "/notifications/read"):
            answer = await browser.client.post(path, content=content, headers=headers)
            assert answer.status_code == status, (path, headers, content[:40])
            assert answer.headers["content-type"].startswith("text/html")


async def test_a_body_that_breaks_off_is_no_failure(busy_pages: PageSite) -> None:
    """The browser went away in the middle of a form."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"host", b"linnet.test")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/login",
        "raw_path": b"/login",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("linnet.test", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
        "state": {},
        "extensions": {},
    }
    await busy_pages.app(scope, receive, send)  # type: ignore[arg-type]  # litestar's ASGI types are its own
    assert sent[0]["status"] == 400


async def test_text_that_no_database_can_hold_is_refused_in_words(busy_pages: PageSite) -> None:
    ada = await busy_pages.site.newcomer()
    browser = busy_pages.browser(ada)
    csrf = await browser.csrf()
    for nasty in ("\x00", "a\x00b", "\u2028", "\ufffe", "e\u0301" * 200):
        fields = {"csrf": csrf, **dict.fromkeys(FIELDS, nasty)}
        for page in PAGES:
            if page.method == "POST" and "{" not in page.path and page.path not in ("/logout", "/login"):
                answer = await browser.post(page.path, fields)
                assert answer.status < 500, f"{page.path} {nasty!r}"
        assert (await busy_pages.browser().post("/login", fields)).status < 500


async def test_the_token_is_another_text_on_each_page_and_means_the_same() -> None:
    tokens = {csrf_of("secret") for _ in range(20)}
    assert len(tokens) == 20
    assert all(is_csrf_of("secret", token) for token in tokens)
    assert not any(is_csrf_of("other", token) for token in tokens)
    # Neither half says anything by itself.
    assert not any(is_csrf_of("secret", text) for text in ("", "AAAA", next(iter(tokens))[:-1], "ż" * 86, "=" * 88))


async def test_pages_and_files_are_compressed_for_who_can_read_it(busy_pages: PageSite) -> None:
    browser = busy_pages.browser()
    for path in ("/", "/static/linnet.css", "/static/linnet.js"):
        packed = await browser.client.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip", path
        assert "accept-encoding" in packed.headers["vary"].lower()
        plain = await browser.client.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
    refused = await browser.client.get("/static/linnet.css", headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


async def test_a_first_view_is_no_more_than_sixty_kilobytes_without_pictures_of_people(pages: PageSite) -> None:
    site = pages.site
    ada = await site.sign_up("ada")
    for number in range(25):
        await site.post(
            ada,
            f"Tweet {number}: forty linnets on the fence, all talking at once. #birds{number} https://example.org/{number}",
        )
    await site.settle()
    for browser in (pages.browser(), pages.browser(ada)):
        page = await browser.see("/")
        total = len(gzip.compress(page.answer.content, 5))
        for element in page.root.walk():
            address = element.attributes.get("href" if element.tag == "link" else "src", "")
            if address.startswith("/static/"):
                async with browser.client.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as answer:
                    total += len(b"".join([chunk async for chunk in answer.aiter_raw()]))
        assert total <= 60_000, total


async def test_when_something_broke_nothing_of_it_is_said(site: Site) -> None:
    class Broken:
        async def fetch(self, count: int) -> list[Any]:
            raise RuntimeError("secret words")

    class Away:
        async def fetch(self, count: int) -> list[Any]:
            raise Unavailable("secret words", retry_after_seconds=7)

    await site.sign_up("ada")
    for trending, status, title in ((Broken(), 500, "Something broke"), (Away(), 503, "One moment, please")):
        read = msgspec.structs.replace(site.services.read, trending=trending)
        async with pages_of(site) as pages:
            pages.services = msgspec.structs.replace(pages.services, read=read)
            pages.rebuild()
            page = await pages.browser().get("/explore")
            assert page.status == status
            assert page.main.one("h1").text == title
            assert "secret" not in page.answer.text
            # What to name when asking for help.
            assert page.headers["x-request-id"] in page.main.text
            script = await pages.browser().get("/explore", headers={"Accept": "application/json"})
            assert script.status == status
            assert "secret" not in script.answer.text
    assert page.headers["retry-after"] == "7"


async def test_a_session_that_is_none_is_a_stranger(busy_pages: PageSite) -> None:
    for token in ("x", "x" * 4000, "żółw".encode().decode("latin-1"), '"', ""):
        browser = busy_pages.browser()
        answer = await browser.client.get("/", headers={b"Cookie": f"{COOKIE}={token}".encode("latin-1")})
        assert answer.status_code == 200
        assert "Sign up" in answer.text
