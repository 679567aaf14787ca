"""Promise: an app is let in knowingly, gets what the person granted and no more, and nobody else gets it instead."""

import asyncio
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec
import psycopg
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client

from linnet.api.app import ENDPOINTS
from linnet.web.sessions import COOKIE
from linnet.write.jobs.pruning import prune
from tests.http.app_world import PASSWORD, Site, ending_streams
from tests.http.oauth_world import (
    ALL,
    CALLBACK,
    OUT_OF_BAND,
    answered,
    ask,
    code_of,
    proof,
    register,
    token_for,
    told,
)
from tests.http.page_world import PageSite
from tests.http.test_who_may_do_what import ROWS as OWN_ROWS
from tests.http.test_who_may_do_what import filled, set_scene
from tests.support.dumps import dump_postgres

ME = "/api/v1/accounts/verify_credentials"


async def status_with(site: Site, token: str) -> int:
    """Of one's own account, asked with a token."""
    return (await ask(site, token, "GET", ME)).status_code


async def refused(site: Site, fields: dict[str, str], error: str = "invalid_grant", status: int = 400) -> None:
    answer = await site.client.post("/oauth/token", data=fields)
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_an_app_is_let_in_acts_and_is_let_out_again_in_the_settings(pages: PageSite) -> None:
    site = pages.site
    ada = await site.newcomer()
    client = await register(site, client_name="Icy <cubes>", website="https://app.example")
    browser = pages.browser(ada)
    consent = await browser.see(client.address(state="s&1"))
    assert "Icy <cubes>" in consent.main.text
    assert f"@{ada.username}" in consent.main.text
    assert "do everything in your name" in consent.main.text
    answer = told(await answered(browser, client, state="s&1"))
    assert answer["state"] == "s&1"
    assert answer["from"] == "linnet", "what stood in the address stays"
    redeemed = await site.client.post("/oauth/token", data=client.redeems(answer["code"]))
    token = redeemed.json()
    assert (token["token_type"], token["scope"]) == ("Bearer", ALL)
    assert isinstance(token["created_at"], int)
    me = await ask(site, token["access_token"], "GET", ME)
    assert me.json()["username"] == ada.username

    settings = await browser.see("/settings")
    section = settings.root.one("section", id="s-apps")
    assert "Icy <cubes>" in section.text
    assert "Icy <cubes>" not in settings.root.one("section", id="s-devices").text
    out = await browser.send(section.all("form")[0])
    assert out.location == "/settings?done=apps#s-apps"
    assert await status_with(site, token["access_token"]) == 401
    assert (await browser.get("/settings")).status == 200, "the browser stays logged in"


async def test_whoever_has_to_log_in_first_comes_back_to_the_question(pages: PageSite) -> None:
    """On the way nothing keeps the app that opened it from seeing that it is still open."""
    ada = await pages.site.newcomer()
    client = await register(pages.site)
    browser = pages.browser()
    led = await browser.get(client.address(state="å %2F"))
    log_in = await browser.see(led.location)
    sent = await browser.send(log_in.form("/login"), login=ada.username, password=PASSWORD)
    consent = await browser.see(sent.location)
    assert consent.form("/oauth/authorize").fields()["state"] == "å %2F"
    for page in (led, log_in, sent, consent):
        assert page.headers["cross-origin-opener-policy"] == "unsafe-none"
    assert (await browser.get("/settings")).headers["cross-origin-opener-policy"] == "same-origin"
    assert (await pages.browser().get("/login")).headers["cross-origin-opener-policy"] == "same-origin"


