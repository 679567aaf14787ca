"""Every page, for a stranger, for whom it is about, and for somebody else; and every form, refused and sent."""

from collections.abc import Callable

import msgspec

from linnet.web.app import PAGES
from tests.http.app_world import PASSWORD, Person, Site
from tests.http.mastodon_calls import KEYS
from tests.http.page_world import Browser, Page, PageSite


class Scene(msgspec.Struct, frozen=True):
    """ada wrote ``tweet``, ben answered it with ``reply`` and follows her; nobody knows cleo.

    ``list`` and ``filter`` are ada's, and ``direct`` is what she wrote to herself.
    """

    ada: Person
    ben: Person
    cleo: Person
    tweet: str
    reply: str
    list: str
    filter: str
    waits: str
    direct: str


class Row(msgspec.Struct, frozen=True):
    """What an address answers: to a stranger, to ada, whose tweet and page it is, and to ben."""

    route: str
    path: str
    stranger: int
    ada: int
    ben: int
    fields: Callable[[Scene], dict[str, str]] = lambda scene: {}

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]


def _public(route: str, path: str = "") -> Row:
    return Row(route, path or route.partition(" ")[2], 200, 200, 200)


def _own(route: str, path: str = "") -> Row:
    return Row(route, path or route.partition(" ")[2], 303, 200, 200)


def _form(route: str, path: str = "", ada: int = 303, ben: int = 303, **fields: str) -> Row:
    return Row(route, path or route.partition(" ")[2], 303, ada, ben, lambda scene: fields)


