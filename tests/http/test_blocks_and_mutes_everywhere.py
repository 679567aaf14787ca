"""Promise: a block keeps two people apart wherever they could meet, a mute hides somebody from whoever muted them.

One table: for each place where people meet, in which relations the viewer still meets the other. Cleo, whom the viewer
follows, is a third one: what she does with the other's tweets must not bring them back.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, get_args

import msgspec
import pytest

from linnet.api.app import ENDPOINTS
from linnet.domain.visibility import Surface
from tests.http.app_world import Person, Site, assert_problem, open_site
from tests.support.drawn import encoded, quarters
from tests.support.servers import Servers
from tests.support.world import WorldOptions

RELATIONS = ("none", "blocks", "blocked by", "mutes", "muted by")
ALWAYS = frozenset(RELATIONS)
UNLESS_BLOCKED = frozenset({"none", "mutes", "muted by"})
UNLESS_KEPT_AWAY = frozenset({"none", "muted by"})
BY_OPERATION = {endpoint.operation_id: endpoint for endpoint in ENDPOINTS}


class Scene(msgspec.Struct, frozen=True):
    """What the four did before (and the other after) the relation began. ``ids`` are of people and tweets, by name."""

    site: Site
    viewer: Person
    other: Person
    cleo: Person
    ids: dict[str, str]

    async def ask(self, operation: str, query: str = "", **about: str) -> Any:
        """What an endpoint answers the viewer; ``about`` names what stands in its path. None: it is not found."""
        endpoint = BY_OPERATION[operation]
        path = endpoint.path.format(**{part: self.ids.get(name, name) for part, name in about.items()})
        answer = await self.site.ask(endpoint.method, path + query.format(**self.ids), by=self.viewer)
        assert answer.status_code in (200, 404), answer.text
        if answer.headers["content-type"] == "text/event-stream":
            return answer.text
        return answer.json() if answer.status_code == 200 else None

    def is_met_in(self, items: list[dict[str, Any]]) -> bool:
        """Among tweets, retweets of theirs, or people."""
        met = [item.get("author", item).get("id") for item in items]
        met += [item["retweet_of"]["author"]["id"] for item in items if item.get("retweet_of")]
        return self.other.id in met


Look = Callable[[Scene, Any], Awaitable[bool]]
"""Whether the viewer meets the other in what was answered."""


class Place(msgspec.Struct, frozen=True):
    """Where two may meet: what is asked, and in which relations they do. ``top``: only where the other is a top user.

    ``surface`` is None where it makes no difference who keeps whom away.
    """

    operation: str
    surface: Surface | None
    met_in: frozenset[str]
    look: Look
    query: str = ""
    about: dict[str, str] = {}
    top: bool = False

    async def is_met(self, scene: Scene) -> bool:
        return await self.look(scene, await scene.ask(self.operation, self.query, **self.about))


async def among_items(scene: Scene, answer: Any) -> bool:
    return scene.is_met_in(answer["items"])


async def among_events(scene: Scene, answer: Any) -> bool:
    """Tweets in what a stream says first."""
    data = re.search(r"^event: tweets\n.*\ndata: (.*)$", answer, re.MULTILINE)
    assert data is not None, answer
    return scene.is_met_in(msgspec.json.decode(data[1])["items"])


async def among_messages(scene: Scene, answer: Any) -> bool:
    """In a conversation, or as who said its newest."""
    people = [person for item in answer["items"] for person in item["people"]]
    return scene.is_met_in(people) or scene.is_met_in([item["last"] for item in answer["items"]])


async def is_there(scene: Scene, answer: Any) -> bool:
    return answer is not None


async def is_not_empty(scene: Scene, answer: Any) -> bool:
    return bool(answer["items"])


async def beside_home(scene: Scene, answer: Any) -> bool:
    return scene.is_met_in(answer["popular"])


async def answered_by_cleo(scene: Scene, answer: Any) -> bool:
    """Her answer to them, pinned or not."""
    return scene.ids["further_answer"] in [tweet["id"] for tweet in answer["items"]]


async def among_ancestors(scene: Scene, answer: Any) -> bool:
    """What is above Cleo's answer to the other's answer to the viewer. The viewer's own tweet always is."""
    above = answer["ancestors"]
    assert [tweet["id"] for tweet in above] == [scene.ids["mine"], scene.ids["answer"]]
    assert above[0]["author"]["id"] == scene.viewer.id
    return not above[1].get("deleted", False)