async def test_the_question_cannot_be_framed_and_its_form_ends_here_or_at_the_app(busy_pages: PageSite) -> None:
    ada = await busy_pages.site.newcomer()
    for uri, place in ((CALLBACK, "https://app.example"), ("icecubesapp://", "icecubesapp:"), (OUT_OF_BAND, "")):
        client = await register(busy_pages.site, uri)
        page = await busy_pages.browser(ada).see(client.address())
        policy = [part.strip() for part in page.headers["content-security-policy"].split(";")]
        assert f"form-action 'self' {place}".rstrip() in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "uri",
    [
        OUT_OF_BAND,
        "icecubesapp://",
        "oauth2redirect://com.keylesspalace.tusky/",
        "mastodon://joinmastodon.org/oauth",
        "com.tapbots.Ivory.10217:/request_token",
        "http://localhost:5314/api/linnet.test/oauth/http%3A%2F%2Flocalhost%3A5314",
    ],
)
async def test_the_addresses_that_apps_use_are_kept_as_they_are_written(busy_pages: PageSite, uri: str) -> None:
    ada = await busy_pages.site.newcomer()
    client = await register(busy_pages.site, uri)
    page = await answered(busy_pages.browser(ada), client, state="x")
    if uri == OUT_OF_BAND:
        code = page.root.one(id="code").text
    else:
        assert page.location.startswith(f"{uri}?code=")
        code = told(page)["code"]
    answer = await busy_pages.site.client.post("/oauth/token", json=client.redeems(code))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "uri",
    [
        *("javascript:alert(1)", "data:text/html,x", "VBScript:x", "file:///etc/passwd", "//evil.test", "/back", ""),
        *("https://app.example/a b", "https://app.example/\0", "https://app.example/#part", "https://"),
        *("https://bank.test@evil.test/", "https:app.example", "app example://x", "https://app.example/" + "a" * 3000),
        *("https:/evil.test", "https:\\\\evil.test", "https://app.example/ü"),
    ],
)
async def test_no_app_registers_an_address_that_is_none_or_hides_where_it_leads(busy_site: Site, uri: str) -> None:
    answer = await busy_site.ask("POST", "/api/v1/apps", {"client_name": "x", "redirect_uris": [uri]})
    # What has a blank in it are two addresses, and one of them is none.
    assert answer.status_code == 422, answer.text
    assert "redirect_uris" in answer.json()["details"]


async def test_an_app_says_its_name_and_scopes_that_there_are(busy_site: Site) -> None:
    for wrong in (
        {"client_name": ""},
        {"client_name": "a\u202eb"},
        {"scopes": "read admin:write"},
        {"website": "ftp://x"},
    ):
        wish = {"client_name": "x", "redirect_uris": OUT_OF_BAND, **wrong}
        answer = await busy_site.client.post("/api/v1/apps", data=wish)
        assert answer.status_code == 422, (wrong, answer.text)
    many = await busy_site.ask("POST", "/api/v1/apps/", {"client_name": "x", "redirect_uris": [OUT_OF_BAND, CALLBACK]})
    assert many.json()["redirect_uris"] == [OUT_OF_BAND, CALLBACK]
    assert many.json()["scopes"] == ["read"]
    parts = {"client_name": (None, "x"), "redirect_uris": (None, f"{OUT_OF_BAND}\n{CALLBACK}")}
    form = await busy_site.client.post("/api/v1/apps", files=parts)
    assert form.json()["redirect_uris"] == [OUT_OF_BAND, CALLBACK]


async def test_nobody_is_led_to_an_address_that_the_app_did_not_register(busy_pages: PageSite) -> None:
    ada = await busy_pages.site.newcomer()
    client = await register(busy_pages.site)
    browser = busy_pages.browser(ada)
    form = (await browser.see(client.address())).form("/oauth/authorize").fields()
    for uri in (
        *(CALLBACK.upper(), CALLBACK + "&x=1", CALLBACK + "/", CALLBACK[:-1], CALLBACK.replace("https", "http"), ""),
        *("https://app.example.evil.test/back", "https://app.example:444/back?from=linnet", OUT_OF_BAND, "//evil.test"),
    ):
        assert (await browser.get(client.address(redirect_uri=uri))).status == 422, uri
        sent = await browser.post("/oauth/authorize", {**form, "redirect_uri": uri, "answer": "yes"})
        assert sent.status == 422, uri
        assert "location" not in sent.headers


