"""Popular tweets, catching up, top users' tweets and suggestions, as a client sees them."""

from typing import Any

import pytest

from linnet.ids import TweetId, UserId
from linnet.write.actions import likes
from tests.http.app_world import Person, Site, assert_problem, problem_fields


async def ids(site: Site, path: str, by: Person | None = None) -> list[str]:
    answer = await site.ask("GET", path, by=by)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def like(site: Site, by: Person, tweet: dict[str, Any]) -> None:
    await likes.like(site.world.write, UserId(int(by.id)), TweetId(int(tweet["id"])))


async def test_the_most_liked_tweet_comes_first(site: Site) -> None:
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    first, second, third = [await site.post(ada, text) for text in ("one", "two", "three")]
    await like(site, ben, second)
    await site.settle()
    assert await ids(site, "/api/tweets/top") == [second["id"], third["id"], first["id"]]
    for reader in (ben, cleo):
        await like(site, reader, first)
    await site.settle()
    assert await ids(site, "/api/tweets/top") == [first["id"], second["id"], third["id"]]
    assert await ids(site, "/api/tweets/top?k=2", ada) == [first["id"], second["id"]]
    assert await ids(site, "/api/tweet/top?k=1") == [first["id"]]
    # A deletion is seen before the list is read anew, and what follows moves up.
    assert (await site.ask("DELETE", f"/api/tweets/{first['id']}", by=ada)).status_code == 204
    site.world.read.tweets.forget_all()
    assert await ids(site, "/api/tweets/top?k=2", ada) == [second["id"], third["id"]]


async def test_following_asks_for_a_token_and_shows_those_one_follows(site: Site) -> None:
    ada, ben, cleo = [await site.sign_up(name) for name in ("ada", "ben", "cleo")]
    of_ada, _, of_cleo = await site.post(ada), await site.post(ben), await site.post(cleo)
    for followed in (ada, cleo):
        assert (await site.ask("PUT", f"/api/users/{followed.id}/follow", by=ben)).status_code == 200
    await like(site, ben, of_ada)
    await site.settle()
    assert await ids(site, "/api/tweets/top?scope=following", ben) == [of_ada["id"], of_cleo["id"]]
    assert await ids(site, "/api/tweets/top?scope=following", ada) == []
    assert_problem(await site.ask("GET", "/api/tweets/top?scope=following"), 401, "not_logged_in")


async def test_catching_up_says_since_when(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    tweet = await site.post(ada)
    assert (await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)).status_code == 200
    await site.settle()
    answer = (await site.ask("GET", "/api/timelines/catch-up?k=5", by=ben)).json()
    assert [item["id"] for item in answer["items"]] == [tweet["id"]]
    profile = (await site.ask("GET", f"/api/users/{ben.id}")).json()
    assert answer["since"] == profile["created_at"]
    assert_problem(await site.ask("GET", "/api/timelines/catch-up"), 401, "not_logged_in")


async def test_suggestions_say_who_follows_them(site: Site) -> None:
    ada, ben, cleo, dan = [await site.sign_up(name) for name in ("ada", "ben", "cleo", "dan")]
    for follower, followed in ((ada, ben), (ben, cleo), (dan, ada)):
        assert (await site.ask("PUT", f"/api/users/{followed.id}/follow", by=follower)).status_code == 200
    await site.settle()
    items = (await site.ask("GET", "/api/users/suggestions", by=ada)).json()["items"]
    assert [item["user"]["username"] for item in items] == ["cleo", "dan"]
    assert items[0]["followed_by"]["count"] == 1
    assert [person["username"] for person in items[0]["followed_by"]["people"]] == ["ben"]
    assert items[1]["followed_by"] == {"count": 0, "people": []}
    assert items[1]["user"]["viewer"] == {"following": False, "followed_by": True, "blocking": False, "muting": False}
    assert_problem(await site.ask("GET", "/api/users/suggestions"), 401, "not_logged_in")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/api/tweets/top?k=0", ["k"]),
        ("/api/tweets/top?k=101", ["k"]),
        ("/api/tweets/top?k=abc", ["k"]),
        ("/api/tweets/top?k=", ["k"]),
        ("/api/tweets/top?k=-1", ["k"]),
        ("/api/tweets/top?k=1.5", ["k"]),
        ("/api/tweets/top?k=%D9%A3", ["k"]),
        ("/api/tweets/top?scope=x", ["scope"]),
        ("/api/tweets/top?scope=&k=0", ["k", "scope"]),
        ("/api/tweets/top?k=1&k=2", ["k"]),
        ("/api/tweets/top?limit=3", ["limit"]),
        ("/api/timelines/catch-up?k=0", ["k"]),
        ("/api/timelines/catch-up?since=1", ["since"]),
        ("/api/timelines/top-users?limit=0", ["limit"]),
        ("/api/timelines/top-users?before=x", ["before"]),
        ("/api/users/suggestions?limit=0", ["limit"]),
        ("/api/users/suggestions?limit=101", ["limit"]),
        ("/api/users/suggestions?limit=x", ["limit"]),
    ],
)
async def test_bad_input_is_named(busy_site: Site, path: str, fields: list[str]) -> None:
    by = await busy_site.newcomer()
    assert sorted(problem_fields(await busy_site.ask("GET", path, by=by))) == fields


async def test_an_empty_place_has_nothing_popular_and_nobody_to_suggest(site: Site) -> None:
    ada = await site.sign_up("ada")
    for path in ("/api/tweets/top", "/api/tweets/top?scope=following", "/api/timelines/catch-up"):
        assert await ids(site, path, ada) == []
    assert (await site.ask("GET", "/api/timelines/top-users")).json() == {"items": [], "next": None, "prev": None}
    assert (await site.ask("GET", "/api/users/suggestions", by=ada)).json() == {"items": []}