async def among_answers(scene: Scene, answer: Any) -> bool:
    return scene.is_met_in(answer["replies"]["items"])


async def among_notified(scene: Scene, answer: Any) -> bool:
    assert len(answer["items"]) == answer["unread_count"], "only what is shown is counted"
    for item in answer["items"]:
        assert item["people_count"] == len(item["people"]), "only who is shown is counted"
    return scene.other.id in [person["id"] for item in answer["items"] for person in item["people"]]


async def is_counted(scene: Scene, answer: Any) -> bool:
    """Of Cleo there is one notification: that she follows."""
    return bool(answer["unread_count"] > 1)


async def among_who_follows(scene: Scene, answer: Any) -> bool:
    """Dora is suggested in any case, since Cleo follows her too."""
    [followed_by] = [item["followed_by"] for item in answer["items"] if item["user"]["username"] == "dora"]
    assert followed_by["count"] == len(followed_by["people"])
    return scene.is_met_in(followed_by["people"])


async def among_suggested(scene: Scene, _: Any) -> bool:
    await scene.site.ask("DELETE", f"/api/users/{scene.other.id}/follow", by=scene.viewer)
    answer = await scene.ask("list_suggestions")
    return scene.is_met_in([item["user"] for item in answer["items"]])


CLEO, OTHER, VIEWER = {"user_id": "cleo"}, {"user_id": "other"}, {"user_id": "viewer"}
LIST = {"list_id": "list"}
THEIRS, MINE, CLEOS = {"tweet_id": "theirs"}, {"tweet_id": "mine"}, {"tweet_id": "cleos"}