async def test_nobody_is_led_to_any_app_before_they_answered(busy_pages: PageSite) -> None:
    """Anybody can register an app: a redirect without a click would lead people wherever a stranger likes."""
    ada = await busy_pages.site.newcomer()
    client = await register(busy_pages.site, scopes="read")
    wrong = (
        *({"response_type": "token"}, {"response_type": ""}, {"scope": "read write"}, {"scope": "everything"}),
        *({"code_challenge": "x", "code_challenge_method": "S256"}, {"code_challenge": "x" * 43}),
        *({"code_challenge": "x" * 43, "code_challenge_method": "plain"}, {"state": "x" * 3000}, {"client_id": "1"}),
        *({"client_id": ""}, {"client_id": "9" * 40}, {"client_id": "²"}),
    )
    for changed in wrong:
        for browser in (busy_pages.browser(), busy_pages.browser(ada)):
            page = await browser.get(client.address(**changed))
            assert page.status == 422, changed
            assert "location" not in page.headers
    # Also when all of it is right.
    assert (await busy_pages.browser().get(client.address())).location.startswith("/login?next=")
    assert (await busy_pages.browser(ada).get(client.address())).status == 200


async def test_a_no_is_told_and_comes_to_nothing(busy_pages: PageSite) -> None:
    ada = await busy_pages.site.newcomer()
    client = await register(busy_pages.site)
    answer = told(await answered(busy_pages.browser(ada), client, "no", state="7"))
    assert (answer["error"], answer["state"], "code" in answer) == ("access_denied", "7", False)
    own = await register(busy_pages.site, OUT_OF_BAND)
    assert (await answered(busy_pages.browser(ada), own, "no")).location == "/settings#s-apps"


async def test_another_site_cannot_say_yes_for_somebody(busy_pages: PageSite) -> None:
    ada, ben = await busy_pages.site.newcomer(), await busy_pages.site.newcomer()
    client = await register(busy_pages.site)
    browser = busy_pages.browser(ada)
    fields = {**(await browser.see(client.address())).form("/oauth/authorize").fields(), "answer": "yes"}
    of_ben = (await busy_pages.browser(ben).see(client.address())).form("/oauth/authorize").fields()["csrf"]
    for changed, headers in (
        ({"csrf": ""}, {}),
        ({"csrf": of_ben}, {}),
        ({}, {"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example"}),
    ):
        sent = await browser.post("/oauth/authorize", {**fields, **changed}, headers=headers)
        assert (sent.status, "location" in sent.headers) == (403, False)
    # An address alone does nothing.
    assert (await browser.get(f"/oauth/authorize?{urlencode(fields)}")).status == 200


async def test_a_code_is_good_once_and_the_second_time_takes_back_what_the_first_gave(busy_pages: PageSite) -> None:
    site = busy_pages.site
    ada = await site.newcomer()
    client = await register(site)
    code = await code_of(busy_pages, ada, client)
    token = (await site.client.post("/oauth/token", data=client.redeems(code))).json()["access_token"]
    assert await status_with(site, token) == 200
    await refused(site, client.redeems(code))
    site.services.viewers.forget_all()
    assert await status_with(site, token) == 401
    assert (await busy_pages.browser(ada).get("/settings")).status == 200


async def test_of_two_who_come_with_one_code_at_once_none_keeps_a_token(busy_pages: PageSite) -> None:
    site = busy_pages.site
    client = await register(site)
    code = await code_of(busy_pages, await site.newcomer(), client)
    both = await asyncio.gather(*(site.client.post("/oauth/token", data=client.redeems(code)) for _ in range(4)))
    assert sorted(answer.status_code for answer in both) == [200, 400, 400, 400]
    [token] = [answer.json()["access_token"] for answer in both if answer.status_code == 200]
    site.services.viewers.forget_all()
    assert await status_with(site, token) == 401


