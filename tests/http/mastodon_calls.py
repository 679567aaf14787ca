"""A call of every route of the Mastodon API, about things that are there; and what of it linnet does not answer."""

from typing import Any

import msgspec

from linnet.api.mastodon.endpoints import Route
from linnet.api.mastodon.routes import ROUTES
from tests.http.app_world import Person, Site
from tests.http.mastodon_published import published, without_names

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


BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/statuses": {"status": "Crumbs"},
    "POST /api/v1/markers": {"home": {"last_read_id": "1"}},
    "PATCH /api/v1/accounts/update_credentials": {"note": "Bakes"},
    "POST /api/v1/apps": {"client_name": "x", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob"},
}
QUERIES: dict[str, str] = {
    "GET /api/v1/accounts/lookup": "?acct=USERNAME",
    "GET /api/v1/accounts/search": "?q=USERNAME",
    "GET /api/v2/search": "?q=bread",
    "GET /api/v1/accounts/relationships": "?id[]=OTHER",
    "GET /api/v1/accounts": "?id[]=OTHER",
    "GET /api/v1/statuses": "?id[]=STATUS",
    "GET /api/v1/streaming/hashtag": "?tag=bread",
    "GET /api/v1/streaming/hashtag/local": "?tag=bread",
}


class Place(msgspec.Struct, frozen=True):
    """ada wrote ``status``, and ben likes it; ``told`` is what she was told of that."""

    ada: Person
    ben: Person
    status: str
    told: str


async def set_place(site: Site) -> Place:
    ada, ben = await site.newcomer(), await site.newcomer()
    status = (await site.post(ada, "Fresh #bread"))["id"]
    answered = await site.ask("PUT", f"/api/tweets/{status}/like", by=ben)
    assert answered.status_code == 200
    await site.settle()
    [told] = (await site.ask("GET", "/api/v1/notifications", by=ada)).json()
    return Place(ada, ben, status, told["id"])


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def address_of(route: Route, place: Place) -> str:
    """About what is ada's, or about ben."""
    about = {"/statuses/": place.status, "/accounts/": place.ben.id, "/notifications/": place.told}
    some_id = next((value for part, value in about.items() if part in route.path), "1")
    path = route.path.replace("{id}", some_id).replace("{tag}", "bread").replace("{kind}", "avatar")
    words = {"USERNAME": place.ben.username, "OTHER": place.ben.id, "STATUS": place.status}
    query = QUERIES.get(name_of(route), "")
    for word, value in words.items():
        query = query.replace(word, value)
    return path + query


def body_of(route: Route) -> bytes | None:
    return None if route.method == "GET" else msgspec.json.encode(BODIES.get(name_of(route), {}))
