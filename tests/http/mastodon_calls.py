"""A call of every route of the Mastodon API, about things that are there; and what of it linnet does not answer."""

from typing import Any

import msgspec

from linnet.api.mastodon.endpoints import Route
from linnet.api.mastodon.routes import ROUTES
from tests.http.app_world import Person, Site
from tests.http.mastodon_published import published, without_names
from tests.support.drawn import encoded, quarters

# Answered by a page.
PAGES = ("GET /oauth/authorize",)


def not_yet() -> list[str]:
    """What is published and not answered here: named so that nobody looks for it."""
    there = {(route.method, without_names(route.path)) for route in ROUTES}
    return [
        endpoint.name
        for place, endpoint in published().endpoints.items()
        if place not in there and endpoint.name not in PAGES
    ]


_FORM_TYPE = {"Content-Type": "multipart/form-data; boundary=b"}
_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    + encoded(quarters(8, 6), "PNG")
    + b"\r\n--b--\r\n"
)
# Nobody waits for it.
LATER = "2030-01-01T12:00:00.000Z"
# Of RFC 8291, Appendix A. Nobody is behind the address.
KEYS = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
SUBSCRIPTION = {
    "subscription": {"endpoint": "https://push.example.org/ada", "keys": KEYS},
    "data": {"alerts": {"mention": True}},
}
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/accounts": {
        "username": "signed_up_by_app",
        "email": "signed_up_by_app@example.com",
        "password": "a window full of finches",
        "agreement": True,
        "locale": "en",
    },
    "POST /api/v1/statuses": {"status": "Crumbs"},
    "POST /api/v1/push/subscription": SUBSCRIPTION,
    "PUT /api/v1/push/subscription": {"data": {"alerts": {"mention": False}, "policy": "followed"}},
    "PUT /api/v1/scheduled_statuses/{id}": {"scheduled_at": LATER},
    "POST /api/v1/filters": {"phrase": "Cakes", "context": ["home"]},
    "PATCH /api/v1/profile": {"note": "Bakes"},
    "POST /api/v1/polls/{id}/votes": {"choices": ["1"]},
    "PUT /api/v1/statuses/{id}": {"status": "Crumbs, and no more"},
    "POST /api/v1/markers": {"home": {"last_read_id": "1"}},
    "PATCH /api/v1/accounts/update_credentials": {"note": "Bakes"},
    "POST /api/v1/reports": {"account_id": "OTHER", "comment": "Crumbs"},
    "POST /api/v1/lists": {"title": "Bakers"},
    "POST /api/v1/featured_tags": {"name": "crust"},
    "POST /api/v2/filters": {"title": "Cakes", "context": ["home"]},
    "POST /api/v2/filters/{filter_id}/keywords": {"keyword": "pie"},
    "PUT /api/v2/filters/keywords/{id}": {"keyword": "tart"},
    "POST /api/v1/apps": {"client_name": "x", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob"},
}
QUERIES: dict[str, str] = {
    "GET /api/v1/accounts/lookup": "?acct=USERNAME",
    "GET /api/v1/accounts/search": "?q=USERNAME",
    "GET /api/v2/search": "?q=bread",
    "GET /api/v1/accounts/relationships": "?id[]=OTHER",
    "GET /api/v1/accounts": "?id[]=OTHER",
    "GET /api/v1/accounts/familiar_followers": "?id[]=OTHER",
    "GET /api/v1/statuses": "?id[]=STATUS",
    "GET /.well-known/webfinger": "?resource=acct:USERNAME@linnet.test",
    "GET /api/oembed": "?url=http://linnet.test/@ADA/STATUS",
    "GET /api/v1/streaming/hashtag": "?tag=bread",
    "GET /api/v1/streaming/hashtag/local": "?tag=bread",
    "GET /api/v1/streaming/list": "?list=LIST",
    "POST /api/v2/filters/{filter_id}/statuses": "?status_id=STATUS",
}


class Place(msgspec.Struct, frozen=True):
    """ada wrote ``status``, and ben likes it; ``told`` is what she was told of that; ``media`` is hers.

    ``list`` and ``filter`` are hers; in this are ``keyword`` and the status, which is ``named`` there.
    ``featured`` is a tag on her page, ``scheduled`` what she posts later, ``direct`` what she wrote to herself,
    and ``poll`` is a stranger's.
    """

    ada: Person
    ben: Person
    status: str
    told: str
    media: str
    list: str
    filter: str
    keyword: str
    named: str
    featured: str
    poll: str
    scheduled: str
    direct: str


