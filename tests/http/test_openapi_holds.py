"""What the documentation says is what the server does: the document, its examples, and any input that it allows.

The last test throws generated requests at every operation, valid and not: no answer is a failure of ours or one that
is not documented. It is the same run each time.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, cast

import jsonschema_rs
import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from linnet.api import examples
from linnet.api.app import ENDPOINTS
from linnet.api.endpoints import Endpoint
from linnet.api.openapi import build_document
from linnet.api.services import ApiOptions
from linnet.write.actions.tags import pin_tag
from tests.http.app_world import Person, Site, open_site
from tests.support.drawn import picture
from tests.support.servers import Servers
from tests.support.world import WorldOptions

DOCUMENT = build_document(ENDPOINTS, ApiOptions(version="0.1.0"))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
EXAMPLES_PER_MODE = 12
_EVENTS = re.compile(r"retry: \d+\n\n(event: [a-z]+\nid: \d+\.\d+\.[0-9a-f]{16}\ndata: {.*}\n\n|:\n\n)+")
BY_OPERATION = {endpoint.operation_id: endpoint for endpoint in ENDPOINTS}


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]})


def _media() -> list[tuple[str, dict[str, Any]]]:
    """Everything in the document that has a schema and an example, and where it stands."""
    found = []
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            bodies = {"body": operation.get("requestBody", {}), **operation["responses"]}
            for name, body in bodies.items():
                found += [(f"{method} {path} {name}", media) for media in body.get("content", {}).values()]
    return found


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    SCHEMA.validate()
    operation_ids = [
        operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()
    ]
    assert len(set(operation_ids)) == len(operation_ids) == len(ENDPOINTS)


def test_every_operation_has_a_summary_a_description_and_an_example_of_its_answer() -> None:
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            assert operation["summary"], operation["operationId"]
            assert operation["description"], operation["operationId"]
            [success] = [response for status, response in operation["responses"].items() if status < "300"]
            for media_type, media in success.get("content", {}).items():
                shows_itself = media_type == "text/plain" or media_type.startswith("image/")
                assert "example" in media or shows_itself, operation["operationId"]


def test_every_example_follows_its_schema() -> None:
    for where, media in _media():
        validator = _validator(media["schema"])
        values = [media["example"]] if "example" in media else []
        values += [example["value"] for example in media.get("examples", {}).values()]
        for value in values:
            assert validator.is_valid(value), f"{where}: {[error.message for error in validator.iter_errors(value)]}"


@pytest.fixture
async def story(servers: Servers, database_url: str) -> AsyncIterator[Site]:
    # With a threshold of 0 Ada's one follower makes her a top user.
    options = WorldOptions(top_user_followers=0)
    async with open_site(database_url, servers.valkey_url, options=options) as site:
        yield site


async def test_every_example_is_what_the_server_answers(story: Site) -> None:
    """Ada and Linus live through the examples; nothing but ids, times and tokens may differ."""
    told: set[str] = set()
    ids: dict[str, str] = {}
    story.client.headers["User-Agent"] = examples.SESSION.device

    async def tell(operation_id: str, by: Person | None = None, query: str = "", **ids_in_path: str) -> Any:
        endpoint = BY_OPERATION[operation_id]
        path = endpoint.path.format(**ids_in_path) + query
        body = _with_ids(_builtins(endpoint.body_example), ids) if endpoint.body is not None else None
        sent = {"content": picture(), "headers": {"Content-Type": "image/jpeg"}} if endpoint.takes_picture else {}
        answer = await story.ask(endpoint.method, path, body, by=by, **sent)
        _compare(endpoint, answer, operation_id)
        told.add(operation_id)
        return answer.json() if answer.content and "json" in answer.headers["content-type"] else None

    signed_up = await tell("post_user")
    ada = Person(signed_up["user"]["id"], "ada", signed_up["token"])
    linus = await story.sign_up("linus", "Linus")
    ids |= {examples.ADA_ID: ada.id, examples.LINUS_ID: linus.id}
    another = await tell("post_session")
    await tell("delete_current_session", Person(ada.id, "ada", another["token"]))
    assert (await story.ask("PUT", f"/api/users/{ada.id}/follow", by=linus)).status_code == 200
    tweet = await tell("post_tweet", ada)
    ids[examples.TWEET_ID] = tweet["id"]
    await tell("post_answer", linus)
    assert (await story.ask("PUT", f"/api/tweets/{tweet['id']}/retweet", by=linus)).status_code == 200
    await story.settle()

    await story.services.viewers.flush_last_used()
    await tell("put_follow", linus, user_id=ada.id)
    await tell("post_follow", linus)
    await tell("get_user", linus, user_id=ada.id)
    await tell("get_user_by_username", linus, username="Ada")
    await tell("list_user_tweets", linus, user_id=ada.id)
    await tell("list_user_tweets_plainly", linus, user_id=ada.id)
    await tell("list_tag_tweets", linus, tag="birds")
    await pin_tag(story.services.write, "birds")
    await tell("list_trending_tags", linus)
    await tell("list_followers", linus, user_id=ada.id)
    await tell("list_following", linus, user_id=linus.id)
    await tell("list_top_users", linus)
    notified = await tell("list_notifications", ada)
    ids[examples.RETWEET_ID] = notified["items"][0]["id"]
    await tell("count_notifications", ada)
    await tell("read_notifications", ada)
    await tell("get_me", ada)
    await tell("list_sessions", linus)
    await tell("list_tweets", linus, "?limit=2")
    await tell("search", linus, "?q=finches%20from:ada")
    await tell("get_tweet", linus, tweet_id=tweet["id"])
    await tell("get_tweet_or_home", linus, f"?id={tweet['id']}")
    await tell("get_thread", linus, tweet_id=tweet["id"])
    await tell("list_retweeters", linus, tweet_id=tweet["id"])
    await tell("put_retweet", linus, tweet_id=tweet["id"])
    await tell("home_timeline", ada)
    await tell("stream", ada)
    await tell("followed_timeline", linus, "?limit=2", user_id=linus.id)
    await tell("get_top_tweets", linus)
    await tell("get_top_tweets_plainly", linus, "?k=2&scope=everyone")
    await tell("get_catch_up", linus)
    await tell("list_tweets_of_top_users", linus)
    await tell("list_suggestions", ada)
    await tell("put_bookmark", linus, tweet_id=tweet["id"])
    await tell("list_bookmarks", linus)
    await tell("delete_bookmark", linus, tweet_id=tweet["id"])
    said = {"text": examples.DIRECT_TWEET.text, "visibility": "direct"}
    direct = (await story.ask("POST", "/api/tweets", said, by=linus)).json()
    ids[examples.DIRECT_ID] = direct["id"]
    await story.settle()
    await tell("list_conversations", ada)
    await tell("direct_timeline", ada)
    await tell("read_conversation", ada, conversation_id=direct["id"])
    await tell("delete_conversation", ada, conversation_id=direct["id"])
    await tell("put_conversation_mute", linus, tweet_id=tweet["id"])
    await tell("delete_conversation_mute", linus, tweet_id=tweet["id"])
    assert (await story.ask("DELETE", f"/api/tweets/{direct['id']}", by=linus)).status_code == 204
    await tell("list_used_tags", ada)
    await tell("put_featured_tag", ada, tag="birds")
    await tell("list_featured_tags", linus, user_id=ada.id)
    await tell("delete_featured_tag", ada, tag="birds")
    await tell("put_tag_follow", ada, tag="Birds")
    await tell("list_followed_tags", ada)
    await tell("delete_tag_follow", ada, tag="birds")
    made = await tell("post_filter", linus)
    ids[examples.FILTER_ID] = made["id"]
    await tell("list_filters", linus)
    await tell("put_filter_tweet", linus, filter_id=made["id"], tweet_id=tweet["id"])
    await tell("delete_filter_tweet", linus, filter_id=made["id"], tweet_id=tweet["id"])
    await tell("get_filter", linus, filter_id=made["id"])
    await tell("patch_filter", linus, filter_id=made["id"])
    await tell("delete_filter", linus, filter_id=made["id"])
    made = await tell("post_list", linus)
    ids[examples.LIST_ID] = made["id"]
    await tell("get_list", linus, list_id=made["id"])
    await tell("put_list_member", linus, list_id=made["id"], user_id=ada.id)
    await tell("list_lists", linus)
    await tell("list_user_lists", linus, user_id=ada.id)
    await tell("list_list_members", linus, list_id=made["id"])
    await tell("list_list_tweets", linus, list_id=made["id"])
    await tell("delete_list_member", linus, list_id=made["id"], user_id=ada.id)
    await tell("patch_list", linus, list_id=made["id"])
    await tell("delete_list", linus, list_id=made["id"])
    await tell("put_like", linus, tweet_id=tweet["id"])
    await tell("post_like", linus)
    await story.settle()
    await tell("list_likers", linus, tweet_id=tweet["id"])
    await tell("list_likes", linus, user_id=linus.id)
    await tell("delete_like", linus, tweet_id=tweet["id"])
    await story.settle()
    await tell("put_pin", ada, tweet_id=tweet["id"])
    await tell("delete_pin", ada, tweet_id=tweet["id"])
    await tell("live")
    await tell("ready")
    await tell("metrics")

    await tell("delete_follow", linus, user_id=ada.id)
    await story.settle()
    await tell("put_mute", ada, user_id=linus.id)
    await tell("list_mutes", ada)
    await tell("delete_mute", ada, user_id=linus.id)
    await tell("put_note", ada, user_id=linus.id)
    await tell("get_note", ada, user_id=linus.id)
    await tell("get_place")
    await tell("post_report", linus)
    await tell("delete_follower", ada, user_id=linus.id)
    await tell("put_block", ada, user_id=linus.id)
    await tell("list_blocks", ada)
    await tell("delete_block", ada, user_id=linus.id)
    await story.ask("PATCH", "/api/me", {"locked": True}, by=ada)
    assert (await story.ask("PUT", f"/api/users/{ada.id}/follow", by=linus)).status_code == 200
    await tell("list_follow_requests", ada)
    await tell("delete_follow_request", ada, user_id=linus.id)
    assert (await story.ask("PUT", f"/api/users/{ada.id}/follow", by=linus)).status_code == 200
    await tell("put_follow_request", ada, user_id=linus.id)
    await story.ask("PATCH", "/api/me", {"locked": False}, by=ada)
    await story.settle()
    await tell("delete_retweet", linus, tweet_id=tweet["id"])
    plain = await tell("post_tweet_plainly", ada)
    await tell("patch_tweet", ada, tweet_id=plain["id"])
    await tell("get_history", ada, tweet_id=plain["id"])
    await tell("delete_tweet", ada, tweet_id=tweet["id"])
    sessions = (await story.ask("GET", "/api/sessions", by=linus)).json()["items"]
    await tell("delete_session", linus, session_id=sessions[0]["id"])
    asked = {"text": "Which is the best?", "poll": {"options": ["Finches", "Linnets"], "expires_in": 300}}
    poll = (await story.ask("POST", "/api/tweets", asked, by=ada)).json()
    await tell("put_vote", await story.sign_up("voter"), tweet_id=poll["id"])
    pictured = await tell("put_avatar", ada)
    await tell("get_avatar", None, avatar=pictured["avatar_url"].split("/")[3], size="512.webp")
    await tell("delete_avatar", ada)
    await tell("put_header", ada)
    await tell("delete_header", ada)
    attachment = await tell("post_attachment", ada)
    await tell("patch_attachment", ada, attachment_id=attachment["id"])
    await tell("get_attachment", ada, attachment_id=attachment["id"])
    await tell("get_attachment_file", None, attachment=attachment["url"].split("/")[3], file="large.webp")
    posted = {"text": "", "attachments": [attachment["id"]]}
    assert (await story.ask("POST", "/api/tweets", posted, by=ada)).status_code == 201
    await tell("list_user_pictures", await story.sign_up("reader"), user_id=ada.id)
    another = (await tell("post_attachment", ada))["id"]
    await tell("delete_attachment", ada, attachment_id=another)
    await tell("get_default_avatar", None, bird=f"{ada.id}.svg")
    await tell("patch_me", ada)
    await tell("post_password", ada)
    await tell("delete_me", ada)
    assert told == set(BY_OPERATION), "every operation has its place in the story"


def _builtins(value: Any) -> Any:
    return msgspec.to_builtins(value)


def _with_ids(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _with_ids(part, ids) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_ids(part, ids) for part in value]
    return ids.get(value, value) if isinstance(value, str) else value


def _compare(endpoint: Endpoint, answer: Any, where: str) -> None:
    success = endpoint.success
    assert answer.status_code == success.status, f"{where}: {answer.text}"
    assert {header.name.lower() for header in success.headers} <= set(answer.headers), where
    if success.body is None:
        assert answer.content == b"", where
    elif success.media_type == "text/event-stream":
        assert answer.headers["content-type"] == success.media_type
        assert _EVENTS.fullmatch(answer.text), where
    elif success.example is not None:
        assert answer.headers["content-type"] == success.media_type
        assert _text(answer.json()) == _text(_builtins(success.example)), where


def _text(value: Any) -> list[str]:
    """Line by line, so that a difference is a line."""
    return msgspec.json.format(msgspec.json.encode(_stable(value), order="sorted")).decode().splitlines()


def _stable(value: Any, key: str = "") -> Any:
    """Without what is different each time, but with its form."""
    if isinstance(value, dict):
        return {name: _stable(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_stable(part) for part in value]
    if isinstance(value, str):
        value = re.sub(r"^[1-9]\d{16,18}$", "<id>", value)
        value = re.sub(r"^/media/avatars/[0-9a-f]{32}/(192|512)\.webp$", "<avatar>", value)
        value = re.sub(r"^/media/attachments/[0-9a-f]{32}/", "/media/attachments/<name>/", value)
        value = re.sub(r"^/media/avatars/default/\d+\.svg$", "<default avatar>", value)
        value = re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", "<time>", value)
        value = re.sub(r"^[A-Za-z0-9_-]{43}$", "<token>", value) if key == "token" else value
    return value


OPERATIONS: list[Any] = [cast(Any, result).ok() for result in SCHEMA.get_all_operations()]


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


def test_generated_requests_get_documented_answers(servers: Servers, database_url: str) -> None:
    """One event loop for all, since the stores' connections live in it; hypothesis itself is not asynchronous."""
    with asyncio.Runner() as runner:
        opening = open_site(database_url, servers.valkey_url)
        site = runner.run(opening.__aenter__())
        try:
            for operation in OPERATIONS:
                for mode in _modes(operation):
                    _attack(runner, site, operation, mode)
        finally:
            runner.run(opening.__aexit__(None, None, None))


