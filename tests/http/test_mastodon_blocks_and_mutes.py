"""Promise: apps meet whom the web app and our own interface let one meet, and nobody else, on every route."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from linnet.api.mastodon.routes import ROUTES
from tests.http.app_world import Site
from tests.http.test_blocks_and_mutes_everywhere import ALWAYS, UNLESS_BLOCKED, UNLESS_KEPT_AWAY, Scene, play

BASE = "/api/v1"


class Place(msgspec.Struct, frozen=True):
    """What is asked, by the route it comes to; ids of the scene are named in braces."""

    route: str
    met_in: frozenset[str]
    path: str = ""


FAMILIAR = "accounts/familiar_followers"
GROUP = "/api/v2/notifications/{group_key}"
# fmt: off
TABLE = {
    "home": Place("timelines/home", UNLESS_KEPT_AWAY),
    "everyone's": Place("timelines/public", UNLESS_KEPT_AWAY),
    "a tag": Place("timelines/tag/{tag}", UNLESS_KEPT_AWAY, "timelines/tag/birds"),
    "trends": Place("trends/statuses", UNLESS_KEPT_AWAY),
    "what I put by": Place("bookmarks", UNLESS_BLOCKED),
    "a status": Place("statuses/{id}", UNLESS_BLOCKED, "statuses/{theirs}"),
    "a reblog of it": Place("statuses/{id}", UNLESS_BLOCKED, "statuses/{retweet}"),
    "statuses": Place("statuses", UNLESS_BLOCKED, "statuses?id[]={theirs}"),
    "its history": Place("statuses/{id}/history", UNLESS_BLOCKED, "statuses/{theirs}/history"),
    "below": Place("statuses/{id}/context", UNLESS_KEPT_AWAY, "statuses/{mine}/context"),
    "above": Place("statuses/{id}/context", UNLESS_KEPT_AWAY, "statuses/{further_answer}/context"),
    "who likes": Place("statuses/{id}/favourited_by", UNLESS_BLOCKED, "statuses/{cleos}/favourited_by"),
    "who reblogged": Place("statuses/{id}/reblogged_by", UNLESS_BLOCKED, "statuses/{cleos}/reblogged_by"),
    "their page": Place("accounts/{id}/statuses", UNLESS_BLOCKED, "accounts/{other}/statuses"),
    "another's page": Place("accounts/{id}/statuses", UNLESS_BLOCKED, "accounts/{cleo}/statuses"),
    "another's pin": Place("accounts/{id}/statuses", frozenset(), "accounts/{cleo}/statuses?pinned=true"),
    "followers": Place("accounts/{id}/followers", UNLESS_BLOCKED, "accounts/{cleo}/followers"),
    "following": Place("accounts/{id}/following", UNLESS_BLOCKED, "accounts/{viewer}/following"),
    "notifications": Place("notifications", UNLESS_KEPT_AWAY),
    "grouped": Place("/api/v2/notifications", UNLESS_KEPT_AWAY),
    "a group": Place(GROUP, UNLESS_KEPT_AWAY, "/api/v2/notifications/favourite-{mine}"),
    "who is in it": Place(f"{GROUP}/accounts", UNLESS_KEPT_AWAY, "/api/v2/notifications/favourite-{mine}/accounts"),
    "people found": Place("accounts/search", UNLESS_KEPT_AWAY, "accounts/search?q=oscar"),
    "found": Place("/api/v2/search", UNLESS_KEPT_AWAY, "/api/v2/search?q=oscar"),
    "tweets found": Place("/api/v2/search", UNLESS_KEPT_AWAY, "/api/v2/search?q=finches&type=statuses"),
    "conversations": Place("conversations", UNLESS_KEPT_AWAY),
    "direct": Place("timelines/direct", UNLESS_KEPT_AWAY),
    "a list": Place("timelines/list/{list_id}", UNLESS_KEPT_AWAY, "timelines/list/{list}"),
    # A block ends the follow, and with it their place.
    "who is on it": Place("lists/{id}/accounts", UNLESS_BLOCKED, "lists/{list}/accounts"),
    "whom I show": Place("endorsements", UNLESS_BLOCKED),
    "whom another shows": Place("accounts/{id}/endorsements", UNLESS_BLOCKED, "accounts/{cleo}/endorsements"),
    "familiar": Place(FAMILIAR, UNLESS_KEPT_AWAY, f"{FAMILIAR}?id[]={{cleo}}"),
    # One may look whom one lets in again.
    "the account": Place("accounts/{id}", ALWAYS, "accounts/{other}"),
    "accounts": Place("accounts", ALWAYS, "accounts?id[]={other}"),
    "by name": Place("accounts/lookup", ALWAYS, "accounts/lookup?acct=oscar"),
}
# fmt: on
# Oneself, whom one keeps away, what belongs to nobody, and what has no people in it.
NOBODY_IS_MET = {
    *("accounts/verify_credentials", "accounts/relationships", "apps/verify_credentials", "blocks", "mutes"),
    *("favourites", "statuses/{id}/source", "notifications/unread_count", "/api/v2/notifications/unread_count"),
    *("notifications/policy", "/api/v2/notifications/policy", "notifications/{id}", "markers", "preferences"),
    *("featured_tags", "featured_tags/suggestions", "accounts/{id}/featured_tags", "followed_tags"),
    *("filters", "filters/{id}", "/api/v2/filters", "/api/v2/filters/{id}", "/api/v2/filters/{filter_id}/keywords"),
    *("/api/v2/filters/{filter_id}/statuses", "/api/v2/filters/keywords/{id}", "/api/v2/filters/statuses/{id}"),
    *("lists", "lists/{id}", "accounts/{id}/lists", "streaming/list"),
    *("instance", "/api/v2/instance", "trends", "trends/tags", "tags/{tag}", "pictures/{kind}/missing.png"),
    # Whom one follows is suggested to nobody; who else is, our own interface's table says of the same screen.
    *("suggestions", "/api/v2/suggestions"),
    # What is heard is what stands at home, among notifications, and on the pages of all and of tags: tests/apps.
    *("streaming/health", "streaming/user", "streaming/user/notification", "streaming/direct"),
    *("streaming/public", "streaming/public/local", "streaming/hashtag", "streaming/hashtag/local"),
    *("/.well-known/oauth-authorization-server", "/.well-known/nodeinfo", "/nodeinfo/2.0", "/oauth/userinfo"),
}
# A block ends what somebody asked, and a mute does not: test_follow_requests_over_http.py.
NOBODY_IS_MET |= {"follow_requests"}
# What everybody may know, whoever asks.
NOBODY_IS_MET |= {"instance/rules", "instance/extended_description", "/api/oembed"}
NOBODY_IS_MET |= {"/.well-known/host-meta", "/.well-known/webfinger"}
# Those who vote are not named; that it is there with its status is asked below.
NOBODY_IS_MET |= {"polls/{id}"}
# One's own picture, before it stands in anything.
NOBODY_IS_MET |= {"media/{id}", "profile"}
NOBODY_IS_MET |= {"instance/activity", "/health"}
# One's own, which nobody else sees.
NOBODY_IS_MET |= {"push/subscription"}
NOBODY_IS_MET |= {"scheduled_statuses", "scheduled_statuses/{id}"}


def test_every_route_where_somebody_is_met_has_its_place() -> None:
    asked = {route.path.removeprefix(f"{BASE}/") for route in ROUTES if route.method == "GET" and route.has == "yes"}
    assert {place.route for place in TABLE.values()} | NOBODY_IS_MET == asked


def people_in(answer: Any) -> Iterator[str]:
    """The names of all accounts that an answer shows, wherever in it."""
    if isinstance(answer, dict):
        if "followers_count" in answer:
            yield answer["username"]
        for value in answer.values():
            yield from people_in(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from people_in(value)


async def is_met(scene: Scene, place: Place) -> bool:
    path = (place.path or place.route).format(**scene.ids)
    answer = await scene.site.ask("GET", path if path.startswith("/") else f"{BASE}/{path}", by=scene.viewer)
    assert answer.status_code in (200, 404), answer.text
    return "oscar" in people_in(answer.json())


@pytest.mark.parametrize("relation", ["none", "blocks", "blocked by", "mutes"])
async def test_an_app_meets_whom_its_person_meets(site: Site, relation: str) -> None:
    scene = await play(site, relation)
    met = {name for name, place in TABLE.items() if await is_met(scene, place)}
    assert met == {name for name, place in TABLE.items() if relation in place.met_in}

    async def post(path: str, **fields: str) -> int:
        return (await site.ask("POST", f"{BASE}/{path.format(**scene.ids)}", fields, by=scene.viewer)).status_code

    keeps_apart = relation in ("blocks", "blocked by")
    for path in ("favourite", "unfavourite", "bookmark", "unbookmark", "reblog", "unreblog"):
        assert await post(f"statuses/{{theirs}}/{path}") == (404 if keeps_apart else 200), path
    answered = await post("statuses", status="And now?", in_reply_to_id=scene.ids["theirs"])
    assert answered == (404 if keeps_apart else 200)
    asked = {"status": "Which?", "poll": {"options": ["a", "b"], "expires_in": 300}}
    poll = f"{BASE}/polls/" + (await site.ask("POST", f"{BASE}/statuses", asked, by=scene.other)).json()["poll"]["id"]
    for method, path, vote in (("GET", poll, None), ("POST", f"{poll}/votes", {"choices": ["1"]})):
        polled = await site.ask(method, path, vote, by=scene.viewer)
        assert polled.status_code == (404 if keeps_apart else 200), path
    assert await post("accounts/{other}/follow") == (403 if keeps_apart else 200)
    [stands] = (await site.ask("GET", f"{BASE}/accounts/relationships?id={scene.other.id}", by=scene.viewer)).json()
    assert (stands["blocking"], stands["muting"]) == (relation == "blocks", relation == "mutes")
    assert stands["blocked_by"] is False
