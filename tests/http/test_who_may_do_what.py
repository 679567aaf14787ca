"""Every endpoint × who asks: nobody, somebody who was logged out, who is blocked, anybody else, and whose it is.

Whoever is refused has changed nothing: the whole database is compared.
"""

from typing import Any

import msgspec
import pytest

from linnet.api.app import ENDPOINTS
from linnet.api.endpoints import Endpoint
from linnet.ids import random_bytes
from tests.http.app_world import PASSWORD, Person, Site
from tests.support.dumps import dump_postgres


class Scene(msgspec.Struct, frozen=True):
    """ada wrote ``tweet``, ben follows her and nobody else does; she blocked dan. cleo had a token.

    ``list`` and ``filter`` are hers, and ``direct`` is what she wrote to herself.
    """

    ada: Person
    ben: Person
    dan: Person
    cleo: Person
    tweet: str
    session: str
    list: str
    filter: str
    direct: str


class Row(msgspec.Struct, frozen=True):
    """What is answered to dan, to ben, and to ada herself. Nobody gets 401 where one has to be logged in."""

    operation_id: str
    blocked: int
    other: int
    owner: int
    fields: dict[str, Any] = {}


def same(operation_id: str, status: int = 200, **fields: Any) -> Row:
    """It is about oneself, or about nobody."""
    return Row(operation_id, status, status, status, fields)


def read(operation_id: str) -> Row:
    """Who is blocked does not find it."""
    return Row(operation_id, 404, 200, 200)