ROWS = (
    _public("GET /"),
    _public("GET /everyone"),
    _public("GET /about"),
    _public("GET /explore"),
    _public("GET /explore/top-users"),
    _public("GET /explore/top-users/people"),
    _public("GET /search", "/search?q=bread"),
    _public("GET /tags/{tag}", "/tags/bread"),
    _public("GET /{handle}", "/@ada"),
    _public("GET /{handle}/replies", "/@ada/replies"),
    _public("GET /{handle}/pictures", "/@ada/pictures"),
    _public("GET /{handle}/likes", "/@ada/likes"),
    _public("GET /{handle}/followers", "/@ada/followers"),
    _public("GET /{handle}/following", "/@ada/following"),
    _public("GET /{handle}/recommends", "/@ada/recommends"),
    _public("GET /{handle}/{tweet_id}", "/@ada/TWEET"),
    _public("GET /tweets/{tweet_id}/likes", "/tweets/TWEET/likes"),
    _public("GET /tweets/{tweet_id}/retweets", "/tweets/TWEET/retweets"),
    Row("GET /tweets/{tweet_id}", "/tweets/TWEET", 303, 303, 303),
    Row("GET /signup", "/signup", 200, 303, 303),
    Row("GET /login", "/login", 200, 303, 303),
    Row("GET /logout", "/logout", 303, 303, 303),
    # Without an app, there is nobody to let in; test_oauth.py has all others.
    Row("GET /oauth/authorize", "/oauth/authorize", 422, 422, 422),
    _form("POST /oauth/authorize", ada=422, ben=422),
    _own("GET /compose"),
    _own("GET /tweets"),
    _own("GET /notifications"),
    _own("GET /messages"),
    _own("GET /bookmarks"),
    _own("GET /scheduled"),
    _own("GET /follow-requests"),
    _own("GET /lists"),
    _own("GET /followed-tags"),
    _own("GET /settings/filters"),
    Row("GET /settings/filters/{filter_id}", "/settings/filters/FILTER", 303, 200, 404),
    # Nobody sees another's.
    *(Row(f"GET /lists/{{list_id}}{part}", f"/lists/LIST{part}", 303, 200, 404) for part in ("", "/members", "/edit")),
    _own("GET /users/{user_id}/lists", "/users/ADA/lists"),
    _own("GET /settings"),
    _own("GET /settings/blocked"),
    _own("GET /settings/muted"),
    Row("GET /tweets/{tweet_id}/delete", "/tweets/TWEET/delete", 303, 200, 403),
    Row("GET /tweets/{tweet_id}/edit", "/tweets/TWEET/edit", 303, 200, 403),
    _public("GET /tweets/{tweet_id}/history", "/tweets/TWEET/history"),
    Row("GET /notifications/read", "/notifications/read", 303, 303, 303),
    *(
        Row(f"GET /settings/{name}", f"/settings/{name}", 303, 303, 303)
        for name in (
            *(
                "profile",
                "followers",
                "writing",
                "avatar",
                "avatar/remove",
                "header",
                "header/remove",
                "password",
                "devices",
            ),
            *("tags", "tags/remove", "leave", "push", "push/off"),
        )
    ),
    _public("GET /static/{version}/{name}", "/static/now/linnet.css"),
    _public("GET /static/{name}", "/static/linnet.css"),
    _public("GET /worker.js"),
    _public("GET /favicon.ico"),
    _public("GET /apple-touch-icon.png"),
    _public("GET /offline"),
    _public("GET /robots.txt"),
    _own("GET /fragments/newer", "/fragments/newer?after=1"),
    _own("GET /fragments/edited", "/fragments/edited?ids=TWEET"),
    _own("GET /fragments/news"),
    _own("GET /fragments/everyone"),
    _own("GET /stream"),
    Row(
        "POST /signup",
        "/signup",
        303,
        409,
        409,
        lambda scene: {"username": "dora", "email": "dora@example.com", "password": PASSWORD},
    ),
    Row("POST /login", "/login", 303, 303, 303, lambda scene: {"login": "cleo", "password": PASSWORD}),
    _form("POST /tweets", text="the crust sings", once="1"),
    _form("POST /tweets/{tweet_id}/edit", "/tweets/TWEET/edit", ben=403, text="the crust sang", once="1"),
    _form("POST /tweets/{tweet_id}/like", "/tweets/TWEET/like"),
    _form("POST /tweets/{tweet_id}/unlike", "/tweets/TWEET/unlike"),
    _form("POST /tweets/{tweet_id}/bookmark", "/tweets/TWEET/bookmark"),
    _form("POST /tweets/{tweet_id}/unbookmark", "/tweets/TWEET/unbookmark"),
    _form("POST /tweets/{tweet_id}/silence", "/tweets/TWEET/silence"),
    _form("POST /tweets/{tweet_id}/unsilence", "/tweets/TWEET/unsilence"),
    _form("POST /messages/{conversation_id}/read", "/messages/DIRECT/read", ben=404),
    # Quiet about what there is not.
    _form("POST /messages/{conversation_id}/hide", "/messages/DIRECT/hide"),
    # There is no poll in it: tests/http/test_polls_on_pages.py.
    _form("POST /tweets/{tweet_id}/vote", "/tweets/TWEET/vote", ada=404, ben=404),
    _form("POST /fragments/tweets/{tweet_id}/vote", "/fragments/tweets/TWEET/vote", ada=404, ben=404),
    _form("POST /tweets/{tweet_id}/retweet", "/tweets/TWEET/retweet"),
    _form("POST /tweets/{tweet_id}/unretweet", "/tweets/TWEET/unretweet"),
    _form("POST /tweets/{tweet_id}/pin", "/tweets/TWEET/pin", ben=404),
    _form("POST /tweets/{tweet_id}/unpin", "/tweets/TWEET/unpin", ben=404),
    _form("POST /users/{user_id}/follow", "/users/ADA/follow", ada=422),
    _form("POST /users/{user_id}/unfollow", "/users/ADA/unfollow", ada=422),
    _form("POST /users/{user_id}/endorse", "/users/ADA/endorse", ada=422, ben=422),
    _form("POST /users/{user_id}/unendorse", "/users/ADA/unendorse"),
    _form("POST /users/{user_id}/not-interested", "/users/ADA/not-interested"),
    _form("POST /users/{user_id}/mute", "/users/ADA/mute", ada=422),
    _form("POST /users/{user_id}/mute-for-a-day", "/users/ADA/mute-for-a-day", ada=422),
    _form("POST /users/{user_id}/unmute", "/users/ADA/unmute", ada=422),
    _form("POST /users/{user_id}/remove-follower", "/users/ADA/remove-follower", ada=422),
    _form("POST /users/{user_id}/accept", "/users/ADA/accept", ada=422),
    _form("POST /users/{user_id}/refuse", "/users/ADA/refuse", ada=422),
    _own("GET /users/{user_id}/report", "/users/ADA/report?tweet=TWEET"),
    _form("POST /users/{user_id}/report", "/users/ADA/report", ada=422, category="spam", comment="crumbs"),
    _form("POST /users/{user_id}/note", "/users/ADA/note", note="bakes"),
    _form("POST /settings/tags", tag="bread"),
    _form("POST /scheduled/{scheduled_id}/time", "/scheduled/WAITS/time", ben=404, later="2030-01-01T12:00"),
    _form("POST /scheduled/{scheduled_id}/delete", "/scheduled/WAITS/delete", ben=404),
    _form("POST /settings/writing", visibility="private", language="en"),
    _form("POST /tags/{tag}/follow", "/tags/bread/follow"),
    _form("POST /tags/{tag}/unfollow", "/tags/bread/unfollow"),
    _form("POST /settings/tags/remove", tag="bread"),
    _form("POST /settings/filters", title="Rain", words="rain", at_home="on"),
    _form(
        "POST /settings/filters/{filter_id}",
        "/settings/filters/FILTER",
        ben=404,
        title="Snow",
        action="hide",
        at_home="on",
    ),
    _form("POST /settings/filters/{filter_id}/delete", "/settings/filters/FILTER/delete", ben=404),
    _form("POST /lists", title="Bread"),
    _form("POST /lists/{list_id}/edit", "/lists/LIST/edit", ben=404, title="Rolls"),
    Row(
        "POST /lists/{list_id}/members",
        "/lists/LIST/members",
        303,
        303,
        404,
        lambda scene: {"user_id": scene.ada.id},
    ),
    _form("POST /lists/{list_id}/delete", "/lists/LIST/delete", ben=404),
    _form("POST /notifications/read", up_to="1"),
    _form("POST /settings/profile", name="A", bio="", location="", phone=""),
    _form("POST /settings/followers"),
    _form("POST /settings/avatar", ada=422, ben=422),
    _form("POST /settings/avatar/remove"),
    _form("POST /settings/header", ada=422, ben=422),
    _form("POST /settings/header/remove"),
    _form("POST /settings/password", ada=403, ben=403, old_password="not this one", new_password="two feathers"),
    _form("POST /settings/devices", session_id="1"),
    _form("POST /settings/push", endpoint="https://push.example.org/1", p256dh=KEYS["p256dh"], auth=KEYS["auth"]),
    _form("POST /settings/push/off"),
    _form("POST /fragments/tweets", ada=200, ben=200, text="soup", once="2"),
    _form("POST /tweets/{tweet_id}/delete", "/tweets/TWEET/delete", ben=403, sure="yes"),
    _form("POST /users/{user_id}/block", "/users/ADA/block", ada=422),
    _form("POST /users/{user_id}/unblock", "/users/ADA/unblock", ada=422),
    _form("POST /settings/leave", ada=403, ben=403, password="not this one"),
    _form("POST /logout"),
)
ANYBODY = ("POST /signup", "POST /login")