# One line for each place: a table.
# fmt: off
TABLE: dict[str, Place] = {
    "home": Place("home_timeline", "home", UNLESS_KEPT_AWAY, among_items),
    "answers to them at home": Place("home_timeline", "home", UNLESS_KEPT_AWAY, answered_by_cleo),
    "home in other words": Place("get_tweet_or_home", "home", UNLESS_KEPT_AWAY, among_items),
    "home in still other words": Place("followed_timeline", "home", UNLESS_KEPT_AWAY, among_items, about=VIEWER),
    "popular beside home": Place("home_timeline", "popular", UNLESS_KEPT_AWAY, beside_home, "?limit=1&popular=5"),
    "a stream": Place("stream", "home", UNLESS_KEPT_AWAY, among_events, "?last_event_id={before}"),
    "everyone's tweets": Place("list_tweets", "everyone", UNLESS_KEPT_AWAY, among_items),
    "answers in a thread": Place("get_thread", "thread", UNLESS_KEPT_AWAY, among_answers, about=MINE),
    "ancestors in a thread":
        Place("get_thread", "thread", UNLESS_KEPT_AWAY, among_ancestors, about={"tweet_id": "further_answer"}),
    "a tag": Place("list_tag_tweets", "tag", UNLESS_KEPT_AWAY, among_items, about={"tag": "birds"}),
    "search for tweets": Place("search", "search", UNLESS_KEPT_AWAY, among_items, "?q=finches"),
    "search for their tweets": Place("search", "search", UNLESS_KEPT_AWAY, among_items, "?q=from:oscar"),
    "search for people": Place("search", "search", UNLESS_KEPT_AWAY, among_items, "?type=users&q=oscar"),
    "the most popular": Place("get_top_tweets", "popular", UNLESS_KEPT_AWAY, among_items),
    "the most popular in other words": Place("get_top_tweets_plainly", "popular", UNLESS_KEPT_AWAY, among_items),
    "the most popular of followed":
        Place("get_top_tweets", "popular", UNLESS_KEPT_AWAY, among_items, "?scope=following"),
    "catching up": Place("get_catch_up", "popular", UNLESS_KEPT_AWAY, among_items),
    "tweets of top users": Place("list_tweets_of_top_users", "popular", UNLESS_KEPT_AWAY, among_items, top=True),
    "notifications": Place("list_notifications", "notifications", UNLESS_KEPT_AWAY, among_notified),
    "their number": Place("count_notifications", "notifications", UNLESS_KEPT_AWAY, is_counted),
    "who follows whom is suggested": Place("list_suggestions", "suggestions", UNLESS_KEPT_AWAY, among_who_follows),
    "messages": Place("list_conversations", "messages", UNLESS_KEPT_AWAY, among_messages),
    "what is direct": Place("direct_timeline", "messages", UNLESS_KEPT_AWAY, among_items),
    "their page": Place("list_user_tweets", "user", UNLESS_BLOCKED, among_items, about=OTHER),
    "their page in other words": Place("list_user_tweets_plainly", "user", UNLESS_BLOCKED, among_items, about=OTHER),
    "their pictures": Place("list_user_pictures", "user", UNLESS_BLOCKED, among_items, about=OTHER),
    "what they like": Place("list_likes", "user", UNLESS_BLOCKED, is_not_empty, about=OTHER),
    "retweets on another's page": Place("list_user_tweets", "user", UNLESS_BLOCKED, among_items, about=CLEO),
    "answers to them on another's page":
        Place("list_user_tweets", "user", UNLESS_BLOCKED, answered_by_cleo, about=CLEO),
    "likes on another's page": Place("list_likes", "user", UNLESS_BLOCKED, among_items, about=CLEO),
    "what I put by": Place("list_bookmarks", "user", UNLESS_BLOCKED, among_items),
    "the tags on their page": Place("list_featured_tags", "user", UNLESS_BLOCKED, is_not_empty, about=OTHER),
    "a list": Place("list_list_tweets", "list", UNLESS_KEPT_AWAY, among_items, about=LIST),
    "answers to them on a list": Place("list_list_tweets", "list", UNLESS_KEPT_AWAY, answered_by_cleo, about=LIST),
    # A block ends the follow, and with it their place.
    "who is on a list": Place("list_list_members", "people", UNLESS_BLOCKED, among_items, about=LIST),
    "which lists they are on": Place("list_user_lists", "people", UNLESS_BLOCKED, is_not_empty, about=OTHER),
    "a tweet": Place("get_tweet", "tweet", UNLESS_BLOCKED, is_there, about=THEIRS),
    "a tweet in other words": Place("get_tweet_or_home", "tweet", UNLESS_BLOCKED, is_there, "?id={theirs}"),
    "a retweet of it": Place("get_tweet", "tweet", UNLESS_BLOCKED, is_there, about={"tweet_id": "retweet"}),
    "a retweet of theirs": Place("get_tweet", "tweet", UNLESS_BLOCKED, is_there, about={"tweet_id": "their_retweet"}),
    "its thread": Place("get_thread", "tweet", UNLESS_BLOCKED, is_there, about=THEIRS),
    "its history": Place("get_history", "tweet", UNLESS_BLOCKED, is_there, about=THEIRS),
    "who likes it": Place("list_likers", "tweet", UNLESS_BLOCKED, is_there, about=THEIRS),
    "who retweeted it": Place("list_retweeters", "tweet", UNLESS_BLOCKED, is_there, about=THEIRS),
    "who likes what they retweeted":
        Place("list_likers", "tweet", UNLESS_BLOCKED, is_there, about={"tweet_id": "their_retweet"}),
    "who retweeted what they retweeted":
        Place("list_retweeters", "tweet", UNLESS_BLOCKED, is_there, about={"tweet_id": "their_retweet"}),
    "who likes another's": Place("list_likers", "people", UNLESS_BLOCKED, among_items, about=CLEOS),
    "who retweeted another's": Place("list_retweeters", "people", UNLESS_BLOCKED, among_items, about=CLEOS),
    "who likes mine": Place("list_likers", "people", UNLESS_BLOCKED, among_items, about=MINE),
    "who retweeted mine": Place("list_retweeters", "people", UNLESS_BLOCKED, among_items, about=MINE),
    "followers": Place("list_followers", "people", UNLESS_BLOCKED, among_items, about=CLEO),
    "following": Place("list_following", "people", UNLESS_BLOCKED, among_items, about=CLEO),
    "my followers": Place("list_followers", "people", UNLESS_BLOCKED, among_items, about=VIEWER),
    "whom I follow": Place("list_following", "people", UNLESS_BLOCKED, among_items, about=VIEWER),
    "top users": Place("list_top_users", "people", UNLESS_BLOCKED, among_items, top=True),
    "the profile": Place("get_user", None, ALWAYS, is_there, about=OTHER),
    "the profile by name": Place("get_user_by_username", None, ALWAYS, is_there, about={"username": "oscar"}),
    # The last: who is followed is not suggested.
    "suggestions": Place("list_suggestions", "suggestions", UNLESS_KEPT_AWAY, among_suggested),
}
# fmt: on
# Whom one keeps away stands in these; see ``check_verbs``.
LISTS_OF_THE_KEPT_AWAY = {"list_blocks", "list_mutes"}
# A block ends what somebody asked, and a mute does not: test_follow_requests_over_http.py.
ENDS_WITH_A_BLOCK = {"list_follow_requests"}
NOBODY_IS_MET = {"get_me", "list_sessions", "list_trending_tags", "get_avatar", "get_default_avatar"}
NOBODY_IS_MET |= {
    "list_used_tags",
    "list_followed_tags",
    "list_filters",
    "get_filter",
    "list_lists",
    "get_list",
    "get_attachment",
    "get_attachment_file",
    "get_note",
    "get_place",
    "live",
    "ready",
    "metrics",
}