def _modes(operation: Any) -> list[GenerationMode]:
    """Where nothing is asked for nothing can be wrong."""
    endpoint = BY_OPERATION[operation.definition.raw["operationId"]]
    takes_input = endpoint.query or endpoint.body or "_id}" in endpoint.path
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if takes_input else [GenerationMode.POSITIVE]


def _attack(runner: asyncio.Runner, site: Site, operation: Any, mode: GenerationMode) -> None:
    """Somebody new each time, for the last one may have logged out; half of the ids are of what is there."""
    person, real_parts = runner.run(_live_a_little(site, operation))

    @settings(
        max_examples=EXAMPLES_PER_MODE,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), logged_in=st.booleans(), real=st.booleans())
    def run(case: Any, logged_in: bool, real: bool) -> None:
        if logged_in or "Authorization" in case.headers:
            case.headers["Authorization"] = f"Bearer {person.token}"
        if real and case.path_parameters and mode == GenerationMode.POSITIVE:
            case.path_parameters |= {key: real_parts[key] for key in case.path_parameters if key in real_parts}
        answer = runner.run(_send(site, case))
        # Without a token the mistake may well go unseen.
        checks = [check for check in CHECKS if logged_in or check is not negative_data_rejection]
        case.validate_response(answer, checks=checks)

    run()