async def set_scene(site: Site) -> Scene:
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    tweet = (await site.post(ada, "fresh #bread for @ben"))["id"]
    reply = (await site.post(ben, "at last", reply_to=tweet))["id"]
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    note = {"text": "sourdough", "visibility": "direct"}
    direct = (await site.ask("POST", "/api/tweets", note, by=ada)).json()["id"]
    await site.settle()
    made = (await site.ask("POST", "/api/lists", {"title": "Bread"}, by=ada)).json()["id"]
    wish = {"title": "Wind", "contexts": ["home"]}
    filtering = (await site.ask("POST", "/api/filters", wish, by=ada)).json()["id"]
    later = {"status": "Buns", "scheduled_at": "2030-01-01T09:00:00Z"}
    waits = (await site.ask("POST", "/api/v1/statuses", later, by=ada)).json()["id"]
    return Scene(ada, ben, cleo, tweet, reply, made, filtering, waits, direct)


def _path_of(row: Row, scene: Scene) -> str:
    path = row.path.replace("TWEET", scene.tweet).replace("ADA", scene.ada.id)
    path = path.replace("DIRECT", scene.direct)
    return path.replace("LIST", scene.list).replace("FILTER", scene.filter).replace("WAITS", scene.waits)


async def _play(row: Row, scene: Scene, browser: Browser, fields: dict[str, str], **headers: str) -> Page:
    path = _path_of(row, scene)
    if row.method == "GET":
        return await browser.get(path, headers=headers)
    return await browser.post(path, fields, headers=headers)