def test_every_surface_and_every_endpoint_where_somebody_is_met_has_its_place() -> None:
    assert {place.surface for place in TABLE.values()} - {None} == set(get_args(Surface))
    asked = {endpoint.operation_id for endpoint in ENDPOINTS if endpoint.method == "GET"}
    assert {
        place.operation for place in TABLE.values()
    } | LISTS_OF_THE_KEPT_AWAY | ENDS_WITH_A_BLOCK | NOBODY_IS_MET == asked


@pytest.fixture(params=[5000, 1], ids=["all are pushed", "all are top users"])
async def town(request: pytest.FixtureRequest, servers: Servers, database_url: str) -> AsyncIterator[Site]:
    options = WorldOptions(top_user_followers=request.param)
    async with open_site(database_url, servers.valkey_url, options=options) as site:
        yield site


def places_in(site: Site) -> dict[str, Place]:
    has_top_users = site.world.options.top_user_followers == 1
    return {name: place for name, place in TABLE.items() if has_top_users or not place.top}


async def play(site: Site, relation: str) -> Scene:
    viewer, other, cleo, dora = [await site.sign_up(name) for name in ("viewer", "oscar", "cleo", "dora")]
    ids = {"viewer": viewer.id, "other": other.id, "cleo": cleo.id}

    async def do(by: Person, method: str, path: str) -> Any:
        answer = await site.ask(method, f"/api{path}", by=by)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(name: str, by: Person, text: str, reply_to: str | None = None) -> None:
        ids[name] = (await site.post(by, text, reply_to=ids.get(reply_to or "")))["id"]

    for one, whom in ((viewer, other), (viewer, cleo), (other, viewer), (other, cleo), (cleo, other), (cleo, viewer)):
        await do(one, "PUT", f"/users/{whom.id}/follow")
    for one in (other, cleo):
        await do(one, "PUT", f"/users/{dora.id}/follow")
    sent = await site.ask(
        "POST",
        "/api/attachments",
        by=other,
        content=encoded(quarters(8, 6), "PNG"),
        headers={"Content-Type": "image/png"},
    )
    body = {"text": "Finches at the window #birds", "attachments": [sent.json()["id"]]}
    ids["theirs"] = (await site.ask("POST", "/api/tweets", body, by=other)).json()["id"]
    ids["before"] = str(int(ids["theirs"]) - 1)
    await post("mine", viewer, "No finches here")
    await post("cleos", cleo, "Sparrows")
    body = {"text": "A word, @viewer", "visibility": "direct"}
    assert (await site.ask("POST", "/api/tweets", body, by=other)).status_code == 201
    await post("answer", other, "Look again", "mine")
    await post("further_answer", cleo, "Both of you, look again", "answer")
    await do(cleo, "PUT", f"/tweets/{ids['further_answer']}/pin")
    ids["retweet"] = (await do(cleo, "PUT", f"/tweets/{ids['theirs']}/retweet"))["id"]
    for tweet in ("mine", "cleos"):
        ids["their_retweet"] = (await do(other, "PUT", f"/tweets/{ids[tweet]}/retweet"))["id"]
        await do(other, "PUT", f"/tweets/{ids[tweet]}/like")
    await do(cleo, "PUT", f"/tweets/{ids['theirs']}/like")
    await do(viewer, "PUT", f"/tweets/{ids['theirs']}/bookmark")
    await do(other, "PUT", "/me/featured-tags/birds")
    for whom in (other, cleo):
        await do(viewer, "POST", f"/v1/accounts/{whom.id}/endorse")
    await do(cleo, "POST", f"/v1/accounts/{other.id}/endorse")
    made = await site.ask("POST", "/api/lists", {"title": "Birds", "replies": "followed"}, by=viewer)
    ids["list"] = made.json()["id"]
    for whom in (other, cleo):
        await do(viewer, "PUT", f"/lists/{ids['list']}/members/{whom.id}")
    await site.settle()
    # Whatever is remembered of before must not stand in the way.
    scene = Scene(site, viewer, other, cleo, ids)
    for name, place in places_in(site).items():
        assert name == "suggestions" or await place.is_met(scene), f"{name} has nothing to hide"
    by, whom = (viewer, other) if relation in ("blocks", "mutes") else (other, viewer)
    if relation != "none":
        await do(by, "PUT", f"/users/{whom.id}/{'block' if relation.startswith('block') else 'mute'}")
    await post("later", other, "Still finches, @viewer #birds")
    await site.settle()
    return scene


