"""Promise: a block keeps two people apart wherever they could meet, a mute hides somebody from whoever muted them.

One table: for each place where people meet, in which relations the viewer still meets the other. Cleo, whom the viewer
follows, is a third one: what she does with the other's tweets must not bring them back.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from tests.http.app_world import Person, Site, assert_problem

RELATIONS = ("none", "blocks", "blocked by", "mutes", "muted by")
ALWAYS = frozenset(RELATIONS)
UNLESS_BLOCKED = frozenset({"none", "mutes", "muted by"})
UNLESS_KEPT_AWAY = frozenset({"none", "muted by"})


class Scene(msgspec.Struct, frozen=True):
    """What the three did before (and the other after) the relation began: ids of tweets by name."""

    site: Site
    viewer: Person
    other: Person
    cleo: Person
    tweets: dict[str, str]

    async def get(self, path: str) -> Any:
        answer = await self.site.ask(
            "GET", path.format(**self.tweets, other=self.other.id, cleo=self.cleo.id), by=self.viewer
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def is_there(self, path: str) -> bool:
        path = path.format(**self.tweets, other=self.other.id)
        answer = await self.site.ask("GET", path, by=self.viewer)
        assert answer.status_code in (200, 404), answer.text
        return answer.status_code == 200

    def is_met_in(self, items: list[dict[str, Any]]) -> bool:
        """Among tweets, retweets of theirs, or people."""
        met = [item.get("author", item).get("id") for item in items]
        met += [item["retweet_of"]["author"]["id"] for item in items if item.get("retweet_of")]
        return self.other.id in met


async def play(site: Site, relation: str) -> Scene:
    viewer, other, cleo = [await site.sign_up(name) for name in ("viewer", "oscar", "cleo")]
    tweets: dict[str, str] = {}

    async def do(by: Person, method: str, path: str) -> Any:
        answer = await site.ask(method, f"/api{path}", by=by)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(name: str, by: Person, text: str, reply_to: str | None = None) -> None:
        tweets[name] = (await site.post(by, text, reply_to=tweets.get(reply_to or "")))["id"]

    for one, whom in ((viewer, other), (viewer, cleo), (other, viewer), (other, cleo), (cleo, other), (cleo, viewer)):
        await do(one, "PUT", f"/users/{whom.id}/follow")
    await post("theirs", other, "Finches at the window #birds")
    await post("mine", viewer, "No finches here")
    await post("cleos", cleo, "Sparrows")
    await post("answer", other, "Look again", "mine")
    await post("further_answer", cleo, "Both of you, look again", "answer")
    tweets["retweet"] = (await do(cleo, "PUT", f"/tweets/{tweets['theirs']}/retweet"))["id"]
    for tweet in ("mine", "cleos"):
        await do(other, "PUT", f"/tweets/{tweets[tweet]}/retweet")
        await do(other, "PUT", f"/tweets/{tweets[tweet]}/like")
    await do(cleo, "PUT", f"/tweets/{tweets['theirs']}/like")
    await site.settle()
    # Whatever is remembered of before must not stand in the way.
    scene = Scene(site, viewer, other, cleo, tweets)
    for name, (surface, _) in TABLE.items():
        assert name == "suggestions" or await surface(scene), f"{name} has nothing to hide"
    by, whom = (viewer, other) if relation in ("blocks", "mutes") else (other, viewer)
    if relation != "none":
        await do(by, "PUT", f"/users/{whom.id}/{'block' if relation.startswith('block') else 'mute'}")
    await post("later", other, "Still finches, @viewer #birds")
    await site.settle()
    return scene


Surface = Callable[[Scene], Awaitable[bool]]


def items_of(path: str) -> Surface:
    async def surface(scene: Scene) -> bool:
        return scene.is_met_in((await scene.get(path))["items"])

    return surface


def one(path: str) -> Surface:
    async def surface(scene: Scene) -> bool:
        return await scene.is_there(path)

    return surface


async def ancestors(scene: Scene) -> bool:
    """What is above Cleo's answer to the other's answer to the viewer. The viewer's own tweet always is."""
    above = (await scene.get("/api/tweets/{further_answer}/thread"))["ancestors"]
    assert [tweet["id"] for tweet in above] == [scene.tweets["mine"], scene.tweets["answer"]]
    assert above[0]["author"]["id"] == scene.viewer.id
    return not above[1].get("deleted", False)