async def test_a_code_is_of_no_use_to_anybody_else(busy_pages: PageSite) -> None:
    site = busy_pages.site
    ada = await site.newcomer()
    client, other = await register(site), await register(site)
    verifier, challenge = proof()
    proven = {"code_challenge": challenge, "code_challenge_method": "S256"}
    wrong: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, other.credentials()),
        ({}, {"redirect_uri": "https://evil.test/"}),
        ({}, {"redirect_uri": ""}),
        # Whoever caught the code on its way does not know what the app knows.
        (proven, {}),
        (proven, {"code_verifier": ""}),
        (proven, {"code_verifier": challenge}),
        (proven, {"code_verifier": proof()[0]}),
        # The challenge was taken out on the way.
        ({}, {"code_verifier": verifier}),
    ]
    for asked, brought in wrong:
        code = await code_of(busy_pages, ada, client, **asked)
        await refused(site, client.redeems(code, **brought))
        # It was seen by somebody else: it is good for nobody any more.
        good = {"code_verifier": verifier} if asked else {}
        await refused(site, client.redeems(code, **good))
    code = await code_of(busy_pages, ada, client, **proven)
    good_answer = await site.client.post("/oauth/token", data=client.redeems(code, code_verifier=verifier))
    assert good_answer.status_code == 200
    for nonsense in ("", "x", "ü", code[:-1], ada.token):
        await refused(site, client.redeems(nonsense))


async def test_a_code_is_good_for_ten_minutes(busy_pages: PageSite) -> None:
    site = busy_pages.site
    client = await register(site)
    code = await code_of(busy_pages, await site.newcomer(), client)
    now_ms = site.world.write.clock.now_ms()
    with psycopg.connect(site.world.db.options.url, autocommit=True) as connection:
        left = connection.execute("select expires_ms from oauth_codes where app_id = %s", [int(client.id)]).fetchone()
        assert left is not None
        assert 0 < left[0] - now_ms <= 600_000
        connection.execute("update oauth_codes set expires_ms = %s where app_id = %s", [now_ms, int(client.id)])
    await refused(site, client.redeems(code))


async def test_the_app_says_who_it_is_in_the_header_or_in_the_body(busy_pages: PageSite) -> None:
    site = busy_pages.site
    ada = await site.newcomer()
    client = await register(site)
    basic = httpx.BasicAuth(client.id, client.secret)
    fields = client.redeems(await code_of(busy_pages, ada, client))
    del fields["client_id"], fields["client_secret"]
    assert (await site.client.post("/oauth/token", data=fields, auth=basic)).status_code == 200
    code = await code_of(busy_pages, ada, client)
    for wrong in ({"client_secret": ""}, {"client_secret": "x" * 64}, {"client_id": "1"}, {"client_id": "x"}):
        await refused(site, client.redeems(code, **wrong), "invalid_client", 401)
    twice = await site.client.post("/oauth/token", data=client.redeems(code), auth=basic)
    assert twice.json()["error"] == "invalid_request"
    # A secret in an address is read by everybody on the way.
    in_address = await site.client.post(f"/oauth/token?{urlencode(client.redeems(code))}")
    assert in_address.status_code == 401
    await refused(site, {**client.credentials(), "grant_type": "password"}, "unsupported_grant_type")
    assert (await site.client.post("/oauth/token", data=client.redeems(code))).status_code == 200