TABLE = (
    same("post_user", 201, username="USERNAME", name="Dora", email="EMAIL", password=PASSWORD),
    same("list_top_users"),
    # That there is such a person is no secret: dan could log out and look.
    Row("get_user", 200, 200, 200),
    Row("get_user_by_username", 200, 200, 200),
    # Empty for him, as test_blocks_and_mutes_everywhere.py shows.
    same("list_user_tweets"),
    same("list_user_tweets_plainly"),
    same("list_user_pictures"),
    same("list_followers"),
    same("list_following"),
    same("list_likes"),
    same("post_session", 201, login="USER", password=PASSWORD),
    same("list_sessions"),
    same("delete_current_session", 204),
    Row("delete_session", 404, 404, 204),
    same("get_me"),
    same("patch_me", name="Another"),
    same("put_avatar", 415),
    same("delete_avatar"),
    same("put_header", 415),
    same("delete_header"),
    same("post_password", 403, old_password="no feather", new_password="two feathers for a pen"),
    same("delete_me", 403, password="no feather"),
    same("get_avatar", 404),
    same("get_default_avatar"),
    Row("put_follow", 403, 200, 422),
    Row("delete_follow", 200, 200, 422),
    Row("post_follow", 403, 200, 422, {"user_id": "ADA", "follow": True}),
    Row("delete_follower", 200, 200, 422),
    same("list_follow_requests"),
    # Nobody asked them; ada's answer is that one cannot ask oneself.
    Row("put_follow_request", 404, 404, 422),
    Row("delete_follow_request", 200, 200, 422),
    # What one notes of somebody is one's own, whoever they are.
    same("put_note", note="bread"),
    same("get_note"),
    Row("put_block", 200, 200, 422),
    Row("delete_block", 200, 200, 422),
    Row("put_mute", 200, 200, 422),
    Row("delete_mute", 200, 200, 422),
    same("list_blocks"),
    same("list_mutes"),
    same("post_tweet", 201, text="bread"),
    same("post_tweet_plainly", 201, text="bread"),
    Row("post_answer", 404, 201, 201, {"tweet_id": "TWEET", "text": "bread"}),
    same("list_tweets"),
    same("post_attachment", 415),
    # Everybody has their own.
    same("get_attachment", 404),
    same("patch_attachment", 404, description="bread"),
    same("delete_attachment", 404),
    same("get_attachment_file", 404),
    read("get_tweet"),
    Row("delete_tweet", 404, 403, 204),
    Row("patch_tweet", 404, 403, 200, {"text": "The loaf is stale"}),
    read("get_history"),
    read("get_thread"),
    read("list_retweeters"),
    read("list_likers"),
    read("put_retweet"),
    Row("delete_retweet", 404, 204, 204),
    read("put_like"),
    Row("delete_like", 404, 200, 200),
    Row("post_like", 404, 200, 200, {"tweet_id": "TWEET", "like": True}),
    Row("put_vote", 404, 200, 422, {"choices": [0]}),
    read("put_bookmark"),
    Row("delete_bookmark", 404, 200, 200),
    # Each has their own.
    same("list_bookmarks"),
    same("list_conversations"),
    # Nobody has another's.
    Row("read_conversation", 404, 404, 200),
    same("delete_conversation", 204),
    same("direct_timeline"),
    read("put_conversation_mute"),
    read("delete_conversation_mute"),
    same("list_lists"),
    same("post_list", 201, title="Bakers"),
    # Nobody sees another's.
    Row("get_list", 404, 404, 200),
    Row("patch_list", 404, 404, 200, {"title": "Millers"}),
    Row("delete_list", 404, 404, 204),
    Row("list_list_tweets", 404, 404, 200),
    Row("list_list_members", 404, 404, 200),
    Row("put_list_member", 404, 404, 200),
    Row("delete_list_member", 404, 404, 200),
    same("list_user_lists"),
    # Empty for him, as those of whoever keeps one away are.
    same("list_featured_tags"),
    same("put_featured_tag"),
    same("delete_featured_tag", 204),
    same("list_followed_tags"),
    same("put_tag_follow"),
    same("delete_tag_follow", 204),
    same("list_used_tags"),
    same("list_filters"),
    same("post_filter", 201, title="Cakes", contexts=["home"]),
    Row("get_filter", 404, 404, 200),
    Row("patch_filter", 404, 404, 200, {"title": "Pies"}),
    Row("delete_filter", 404, 404, 204),
    Row("put_filter_tweet", 404, 404, 200),
    Row("delete_filter_tweet", 404, 404, 200),
    Row("put_pin", 404, 404, 200),
    Row("delete_pin", 404, 404, 200),
    same("get_top_tweets"),
    same("get_top_tweets_plainly"),
    same("get_catch_up"),
    same("list_tweets_of_top_users"),
    same("list_suggestions"),
    same("list_trending_tags"),
    same("list_tag_tweets"),
    same("search"),
    same("list_notifications"),
    same("count_notifications"),
    same("read_notifications", up_to="1"),
    same("home_timeline"),
    # Home, where no tweet is named.
    same("get_tweet_or_home"),
    # Nobody reads what somebody else reads.
    Row("followed_timeline", 403, 403, 200),
    same("stream"),
    same("get_place"),
    # One may report whom one does not meet any more.
    Row("post_report", 201, 201, 422, {"user_id": "ADA", "tweet_ids": ["TWEET"], "comment": "crumbs"}),
    same("live"),
    same("ready"),
    same("metrics"),
)
ROWS = {row.operation_id: row for row in TABLE}
BY_TAG = {tag: [each for each in ENDPOINTS if each.tag == tag] for tag in dict.fromkeys(each.tag for each in ENDPOINTS)}