@pytest.mark.parametrize("relation", RELATIONS)
async def test_whom_one_meets_where(town: Site, relation: str) -> None:
    scene = await play(town, relation)
    await check_counts(scene, relation)
    await check_verbs(scene, relation)
    places = places_in(town)
    met = {name for name, place in places.items() if await place.is_met(scene)}
    assert met == {name for name, place in places.items() if relation in place.met_in}


async def check_counts(scene: Scene, relation: str) -> None:
    """Counts are the same for everybody: a block takes follows away, and nothing else."""
    is_blocked = relation in ("blocks", "blocked by")
    mine = await scene.ask("get_tweet", tweet_id="mine")
    assert mine["counts"] == {"replies": 1, "retweets": 1, "likes": 1}
    for person, followers, following in ((scene.viewer, 2, 2), (scene.other, 2, 3), (scene.cleo, 2, 3)):
        counts = (await scene.ask("get_user", user_id=person.id))["counts"]
        lost = int(is_blocked and person is not scene.cleo)
        assert (counts["followers"], counts["following"]) == (followers - lost, following - lost), person.username


async def check_verbs(scene: Scene, relation: str) -> None:
    """What one cannot do across a block, in both directions; and what the lists and the profile say of it."""
    site, is_blocked = scene.site, relation in ("blocks", "blocked by")
    theirs = scene.ids["theirs"]
    if is_blocked:
        for by, whom, tweet in ((scene.viewer, scene.other, theirs), (scene.other, scene.viewer, scene.ids["mine"])):
            assert_problem(await site.ask("PUT", f"/api/users/{whom.id}/follow", by=by), 403, "blocked")
            body = {"user_id": whom.id, "follow": True}
            assert_problem(await site.ask("POST", "/api/follow", body, by=by), 403, "blocked")
            assert (await site.ask("DELETE", f"/api/users/{whom.id}/follow", by=by)).status_code == 200
            reply = {"text": "no", "reply_to": tweet}
            assert_problem(await site.ask("POST", "/api/tweets", reply, by=by), 404, "tweet_not_found")
            answer = {"text": "no", "tweet_id": tweet}
            assert_problem(await site.ask("POST", "/api/answer", answer, by=by), 404, "tweet_not_found")
            like = {"tweet_id": tweet, "like": True}
            assert_problem(await site.ask("POST", "/api/like", like, by=by), 404, "tweet_not_found")
            assert_problem(await site.ask("PUT", f"/api/tweets/{tweet}/like", by=by), 404, "tweet_not_found")
            vote = {"choices": [0]}
            assert_problem(await site.ask("PUT", f"/api/tweets/{tweet}/vote", vote, by=by), 404, "tweet_not_found")
            assert_problem(await site.ask("PUT", f"/api/tweets/{tweet}/retweet", by=by), 404, "tweet_not_found")
            for method in ("PUT", "DELETE"):
                answered = await site.ask(method, f"/api/tweets/{tweet}/bookmark", by=by)
                assert_problem(answered, 404, "tweet_not_found")
            assert_problem(await site.ask("PUT", f"/api/tweets/{tweet}/pin", by=by), 404, "tweet_not_found")
            assert_problem(await site.ask("DELETE", f"/api/tweets/{tweet}", by=by), 404, "tweet_not_found")
        for retweet in (scene.ids["retweet"], scene.ids["their_retweet"]):
            answered = await site.ask("PUT", f"/api/tweets/{retweet}/like", by=scene.viewer)
            assert_problem(answered, 404, "tweet_not_found")
        # What one did can be taken back, and then it is not found either.
        mine = scene.ids["mine"]
        assert (await site.ask("DELETE", f"/api/tweets/{mine}/retweet", by=scene.other)).status_code == 204
        answered = await site.ask("DELETE", f"/api/tweets/{mine}/retweet", by=scene.other)
        assert_problem(answered, 404, "tweet_not_found")
    else:
        assert (await site.ask("PUT", f"/api/users/{scene.other.id}/follow", by=scene.viewer)).status_code == 200
        assert (await site.ask("PUT", f"/api/tweets/{theirs}/like", by=scene.viewer)).status_code == 200
    stands = (await scene.ask("get_user", user_id="other"))["viewer"]
    assert stands == {
        "following": not is_blocked,
        "followed_by": not is_blocked,
        "blocking": relation == "blocks",
        "muting": relation == "mutes",
        "requested": False,
        "requested_by": False,
    }
    assert scene.is_met_in((await scene.ask("list_blocks"))["items"]) == (relation == "blocks")
    assert scene.is_met_in((await scene.ask("list_mutes"))["items"]) == (relation == "mutes")


