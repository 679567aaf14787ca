"""Every page, form and endpoint, asked by those who mean ill: what may be wrong with one is looked for in all of them.

The routes are those of the applications themselves (``test_pages.ROWS`` and ``ENDPOINTS`` are complete, which tests of
their own say), so a new one is attacked too.
"""

import gzip
import re
import zlib
from urllib.parse import quote

import httpx
import msgspec

from linnet.api.app import ENDPOINTS
from linnet.web.answers import AUTHORIZE, SECURITY_HEADERS
from linnet.web.app import PAGES
from linnet.web.sessions import COOKIE
from tests.http.app_world import Site, assert_problem
from tests.http.page_world import ORIGIN, Browser, PageSite, pages_of
from tests.http.test_pages import ANYBODY, ROWS, Row, Scene, set_scene
from tests.http.test_who_may_do_what import ROWS as API_ROWS
from tests.http.test_who_may_do_what import filled
from tests.http.test_who_may_do_what import set_scene as set_api_scene
from tests.support.dumps import dump_postgres

# Another site, however it is spelled; a header more; the end of this one.
ELSEWHERE = (
    *("//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "\\/evil.test", "/\t/evil.test", "/\n/evil.test"),
    *("https://evil.test", "https:evil.test", "HTTPS:/evil.test", "http:\\\\evil.test", "evil.test", "@evil.test"),
    *("javascript:alert(1)", "data:text/html,x", " //evil.test", "\x00//evil.test", "/\x00/evil.test", "/\u2028/evil"),
    *("/ok\r\nSet-Cookie: linnet_session=planted", "/ok\r\n\r\n<script>alert(1)</script>", "/ok%0d%0aX-Planted: 1"),
    *("/ok\nX-Planted: 1", "/ok\rX-Planted: 1", "/ok\u010d\u010aX-Planted: 1", "//evil.test/%2f..", "/" + "/" * 300),
    *("/／evil.test", "/ｅvil", "?next=//evil.test", "#//evil.test", "%2f%2fevil.test", "/%5cevil.test"),
)
PARTS = ("//evil.test", "@ada\r\nX-Planted: 1", "@ada\0", "../../etc/passwd", "..", "%2e%2e%2fpasswd", "@\\evil.test")
QUERY = ("next", "back", "at", "q", "type", "before", "after", "tab", "done", "reply_to", "text", "title", "url")
TYPED = ("next", "back", "at")
COOKIE_SHAPE = re.compile(
    rf"{COOKIE}=[A-Za-z0-9_-]*; HttpOnly; Max-Age=[0-9]+; Path=/; SameSite=lax(?P<secure>; Secure)?"
)
# What somebody read is noted: nobody's own doing is changed by it.
NOTED = ("row of public.visits", "row of public.sessions", "row of public.worker_leases", "row of public.installation")


def assert_sound(answer: httpx.Response, what: object, *, secure: bool = False) -> None:
    """What every answer of the pages has to be, whatever was asked."""
    assert answer.status_code < 500, f"{what}: {answer.status_code}"
    for name, value in answer.headers.multi_items():
        assert not re.search(r"[\x00-\x1f\x7f]", name + value), f"{what}: {name}"
        assert "planted" not in (name + value).lower() or name == "location", f"{what}: {name}"
    # Apps in a browser wait for the page that lets them in to be closed, and must see that it is open.
    other = {"Cross-Origin-Opener-Policy": "unsafe-none"} if AUTHORIZE in str(what) else {}
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get_list(name) in ([value], [other.get(name, value)]), f"{what}: {name}"
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"], what
    assert len(answer.headers.get_list("cache-control")) == 1, what
    for cookie in answer.headers.get_list("set-cookie"):
        shape = COOKIE_SHAPE.fullmatch(cookie)
        assert shape, f"{what}: {cookie}"
        assert bool(shape["secure"]) == secure, f"{what}: {cookie}"
    if "location" in answer.headers:
        # As browsers read it: a backslash is a slash, and two of them begin another host.
        assert re.fullmatch(r"/(?![/\\])[ -\[\]-~]*", answer.headers["location"]), (
            f"{what}: {answer.headers['location']}"
        )


def path_of(row: Row, scene: Scene) -> str:
    path = row.path.replace("TWEET", scene.tweet).replace("ADA", scene.ada.id)
    return path.replace("LIST", scene.list).replace("DIRECT", scene.direct).replace("FILTER", scene.filter)


async def ask(browser: Browser, row: Row, scene: Scene, fields: dict[str, str], **headers: str) -> httpx.Response:
    path = path_of(row, scene)
    if row.method == "GET":
        return await browser.client.get(path, headers=headers)
    return await browser.client.post(path, data=fields, headers=headers)


FROM_HERE = {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN}


async def test_every_answer_keeps_to_itself_and_every_cookie_has_its_flags(site: Site) -> None:
    """Also redirects, refusals, files and fragments; and behind TLS no cookie leaves it."""
    async with pages_of(site) as plain, pages_of(site, public_url="https://linnet.test") as tls:
        scene = await set_scene(site)
        for pages, secure in ((plain, False), (tls, True)):
            stranger, ada = pages.browser(), pages.browser(scene.ada)
            csrf = await ada.csrf()
            cookies = 0
            for row in ROWS:
                for browser in (stranger, ada):
                    if browser is ada and row.route in ANYBODY:
                        continue
                    fields = {
                        "csrf": csrf,
                        **row.fields(scene),
                        "username": f"u{secure:d}",
                        "email": f"u{secure:d}@x.test",
                    }
                    # The last one would end ada's session.
                    if row.route == "POST /logout" and browser is ada:
                        fields["csrf"] = ""
                    answer = await ask(browser, row, scene, fields, **FROM_HERE)
                    assert_sound(answer, row.route, secure=secure)
                    cookies += "set-cookie" in answer.headers
                    browser.client.cookies.clear() if browser is stranger else None
                wrong = await ada.client.request("BREW", path_of(row, scene))
                assert wrong.status_code == 405
                assert_sound(wrong, row.route)
            assert cookies >= 3, "of who signed up, who logged in, and who came back"
            assert_sound(await ada.client.get("/nowhere"), "nowhere")


async def test_no_page_leads_elsewhere_or_takes_a_header_from_what_it_is_asked(pages: PageSite) -> None:
    scene = await set_scene(pages.site)
    for browser in (pages.browser(), pages.browser(scene.ada)):
        for number, row in enumerate(ROWS):
            if row.method != "GET":
                continue
            path = path_of(row, scene)
            # A third of them each: what judges them is one for all, and has all of them below.
            for payload in ELSEWHERE[number % 3 :: 3]:
                query = "&".join(f"{name}={quote(payload, safe='')}" for name in QUERY)
                answer = await browser.client.get(f"{path}{'&' if '?' in path else '?'}{query}")
                assert_sound(answer, (row.route, payload))


async def test_no_form_leads_elsewhere_or_takes_a_header_from_what_is_typed(pages: PageSite) -> None:
    """Refused or done, by who is logged in and who is not."""
    scene = await set_scene(pages.site)
    ada = pages.browser(scene.ada)
    csrf = await ada.csrf()
    for number, row in enumerate(ROWS):
        if row.method == "GET" or row.route in ("POST /logout", *ANYBODY):
            continue
        for payload in ELSEWHERE[number % 3 :: 3]:
            typed = {**dict.fromkeys(TYPED, payload), "csrf": csrf}
            for browser, fields in ((ada, {**row.fields(scene), **typed}), (pages.browser(), typed)):
                answer = await ask(browser, row, scene, fields, **FROM_HERE)
                assert_sound(answer, (row.route, payload))
                if answer.status_code == 303 and browser is not ada:
                    assert answer.headers["location"].startswith("/login?next="), row.route
        # Somebody's tweet may be gone by now: there has to be one for the next.
        if row.route == "POST /tweets/{tweet_id}/delete":
            scene = msgspec.structs.replace(scene, tweet=(await pages.site.post(scene.ada))["id"])


async def test_signing_up_and_logging_in_lead_nowhere_else(pages: PageSite) -> None:
    await pages.site.sign_up("ada")
    for number, payload in enumerate(ELSEWHERE):
        fields = {"username": f"u{number}", "email": f"u{number}@x.test", "login": "ada"}
        fields |= {"password": "a feather for a pen", **dict.fromkeys(TYPED, payload)}
        for path in ("/signup", "/login"):
            answer = await pages.browser().client.post(path, data=fields, headers=FROM_HERE)
            assert answer.status_code == 303
            assert_sound(answer, (path, payload))
            if not payload.startswith("/"):
                assert answer.headers["location"] == "/"


async def test_parts_of_paths_lead_nowhere_else(pages: PageSite) -> None:
    scene = await set_scene(pages.site)
    named = sorted({page.path for page in PAGES if "{" in page.path})
    for browser in (pages.browser(), pages.browser(scene.ada)):
        for path in named:
            for payload in PARTS:
                asked = quote(payload, safe="").join(re.split(r"\{[^}]*\}", path))
                for spelled in (asked, asked.replace("%", "%25")):
                    answer = await browser.client.get(spelled)
                    assert answer.status_code in (200, 303, 404, 405, 422), (spelled, answer.status_code)
                    assert_sound(answer, spelled)


async def test_no_form_is_taken_from_elsewhere_by_its_origin_alone(pages: PageSite) -> None:
    """Browsers from before Sec-Fetch-Site; a token that is right does not help."""
    scene = await set_scene(pages.site)
    browser, stranger = pages.browser(scene.ada), pages.browser()
    csrf = await browser.csrf()
    before = sorted(dump_postgres(pages.site.world.db.options.url))
    for row in ROWS:
        if row.method == "GET":
            continue
        sender = stranger if row.route in ANYBODY else browser
        for origin in ("https://evil.test", "null", "http://linnet.test.evil.test", "http://evil.test/linnet.test", ""):
            answer = await ask(sender, row, scene, {"csrf": csrf, **row.fields(scene)}, Origin=origin)
            assert answer.status_code == 403, f"{row.route}: {origin}"
            assert "set-cookie" not in answer.headers
    assert sorted(dump_postgres(pages.site.world.db.options.url)) == before


async def test_a_token_in_the_address_is_none(pages: PageSite) -> None:
    scene = await set_scene(pages.site)
    browser = pages.browser(scene.ada)
    csrf = await browser.csrf()
    for row in ROWS:
        if row.method == "POST" and row.route not in ANYBODY:
            answer = await browser.client.post(
                f"{path_of(row, scene)}?csrf={csrf}", data=row.fields(scene) or {"x": "y"}, headers=FROM_HERE
            )
            assert answer.status_code == 403, row.route


async def test_looking_at_pages_changes_nothing(pages: PageSite) -> None:
    """A link on another site sends the cookie along: so nothing may be done by following one."""
    scene = await set_scene(pages.site)
    browser = pages.browser(scene.ada)
    # A first look counts whoever looks, and remembers their session.
    for row in ROWS:
        if row.method == "GET":
            await browser.client.get(path_of(row, scene))
    before = _own_rows(pages)
    for row in ROWS:
        for method in ("GET", "HEAD", "OPTIONS"):
            if row.method == "GET" or method != "GET":
                headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
                answer = await browser.client.request(method, path_of(row, scene), headers=headers)
                assert answer.status_code < 500
    assert _own_rows(pages) == before
    assert (await browser.get("/settings")).status == 200, "she is still logged in"


def _own_rows(pages: PageSite) -> list[tuple[str, bytes]]:
    return sorted(row for row in dump_postgres(pages.site.world.db.options.url) if row[0] not in NOTED)


async def test_who_is_blocked_gets_on_pages_what_the_interface_gives_them(pages: PageSite) -> None:
    """Dan, whom ada blocked: what is hers is not there for him, and a refusal changes nothing."""
    scene = await set_scene(pages.site)
    dan = await pages.site.sign_up("dan")
    await pages.site.ask("PUT", f"/api/users/{dan.id}/block", by=scene.ada)
    await pages.site.settle()
    browser = pages.browser(dan)
    csrf = await browser.csrf()
    assert f'data-id="{scene.tweet}"' in (await pages.browser(scene.ben).see("/@ada")).answer.text
    url = pages.site.world.db.options.url
    for row in ROWS:
        if row.route in (*ANYBODY, "POST /logout"):
            continue
        before = [] if row.method == "GET" else sorted(dump_postgres(url))
        answer = await ask(browser, row, scene, {"csrf": csrf, **row.fields(scene)}, **FROM_HERE)
        expected = BLOCKED.get(row.route, row.ben)
        assert answer.status_code == expected, f"{row.route}: {answer.status_code}"
        if row.method == "POST" and answer.status_code >= 400:
            assert sorted(dump_postgres(url)) == before, row.route
        if row.method == "GET":
            assert f'data-id="{scene.tweet}"' not in answer.text, f"{row.route} shows what she wrote"


# Where ben, who is not blocked, gets something else.
BLOCKED = {
    "POST /users/{user_id}/follow": 403,
    **dict.fromkeys(
        (
            *("GET /{handle}/{tweet_id}", "GET /tweets/{tweet_id}", "GET /tweets/{tweet_id}/delete"),
            *("GET /tweets/{tweet_id}/edit", "GET /tweets/{tweet_id}/history", "POST /tweets/{tweet_id}/edit"),
            *("GET /tweets/{tweet_id}/likes", "GET /tweets/{tweet_id}/retweets", "POST /tweets/{tweet_id}/delete"),
            *("POST /tweets/{tweet_id}/like", "POST /tweets/{tweet_id}/unlike"),
            *("POST /tweets/{tweet_id}/retweet", "POST /tweets/{tweet_id}/unretweet"),
            *("POST /tweets/{tweet_id}/bookmark", "POST /tweets/{tweet_id}/unbookmark"),
            *("POST /tweets/{tweet_id}/silence", "POST /tweets/{tweet_id}/unsilence"),
            *("POST /tweets/{tweet_id}/vote", "POST /fragments/tweets/{tweet_id}/vote"),
        ),
        404,
    ),
}


KINDS = {
    *("application/json", "application/problem+json", "image/svg+xml", "image/webp", "text/event-stream"),
    *("text/plain; version=0.0.4; charset=utf-8",),
}


async def test_every_answer_of_the_interface_is_what_it_says_and_no_browser_makes_it_a_page(site: Site) -> None:
    scene = await set_api_scene(site)
    for endpoint in ENDPOINTS:
        path, body = filled(endpoint, API_ROWS[endpoint.operation_id], scene)
        for by in (None, scene.ada):
            answer = await site.ask(endpoint.method, path, body if endpoint.body is not None else None, by=by)
            what = endpoint.operation_id
            assert answer.headers.get_list("x-content-type-options") == ["nosniff"], what
            assert answer.status_code in (204, 304) or answer.headers["content-type"] in KINDS, what
            assert len(answer.headers.get_list("cache-control")) <= 1, what
            if endpoint.access == "user" or answer.status_code >= 400:
                assert answer.headers.get("cache-control", "no-store") in ("no-store", "no-cache"), what
            assert "set-cookie" not in answer.headers, what
            shared = [value for name, value in answer.headers.items() if name.startswith("access-control-")]
            # Pictures are everybody's, and apps in browsers draw them; nothing else is for other origins to read.
            assert shared == (["*"] if what in ("get_avatar", "get_default_avatar") and answer.is_success else []), what
            if answer.headers.get("content-type") == "image/svg+xml":
                assert "sandbox" in answer.headers["content-security-policy"], "it is a picture, and runs nothing"


async def test_the_interface_knows_no_cookies(site: Site) -> None:
    """So nothing of it can be asked for by another site: that would have to know a token."""
    scene = await set_api_scene(site)
    for endpoint in ENDPOINTS:
        if endpoint.access != "user" or endpoint.operation_id == "stream":
            continue
        path, body = filled(endpoint, API_ROWS[endpoint.operation_id], scene)
        headers = {"Cookie": f"{COOKIE}={scene.ada.token}", "Origin": "https://evil.test"}
        answer = await site.ask(endpoint.method, path, body if endpoint.body is not None else None, headers=headers)
        assert_problem(answer, 401, "not_logged_in")
        assert "set-cookie" not in answer.headers
        assert not [name for name in answer.headers if name.startswith("access-control-")]


MUCH = gzip.compress(b'{"text":"' + b" " * 10_000_000 + b'"}')
PACKED = (
    ("gzip", MUCH),
    ("gzip, gzip", gzip.compress(MUCH)),
    ("deflate", zlib.compress(b'{"text":"small"}')),
    ("gzip", gzip.compress(b'{"text":"small"}')),
    ("br", bytes(100)),
)


async def test_nothing_that_is_sent_is_ever_unpacked(site: Site) -> None:
    scene = await set_api_scene(site)
    for endpoint in ENDPOINTS:
        if endpoint.body is None:
            continue
        path, _ = filled(endpoint, API_ROWS[endpoint.operation_id], scene)
        for encoding, content in PACKED:
            headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
            answer = await site.ask(endpoint.method, path, by=scene.ada, content=content, headers=headers)
            assert_problem(answer, 400, "malformed_json")
    async with pages_of(site) as pages:
        browser = pages.browser(scene.ada)
        form = {"Content-Type": "application/x-www-form-urlencoded", **FROM_HERE}
        for page in PAGES:
            if page.method == "POST":
                packed = gzip.compress(b"text=small&csrf=" + (await browser.csrf()).encode())
                answer = await browser.client.post(
                    re.sub(r"\{[^}]*\}", "1", page.path), content=packed, headers={**form, "Content-Encoding": "gzip"}
                )
                assert answer.status_code == 400, page.path


NUMBERS = (b"1e400", b"-1e400", b"9" * 5000, b"0." + b"0" * 5000 + b"1", b"1E-9999", b"-0", b"18446744073709551616")


# What some fields may well be.
WANTED = {
    ("patch_filter", "expires_in", b"-0"),
    ("patch_filter", "keywords", b"[]"),
    ("patch_me", "fields", b"[]"),
    ("patch_tweet", "attachments", b"[]"),
    ("patch_tweet", "described", b"[]"),
}


async def test_numbers_and_nesting_of_any_size_are_refused_in_words(site: Site) -> None:
    scene = await set_api_scene(site)
    for endpoint in ENDPOINTS:
        if endpoint.body is None:
            continue
        path, _ = filled(endpoint, API_ROWS[endpoint.operation_id], scene)
        for field in endpoint.body.__struct_encode_fields__:
            # One level more than that is one level too many for the body of 64 KiB.
            nested = [b"[" * depth + b"]" * depth for depth in (1, 100, 32_000)]
            nested += [b'{"a":' * depth + b"1" + b"}" * depth for depth in (1, 100, 10_000)]
            for value in (*NUMBERS, *nested):
                content = b'{"' + field.encode() + b'":' + value + b"}"
                headers = {"Content-Type": "application/json"}
                answer = await site.ask(endpoint.method, path, by=scene.ada, content=content, headers=headers)
                does = (200, 201) if (endpoint.operation_id, field, value) in WANTED else ()
                assert answer.status_code in (400, 422, *does), (endpoint.operation_id, field, value[:20], answer.text)
                assert len(answer.content) < 5000


async def test_of_a_field_that_is_named_twice_one_is_taken_by_everybody(site: Site) -> None:
    """There is one reader of bodies: nobody checks the first and uses the second."""
    ada = await site.sign_up("ada")
    content = b'{"text":"first","text":"second"}'
    answer = await site.ask(
        "POST", "/api/tweets", by=ada, content=content, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["text"]) == (201, "second")