def test_every_route_stands_in_the_table() -> None:
    assert sorted(row.route for row in ROWS) == sorted(f"{page.method} {page.path}" for page in PAGES)


async def test_strangers_see_what_is_public_and_are_led_to_the_log_in(pages: PageSite) -> None:
    scene = await set_scene(pages.site)
    for row in ROWS:
        page = await _play(row, scene, pages.browser(), row.fields(scene))
        assert page.status == row.stranger, f"{row.route}: {page.status}"
        if page.status == 303 and row.route not in (*ANYBODY, "GET /logout", "GET /tweets/{tweet_id}"):
            assert page.location.startswith("/login?next="), row.route
            assert "Set-Cookie" not in page.headers


async def test_whoever_is_logged_in_sees_everything_of_theirs(pages: PageSite) -> None:
    scene = await set_scene(pages.site)
    browser = pages.browser(scene.ada)
    csrf = await browser.csrf()
    # ada's tweet goes last but for what needs none.
    for row in ROWS:
        if row.route in ANYBODY:
            continue
        page = await _play(row, scene, browser, {"csrf": csrf, **row.fields(scene)})
        assert page.status == row.ada, f"{row.route}: {page.status} {page.root.text}"


async def test_others_may_look_at_it_and_change_nothing(pages: PageSite) -> None:
    scene = await set_scene(pages.site)
    browser = pages.browser(scene.ben)
    csrf = await browser.csrf()
    for row in ROWS:
        if row.route in ANYBODY:
            continue
        page = await _play(row, scene, browser, {"csrf": csrf, **row.fields(scene)})
        assert page.status == row.ben, f"{row.route}: {page.status} {page.root.text}"


async def test_a_form_without_its_token_is_refused(pages: PageSite) -> None:
    scene = await set_scene(pages.site)
    browser, other = pages.browser(scene.ada), pages.browser(scene.ben)
    foreign = await other.csrf()
    for row in ROWS:
        if row.method == "GET" or row.route in ANYBODY:
            continue
        for token in ({"back": "/"}, {"csrf": ""}, {"csrf": "x" * 86}, {"csrf": "é"}, {"csrf": foreign}):
            fields = {**row.fields(scene), **token}
            page = await _play(row, scene, browser, fields)
            assert page.status == 403, f"{row.route}: {page.status}"
    assert (await browser.see(f"/@ada/{scene.tweet}")).status == 200


async def test_a_form_from_another_site_is_refused_whatever_it_carries(pages: PageSite) -> None:
    scene = await set_scene(pages.site)
    stranger, browser = pages.browser(), pages.browser(scene.ada)
    csrf = await browser.csrf()
    for row in ROWS:
        if row.method == "GET":
            continue
        sender = stranger if row.route in ANYBODY else browser
        fields = {"csrf": csrf, **row.fields(scene)}
        for site in ("cross-site", "same-site"):
            page = await _play(row, scene, sender, fields, **{"Sec-Fetch-Site": site})
            assert page.status == 403, f"{row.route}: {page.status}"
            assert "Set-Cookie" not in page.headers


async def test_an_old_browser_is_judged_by_the_origin_that_it_names(pages: PageSite) -> None:
    await pages.site.sign_up("ada")
    stranger = pages.browser()
    fields = {"login": "ada", "password": PASSWORD}
    for origin, status in (("https://evil.test", 403), ("null", 403), ("http://linnet.test", 303)):
        answer = await stranger.client.post("/login", data=fields, headers={"Origin": origin})
        assert answer.status_code == status, origin


async def test_every_page_answers_to_head_as_to_get_but_without_a_body(pages: PageSite) -> None:
    scene = await set_scene(pages.site)
    browser = pages.browser(scene.ada)
    for row in ROWS:
        if row.method != "GET":
            continue
        path = _path_of(row, scene)
        head = await browser.client.head(path)
        assert head.status_code == row.ada, row.route
        assert head.content == b""