async def test_no_app_gets_more_than_it_registered_for_and_the_person_saw(busy_pages: PageSite) -> None:
    site = busy_pages.site
    ada = await site.newcomer()
    client = await register(site, scopes="read write:statuses")
    for wanted in ("write", "read write", "follow", "push", "write:accounts"):
        assert (await busy_pages.browser(ada).get(client.address(scope=wanted))).status == 422, wanted
    code = await code_of(busy_pages, ada, client, scope="read:statuses")
    answer = await site.client.post("/oauth/token", data=client.redeems(code, scope="read write:statuses"))
    assert answer.json()["scope"] == "read:statuses"
    token = answer.json()["access_token"]
    assert await status_with(site, token) == 403
    posted = await ask(site, token, "POST", "/api/v1/statuses", data={"status": "x"})
    assert (posted.status_code, posted.json()) == (403, {"error": "This action is outside the authorized scopes"})
    assert (await ask(site, token, "GET", "/api/v1/timelines/home")).status_code == 200
    more = {**client.credentials(), "grant_type": "client_credentials", "scope": "write"}
    await refused(site, more, "invalid_scope")


async def test_an_app_in_somebodys_name_is_not_them(busy_pages: PageSite) -> None:
    """The interface of linnet itself and the pages take the tokens of log-ins alone, whatever an app may do."""
    site = busy_pages.site
    token = await token_for(busy_pages, await site.newcomer())
    scene = await set_scene(site)
    assert await status_with(site, token) == 200
    for endpoint in ENDPOINTS:
        if endpoint.access == "everyone":
            continue
        path, body = filled(endpoint, OWN_ROWS[endpoint.operation_id], scene)
        headers = {"Content-Type": "application/json"} if endpoint.body is not None else {}
        content = msgspec.json.encode(body) if endpoint.body is not None else b""
        answer = await ask(site, token, endpoint.method, path, headers=headers, content=content)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), endpoint.operation_id
    browser = busy_pages.browser()
    browser.client.cookies.set(COOKIE, token, domain="linnet.test", path="/")
    assert (await browser.get("/settings")).location.startswith("/login")
    assert (await browser.get((await register(site)).address())).location.startswith("/login")


async def test_what_ends_a_log_in_ends_an_app(busy_pages: PageSite) -> None:
    site = busy_pages.site
    for number, end in enumerate(("password", "account", "session", "revoke")):
        ada = await site.newcomer()
        client = await register(site)
        redeemed = await site.client.post("/oauth/token", data=client.redeems(await code_of(busy_pages, ada, client)))
        token, waiting = redeemed.json()["access_token"], await code_of(busy_pages, ada, client)
        assert await status_with(site, token) == 200
        sessions = (await site.ask("GET", "/api/sessions", by=ada)).json()["items"]
        [app] = [session for session in sessions if session["scopes"] is not None]
        match end:
            case "password":
                change = {"old_password": PASSWORD, "new_password": f"another feather {number}"}
                assert (await site.ask("POST", "/api/me/password", change, by=ada)).status_code == 204
            case "account":
                assert (await site.ask("DELETE", "/api/me", {"password": PASSWORD}, by=ada)).status_code == 204
            case "session":
                assert (await site.ask("DELETE", f"/api/sessions/{app['id']}", by=ada)).status_code == 204
            case "revoke":
                fields = {**client.credentials(), "token": token}
                assert (await site.client.post("/oauth/revoke", data=fields)).json() == {}
                assert (await site.client.post("/oauth/revoke", json=fields)).json() == {}
        site.services.viewers.forget_all()
        assert await status_with(site, token) == 401, end
        if end in ("password", "account"):
            # What was granted before, and not fetched yet, went with it.
            await refused(site, client.redeems(waiting))


async def test_an_app_takes_back_its_own_tokens_alone(busy_pages: PageSite) -> None:
    site = busy_pages.site
    ada = await site.newcomer()
    token, other = await token_for(busy_pages, ada), await register(site)
    for theirs in (token, ada.token, "", "x", "ü"):
        answer = await site.client.post("/oauth/revoke", data={**other.credentials(), "token": theirs})
        assert answer.status_code == (200 if theirs else 400)
    assert (await site.client.post("/oauth/revoke", data={"token": token})).status_code == 401
    site.services.viewers.forget_all()
    assert await status_with(site, token) == 200
    assert (await site.ask("GET", "/api/me", by=ada)).status_code == 200