async def set_scene(site: Site) -> Scene:
    ada, ben, dan, cleo = [await site.newcomer() for _ in range(4)]
    said = {"text": "fresh #bread", "poll": {"options": ["rye", "wheat"], "expires_in": 300}}
    tweet = (await site.ask("POST", "/api/tweets", said, by=ada)).json()["id"]
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    await site.ask("PUT", f"/api/users/{dan.id}/block", by=ada)
    assert (await site.ask("DELETE", "/api/sessions/current", by=cleo)).status_code == 204
    [session] = (await site.ask("GET", "/api/sessions", by=ada)).json()["items"]
    made = (await site.ask("POST", "/api/lists", {"title": "Bread"}, by=ada)).json()["id"]
    wish = {"title": "Rain", "contexts": ["home"]}
    filtering = (await site.ask("POST", "/api/filters", wish, by=ada)).json()["id"]
    note = {"text": "sourdough", "visibility": "direct"}
    direct = (await site.ask("POST", "/api/tweets", note, by=ada)).json()["id"]
    await site.settle()
    return Scene(ada, ben, dan, cleo, tweet, session["id"], made, filtering, direct)


def filled(endpoint: Endpoint, row: Row, scene: Scene) -> tuple[str, dict[str, Any]]:
    """The address and the body of a request about what is ada's."""
    words = {"ADA": scene.ada.id, "TWEET": scene.tweet, "USER": scene.ben.username}
    words |= {"USERNAME": f"u{random_bytes(6).hex()}", "EMAIL": f"{random_bytes(6).hex()}@example.org"}
    path = endpoint.path
    for name, value in {
        "user_id": scene.ada.id,
        "username": scene.ada.username,
        "tweet_id": scene.tweet,
        "session_id": scene.session,
        "list_id": scene.list,
        "filter_id": scene.filter,
        "conversation_id": scene.direct,
        "tag": "bread",
        "avatar": "0" * 32,
        "attachment_id": scene.tweet,
        "attachment": "0" * 32,
        "file": "large.webp",
        "size": "64.webp",
        "bird": "1.svg",
    }.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, path
    path += "?q=bread" if endpoint.operation_id == "search" else ""
    return path, {name: words.get(str(value), value) for name, value in row.fields.items()}


async def answered(site: Site, endpoint: Endpoint, scene: Scene, by: Person | None) -> int:
    """The status of the answer; one that refuses has to leave everything as it was."""
    path, body = filled(endpoint, ROWS[endpoint.operation_id], scene)
    is_read = endpoint.method == "GET"
    before = [] if is_read else list(dump_postgres(site.world.db.options.url))
    answer = await site.ask(endpoint.method, path, body if endpoint.body is not None else None, by=by)
    if answer.status_code >= 400 and not is_read:
        assert list(dump_postgres(site.world.db.options.url)) == before, endpoint.operation_id
    return answer.status_code


def test_every_endpoint_stands_in_the_table() -> None:
    assert sorted(ROWS) == sorted(endpoint.operation_id for endpoint in ENDPOINTS)
    assert len(ROWS) == len(TABLE)


@pytest.mark.parametrize("tag", BY_TAG)
async def test_everybody_may_do_what_the_table_says_and_nothing_else(busy_site: Site, tag: str) -> None:
    wrong: dict[str, dict[str, int]] = {}
    untouched = await set_scene(busy_site)
    for endpoint in BY_TAG[tag]:
        row = ROWS[endpoint.operation_id]
        scene = untouched if endpoint.method == "GET" else await set_scene(busy_site)
        needs_account = endpoint.access == "user" or endpoint.operation_id == "get_tweet_or_home"
        logged_out = 401 if needs_account else row.other
        # A token that ended is as good as none where one is needed, and no reason to hide what everybody may see.
        with_old_token = logged_out if endpoint.access != "viewer" else 401
        found = {
            "nobody": (await answered(busy_site, endpoint, scene, None), logged_out),
            "cleo": (await answered(busy_site, endpoint, scene, scene.cleo), with_old_token),
            "dan": (await answered(busy_site, endpoint, scene, scene.dan), row.blocked),
            "ben": (await answered(busy_site, endpoint, scene, scene.ben), row.other),
            "ada": (await answered(busy_site, endpoint, scene, scene.ada), row.owner),
        }
        differing = {who: got for who, (got, expected) in found.items() if got != expected}
        if differing:
            wrong[endpoint.operation_id] = differing
    assert wrong == {}