async def _live_a_little(site: Site, operation: Any) -> tuple[Person, dict[str, str]]:
    """Somebody with something in every list, and what the parts of a path may be."""
    person, other = await site.newcomer(), await site.newcomer()
    tweet = await site.post(person, f"Finches, @{other.username} #birds")
    await site.post(other, f"How many, @{person.username}? #birds", reply_to=tweet["id"])
    for path in (f"users/{person.id}/follow", f"tweets/{tweet['id']}/like", f"tweets/{tweet['id']}/retweet"):
        assert (await site.ask("PUT", f"/api/{path}", by=other)).status_code == 200
    [session] = (await site.ask("GET", "/api/sessions", by=person)).json()["items"]
    made = (await site.ask("POST", "/api/lists", {"title": "Birds"}, by=person)).json()
    await site.ask("PUT", f"/api/lists/{made['id']}/members/{person.id}", by=person)
    wish = {"title": "Rain", "contexts": ["home"], "keywords": [{"keyword": "rain"}]}
    filtering = (await site.ask("POST", "/api/filters", wish, by=person)).json()
    await site.settle()
    return person, {
        "filter_id": filtering["id"],
        "list_id": made["id"],
        "user_id": person.id if "followed" in operation.path else other.id,
        "tweet_id": tweet["id"],
        "session_id": session["id"],
        "username": other.username,
        "tag": "birds",
    }


async def _send(site: Site, case: Any) -> Any:
    prepared: Any = requests.Request(**case.as_transport_kwargs(base_url="http://linnet.test")).prepare()
    headers = {name: value for name, value in prepared.headers.items() if name.lower() != "content-length"}
    return await site.client.request(prepared.method, prepared.url, headers=headers, content=prepared.body)