async def test_an_apps_own_token_names_nobody(busy_site: Site) -> None:
    client = await register(busy_site)
    fields = {**client.credentials(), "grant_type": "client_credentials"}
    first, again = [(await busy_site.client.post("/oauth/token", data=fields)).json() for _ in range(2)]
    assert first == again
    token = first["access_token"]
    named = await ask(busy_site, token, "GET", "/api/v1/apps/verify_credentials")
    assert named.json()["id"] == client.id
    assert (await ask(busy_site, token, "GET", "/api/v1/timelines/public")).status_code == 200
    person = await ask(busy_site, token, "GET", ME)
    assert (person.status_code, person.json()) == (422, {"error": "This method requires an authenticated user"})
    await busy_site.client.post("/oauth/revoke", data={**client.credentials(), "token": token})
    assert (await ask(busy_site, token, "GET", "/api/v1/timelines/public")).status_code == 401
    new = (await busy_site.client.post("/oauth/token", data=fields)).json()["access_token"]
    assert new != token
    assert (await ask(busy_site, new, "GET", "/api/v1/timelines/public")).status_code == 200


async def test_neither_secrets_nor_tokens_nor_codes_are_stored(pages: PageSite) -> None:
    site = pages.site
    ada = await site.newcomer()
    client = await register(site)
    used, waiting = await code_of(pages, ada, client), await code_of(pages, ada, client)
    token = (await site.client.post("/oauth/token", data=client.redeems(used))).json()["access_token"]
    own = {**client.credentials(), "grant_type": "client_credentials"}
    of_app = (await site.client.post("/oauth/token", data=own)).json()["access_token"]
    stored = "\n".join(map(str, dump_postgres(site.world.db.options.url)))
    for secret in (client.secret, used, waiting, token, of_app):
        assert secret not in stored


async def test_a_library_that_knows_oauth_and_nothing_of_linnet_gets_in(pages: PageSite) -> None:
    """Authlib finds everything in the metadata, proves itself by PKCE and a header, and takes its token back."""
    site = pages.site
    ada = await site.newcomer()
    made = await register(site)
    metadata = (await site.client.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    transport = httpx.ASGITransport(app=ending_streams(pages.app))
    async with AsyncOAuth2Client(
        made.id, made.secret, scope="read", redirect_uri=CALLBACK, code_challenge_method="S256", transport=transport
    ) as library:
        verifier = "v" * 50
        address, state = library.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
        parts = urlsplit(address)
        browser = pages.browser(ada)
        form = (await browser.see(f"{parts.path}?{parts.query}")).form("/oauth/authorize")
        page = await browser.post("/oauth/authorize", {**form.fields(), "answer": "yes"})
        assert parse_qs(urlsplit(page.location).query)["state"] == [state]
        token = await library.fetch_token(
            metadata["token_endpoint"], authorization_response=page.location, code_verifier=verifier
        )
        assert token["scope"] == "read"
        assert (await library.get(f"http://linnet.test{ME}")).json()["username"] == ada.username
        await library.revoke_token(metadata["revocation_endpoint"], token=token["access_token"])
        site.services.viewers.forget_all()
        assert (await library.get(f"http://linnet.test{ME}")).status_code == 401


async def test_apps_that_nobody_let_in_are_forgotten_after_some_days(site: Site) -> None:
    old, used, new = await register(site), await register(site), await register(site)
    fields = {**used.credentials(), "grant_type": "client_credentials"}
    assert (await site.client.post("/oauth/token", data=fields)).status_code == 200
    with psycopg.connect(site.world.db.options.url, autocommit=True) as connection:
        week = 8 * 86_400_000 << 16
        for client in (old, used):
            connection.execute("update apps set id = id - %s where id = %s", [week, int(client.id)])
        await prune.run(site.world.write, {})
        found = {row[0] for row in connection.execute("select id from apps")}
    assert found == {int(used.id) - week, int(new.id)}