async def answers(scene: Scene) -> bool:
    return scene.is_met_in((await scene.get("/api/tweets/{mine}/thread"))["replies"]["items"])


async def what_they_like(scene: Scene) -> bool:
    return bool((await scene.get("/api/users/{other}/likes"))["items"])


async def notifications(scene: Scene) -> bool:
    page = await scene.get("/api/notifications")
    unread = await scene.get("/api/notifications/unread")
    assert len(page["items"]) == page["unread_count"] == unread["unread_count"], "only what is shown is counted"
    return scene.other.id in [person["id"] for item in page["items"] for person in item["people"]]


async def suggestions(scene: Scene) -> bool:
    await scene.site.ask("DELETE", f"/api/users/{scene.other.id}/follow", by=scene.viewer)
    suggested = [item["user"] for item in (await scene.get("/api/users/suggestions"))["items"]]
    return scene.is_met_in(suggested)


TABLE: dict[str, tuple[Surface, frozenset[str]]] = {
    "home": (items_of("/api/timelines/home"), UNLESS_KEPT_AWAY),
    "everyone's tweets": (items_of("/api/tweets"), UNLESS_KEPT_AWAY),
    "answers in a thread": (answers, UNLESS_KEPT_AWAY),
    "ancestors in a thread": (ancestors, UNLESS_KEPT_AWAY),
    "a tag": (items_of("/api/tags/birds/tweets"), UNLESS_KEPT_AWAY),
    "search for tweets": (items_of("/api/search?q=finches"), UNLESS_KEPT_AWAY),
    "search for their tweets": (items_of("/api/search?q=from:oscar"), UNLESS_KEPT_AWAY),
    "search for people": (items_of("/api/search?type=users&q=oscar"), UNLESS_KEPT_AWAY),
    "the most popular": (items_of("/api/tweets/top"), UNLESS_KEPT_AWAY),
    "the most popular of followed": (items_of("/api/tweets/top?scope=following"), UNLESS_KEPT_AWAY),
    "catching up": (items_of("/api/timelines/catch-up"), UNLESS_KEPT_AWAY),
    "notifications": (notifications, UNLESS_KEPT_AWAY),
    "their page": (items_of("/api/users/{other}/tweets"), UNLESS_BLOCKED),
    "what they like": (what_they_like, UNLESS_BLOCKED),
    "retweets on another's page": (items_of("/api/users/{cleo}/tweets"), UNLESS_BLOCKED),
    "likes on another's page": (items_of("/api/users/{cleo}/likes"), UNLESS_BLOCKED),
    "a tweet": (one("/api/tweets/{theirs}"), UNLESS_BLOCKED),
    "a retweet of it": (one("/api/tweets/{retweet}"), UNLESS_BLOCKED),
    "its thread": (one("/api/tweets/{theirs}/thread"), UNLESS_BLOCKED),
    "who likes it": (one("/api/tweets/{theirs}/likes"), UNLESS_BLOCKED),
    "who retweeted it": (one("/api/tweets/{theirs}/retweets"), UNLESS_BLOCKED),
    "who likes another's": (items_of("/api/tweets/{cleos}/likes"), UNLESS_BLOCKED),
    "who retweeted another's": (items_of("/api/tweets/{cleos}/retweets"), UNLESS_BLOCKED),
    "who likes mine": (items_of("/api/tweets/{mine}/likes"), UNLESS_BLOCKED),
    "followers": (items_of("/api/users/{cleo}/followers"), UNLESS_BLOCKED),
    "following": (items_of("/api/users/{cleo}/following"), UNLESS_BLOCKED),
    "the profile": (one("/api/users/{other}"), ALWAYS),
    "the profile by name": (one("/api/users/by-username/oscar"), ALWAYS),
    # The last: who is followed is not suggested.
    "suggestions": (suggestions, UNLESS_KEPT_AWAY),
}


@pytest.mark.parametrize("relation", RELATIONS)
async def test_whom_one_meets_where(site: Site, relation: str) -> None:
    scene = await play(site, relation)
    await check_counts(scene, relation)
    await check_verbs(scene, relation)
    met = {name for name, (surface, _) in TABLE.items() if await surface(scene)}
    expected = {name for name, (_, relations) in TABLE.items() if relation in relations}
    assert met == expected