@pytest.mark.parametrize("relation", ["blocks", "blocked by", "mutes"])
async def test_all_is_as_before_once_it_is_taken_back_but_for_follows_and_notifications(
    town: Site, relation: str
) -> None:
    scene = await play(town, relation)
    by, whom = (scene.other, scene.viewer) if relation == "blocked by" else (scene.viewer, scene.other)
    verb = "mute" if relation == "mutes" else "block"
    assert (await town.ask("DELETE", f"/api/users/{whom.id}/{verb}", by=by)).status_code == 200
    stands = (await scene.ask("get_user", user_id="other"))["viewer"]
    assert stands["following"] is stands["followed_by"] is (verb == "mute")
    if verb == "block":
        for one, other in ((scene.viewer, scene.other), (scene.other, scene.viewer)):
            assert (await town.ask("PUT", f"/api/users/{other.id}/follow", by=one)).status_code == 200
    places = places_in(town)
    met = {name for name, place in places.items() if await place.is_met(scene)}
    # With the follow went the place on the list.
    lost = {"notifications", "their number", "a list", "who is on a list", "which lists they are on"}
    assert met | lost == set(places)
    by_cleo = {"a list"}
    assert met & lost == (lost if verb == "mute" else by_cleo), "she retweeted them, and is on the list still"