async def set_place(site: Site) -> Place:
    ada, ben = await site.newcomer(), await site.newcomer()
    status = (await site.post(ada, "Fresh #bread"))["id"]
    answered = await site.ask("PUT", f"/api/tweets/{status}/like", by=ben)
    assert answered.status_code == 200
    note = {"status": "Yeast", "visibility": "direct"}
    direct = (await site.ask("POST", "/api/v1/statuses", note, by=ada)).json()["id"]
    await site.settle()
    [told] = (await site.ask("GET", "/api/v1/notifications", by=ada)).json()
    # Whoever follows already can be let in once more.
    for follower, followed in ((ben, ada), (ada, ben)):
        assert (await site.ask("PUT", f"/api/users/{followed.id}/follow", by=follower)).status_code == 200
    media = await site.ask("POST", "/api/v2/media", by=ada, content=_FORM, headers=_FORM_TYPE)
    made = (await site.ask("POST", "/api/lists", {"title": "Bread"}, by=ada)).json()["id"]
    wish = {"title": "Rain", "context": ["home"], "keywords_attributes": [{"keyword": "rain"}]}
    filtering = (await site.ask("POST", "/api/v2/filters", wish, by=ada)).json()
    path = f"/api/v2/filters/{filtering['id']}/statuses"
    named = (await site.ask("POST", path, {"status_id": status}, by=ada)).json()["id"]
    keyword = filtering["keywords"][0]["id"]
    featured = (await site.ask("POST", "/api/v1/featured_tags", {"name": "bread"}, by=ada)).json()["id"]
    assert (await site.ask("PUT", "/api/tags/rolls/follow", by=ada)).status_code == 200
    # Somebody else's: one does not vote in a poll of one's own.
    asked = {"status": "Which?", "poll": {"options": ["Rye", "Wheat"], "expires_in": 300}}
    poll = (await site.ask("POST", "/api/v1/statuses", asked, by=await site.newcomer())).json()["poll"]["id"]
    later = {"status": "Buns", "scheduled_at": LATER}
    scheduled = (await site.ask("POST", "/api/v1/statuses", later, by=ada)).json()["id"]
    subscribed = await site.ask("POST", "/api/v1/push/subscription", SUBSCRIPTION, by=ada)
    assert subscribed.status_code == 200, subscribed.text
    more = (filtering["id"], keyword, named, featured, poll, scheduled, direct)
    return Place(ada, ben, status, told["id"], media.json()["id"], made, *more)


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def address_of(route: Route, place: Place) -> str:
    """About what is ada's, or about ben."""
    about = {
        "/tags/{id}/": "bread",
        "/featured_tags/": place.featured,
        "/filters/keywords/": place.keyword,
        "/filters/statuses/": place.named,
        "/api/v1/filters/": place.keyword,
        "/filters/": place.filter,
        "/scheduled_statuses/": place.scheduled,
        "/conversations/": place.direct,
        "/statuses/": place.status,
        "/accounts/": place.ben.id,
        "/follow_requests/": place.ben.id,
        "/notifications/": place.told,
        "/lists/": place.list,
        "/polls/": place.poll,
        "/media/": place.media,
    }
    some_id = next((value for part, value in about.items() if part in route.path), "1")
    path = (
        route.path.replace("{id}", some_id)
        .replace("{tag}", "bread")
        .replace("{kind}", "avatar")
        .replace("{group_key}", f"favourite-{place.status}")
        .replace("{list_id}", place.list)
        .replace("{filter_id}", place.filter)
        .replace("{account_id}", place.ben.id)
        .replace("{year}", "2026")
        .replace("{date}", "2026-01-01")
        .replace("{name}", "wave")
        .replace("{collection_id}", "1")
        .replace("{quoting_status_id}", "1")
    )
    words = {"USERNAME": place.ben.username, "OTHER": place.ben.id, "STATUS": place.status, "ADA": place.ada.username}
    words["LIST"] = place.list
    query = QUERIES.get(name_of(route), "")
    for word, value in words.items():
        query = query.replace(word, value)
    return path + query


def headers_of(route: Route) -> dict[str, str]:
    """What a body is written as."""
    if route.method == "GET":
        return {}
    return _FORM_TYPE if route.path.endswith("/media") else {"Content-Type": "application/json"}


def body_of(route: Route, place: Place) -> bytes | None:
    """About ben, where it is about somebody."""
    if route.method == "POST" and route.path.endswith("/media"):
        return _FORM
    if route.method == "GET":
        return None
    return msgspec.json.encode(BODIES.get(name_of(route), {})).replace(b"OTHER", place.ben.id.encode())