async def check_counts(scene: Scene, relation: str) -> None:
    """Counts are the same for everybody: a block takes follows away, and nothing else."""
    is_blocked = relation in ("blocks", "blocked by")
    mine = await scene.get("/api/tweets/{mine}")
    assert mine["counts"] == {"replies": 1, "retweets": 1, "likes": 1}
    for person, followers, following in ((scene.viewer, 2, 2), (scene.other, 2, 2), (scene.cleo, 2, 2)):
        counts = (await scene.get(f"/api/users/{person.id}"))["counts"]
        lost = int(is_blocked and person is not scene.cleo)
        assert (counts["followers"], counts["following"]) == (followers - lost, following - lost), person.username


async def check_verbs(scene: Scene, relation: str) -> None:
    """What one cannot do across a block, in both directions; and what the lists and the profile say of it."""
    site, is_blocked = scene.site, relation in ("blocks", "blocked by")
    theirs = scene.tweets["theirs"]
    if is_blocked:
        for by, whom, tweet in ((scene.viewer, scene.other, theirs), (scene.other, scene.viewer, scene.tweets["mine"])):
            assert_problem(await site.ask("PUT", f"/api/users/{whom.id}/follow", by=by), 403, "blocked")
            body = {"user_id": whom.id, "follow": True}
            assert_problem(await site.ask("POST", "/api/follow", body, by=by), 403, "blocked")
            assert (await site.ask("DELETE", f"/api/users/{whom.id}/follow", by=by)).status_code == 200
            reply = {"text": "no", "reply_to": tweet}
            assert_problem(await site.ask("POST", "/api/tweets", reply, by=by), 404, "tweet_not_found")
            assert_problem(await site.ask("PUT", f"/api/tweets/{tweet}/like", by=by), 404, "tweet_not_found")
            assert_problem(await site.ask("PUT", f"/api/tweets/{tweet}/retweet", by=by), 404, "tweet_not_found")
            assert_problem(await site.ask("DELETE", f"/api/tweets/{tweet}", by=by), 404, "tweet_not_found")
        retweet = scene.tweets["retweet"]
        assert_problem(await site.ask("PUT", f"/api/tweets/{retweet}/like", by=scene.viewer), 404, "tweet_not_found")
        # What one did can be taken back, and then it is not found either.
        mine = scene.tweets["mine"]
        assert (await site.ask("DELETE", f"/api/tweets/{mine}/retweet", by=scene.other)).status_code == 204
        answer = await site.ask("DELETE", f"/api/tweets/{mine}/retweet", by=scene.other)
        assert_problem(answer, 404, "tweet_not_found")
    else:
        assert (await site.ask("PUT", f"/api/users/{scene.other.id}/follow", by=scene.viewer)).status_code == 200
        assert (await site.ask("PUT", f"/api/tweets/{theirs}/like", by=scene.viewer)).status_code == 200
    stands = (await scene.get("/api/users/{other}"))["viewer"]
    assert stands == {
        "following": not is_blocked,
        "followed_by": not is_blocked,
        "blocking": relation == "blocks",
        "muting": relation == "mutes",
    }
    assert scene.is_met_in((await scene.get("/api/me/blocks"))["items"]) == (relation == "blocks")
    assert scene.is_met_in((await scene.get("/api/me/mutes"))["items"]) == (relation == "mutes")


@pytest.mark.parametrize("relation", ["blocks", "blocked by", "mutes"])
async def test_all_is_as_before_once_it_is_taken_back_but_for_follows_and_notifications(
    site: Site, relation: str
) -> None:
    scene = await play(site, relation)
    by, whom = (scene.other, scene.viewer) if relation == "blocked by" else (scene.viewer, scene.other)
    verb = "mute" if relation == "mutes" else "block"
    assert (await site.ask("DELETE", f"/api/users/{whom.id}/{verb}", by=by)).status_code == 200
    stands = (await scene.get("/api/users/{other}"))["viewer"]
    assert stands["following"] is stands["followed_by"] is (verb == "mute")
    assert (await site.ask("PUT", f"/api/users/{scene.other.id}/follow", by=scene.viewer)).status_code == 200
    met = {name for name, (surface, _) in TABLE.items() if await surface(scene)}
    notified = {"notifications"} if verb == "mute" else set()
    assert met | {"notifications"} == set(TABLE)
    assert met & {"notifications"} == notified
